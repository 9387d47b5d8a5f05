//! What a key costs that is taken apart and put together again.
#![allow(clippy::expect_used)] // it may end where it cannot be set up

use divan::{Bencher, counter::ItemsCount};
use time::macros::datetime;
use transship_keys::{Defaults, Formatter, Template};

fn main() {
    divan::main();
}

const KEYS: usize = 1_000;

/// As they stand in a configuration, and a key of each.
const TEMPLATES: [(&str, &str, &str); 3] = [
    ("{date}/{collection}.{ext}", "{collection}/historic/{date}-{collection}.{ext}", "2010-01-31/sf-temps-NNN.csv.gz"),
    ("{a}/{b}/{rest}", "{b}/{a}/{rest}", "tenant-17/dataset-4/year=2024/month=05/day=06/part-NNN.parquet"),
    ("{id}/{year}/{id}-{name}", "{year}/{id}/{name}", "customer-NNN/2024/customer-NNN-invoice.pdf"),
];

fn template(text: &str) -> Template {
    Template::parse(text).expect("the template is well formed")
}

#[divan::bench(args = [0, 1, 2])]
fn formatter(bencher: Bencher<'_, '_>, which: usize) {
    let (from, to, key) = TEMPLATES[which];
    let formatter = Formatter::new(&template(from), &template(to)).expect("the templates fit");
    let defaults = Defaults::at(datetime!(2024-05-06 7:08:09 UTC));
    let keys: Vec<String> = (0..KEYS).map(|n| key.replace("NNN", &format!("{n:06}"))).collect();
    bencher.counter(ItemsCount::new(KEYS)).bench(|| {
        for key in &keys {
            divan::black_box(formatter.format(key, &defaults).expect("the key fits"));
        }
    });
}

#[divan::bench]
fn templates(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(1u8)).bench(|| template(divan::black_box(TEMPLATES[0].1)));
}
