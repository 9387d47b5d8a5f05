//! What it costs to ask a filter about a path.
#![allow(clippy::expect_used)] // it may end where it cannot be set up

use divan::{Bencher, black_box, counter::ItemsCount};
use time::OffsetDateTime;
use transship_diff::{Filter, Fit, Limits, Rule, Rules};
use transship_types::{Entry, Key};

fn main() {
    divan::main();
}

const PATHS: usize = 1_000;

fn entries() -> Vec<Entry> {
    let folders = ["raw/2024/05", "logs/app", "tmp/a/b", "curated/tables/orders"];
    let names = ["part.parquet", "events.log", "notes.txt", "index.json"];
    let path = |n: usize| format!("{}/{n:06}-{}", folders[n % 4], names[n / 4 % 4]);
    let entry = |n| Entry {
        key: Key::from(path(n)),
        size: n as u64,
        last_modified: OffsetDateTime::UNIX_EPOCH,
        etag: None,
        storage_class: None,
    };
    (0..PATHS).map(entry).collect()
}

fn fits(bencher: Bencher<'_, '_>, rules: &[&str], limits: Limits) {
    let mut all = Rules::new(false);
    for rule in rules {
        all.add(Rule::parse(rule).expect("a rule")).expect("a pattern");
    }
    let (filter, entries) = (Filter::new(all, limits).expect("a filter"), entries());
    bencher.counter(ItemsCount::new(PATHS)).bench(|| {
        let fits = |entry: &&Entry| filter.fit(black_box(entry.key.as_str()), entry) == Fit::Fits;
        entries.iter().filter(fits).count()
    });
}

#[divan::bench]
fn no_rules(bencher: Bencher<'_, '_>) {
    fits(bencher, &[], Limits::default());
}

#[divan::bench]
fn by_ending(bencher: Bencher<'_, '_>) {
    fits(bencher, &["+ *.parquet", "+ *.json", "- *"], Limits::default());
}

#[divan::bench]
fn by_folder(bencher: Bencher<'_, '_>) {
    fits(bencher, &["- /tmp/**", "- logs/", "+ /raw/{2023,2024}/**", "+ *.json", "- **"], Limits::default());
}

#[divan::bench]
fn by_size_and_age(bencher: Bencher<'_, '_>) {
    let limits = Limits { max_size: Some(500), modified_to: Some(OffsetDateTime::UNIX_EPOCH), ..Limits::default() };
    fits(bencher, &[], limits);
}
