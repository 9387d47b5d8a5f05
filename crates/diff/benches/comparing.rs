//! What a pair of objects costs that is compared by its listings.
#![allow(clippy::expect_used)] // it may end where it cannot be set up

use divan::{Bencher, black_box, counter::ItemsCount};
use futures::{executor::block_on, stream};
use time::{Duration, OffsetDateTime};
use transship_diff::{Facts, Join, Pair, Policy};
use transship_types::{ETag, Entry, Key};

fn main() {
    divan::main();
}

const ENTRIES: usize = 10_000;
const PAGE: usize = 1_000;

type Pages = Vec<Vec<Entry>>;

/// A listing below a prefix, where each object may be left out or be another one.
fn listing(prefix: &str, change: impl Fn(usize, Entry) -> Option<Entry>) -> Pages {
    let entry = |n: usize| Entry {
        key: Key::from(format!("{prefix}year=2024/month=05/part-{n:08}.parquet")),
        size: n as u64,
        last_modified: OffsetDateTime::UNIX_EPOCH,
        etag: Some(ETag::new(&format!("{n:032x}"))),
        storage_class: None,
    };
    let entries: Vec<Entry> = (0..ENTRIES).filter_map(|n| change(n, entry(n))).collect();
    entries.chunks(PAGE).map(<[Entry]>::to_vec).collect()
}

fn same(_: usize, entry: Entry) -> Option<Entry> {
    Some(entry)
}

/// Every fourth is another one, every fourth is not there.
fn half_differing(n: usize, entry: Entry) -> Option<Entry> {
    match n % 4 {
        0 => Some(Entry { size: entry.size + 1, ..entry }),
        1 => None,
        _ => Some(Entry { last_modified: entry.last_modified + Duration::HOUR, ..entry }),
    }
}

fn joined(source: Pages, destination: Pages) -> usize {
    let policy = Policy::listed();
    let pages = |pages: Pages| stream::iter(pages.into_iter().map(Ok::<_, ()>));
    let mut join = Join::new((pages(source), "in/"), (pages(destination), "out/there/"));
    block_on(async {
        let mut differing = 0;
        while let Some(pair) = join.next().await.expect("both are whole") {
            differing += usize::from(match &pair {
                Pair::Both { source, destination } => {
                    !policy.compare(&Facts::listed(source, true), &Facts::listed(destination, true)).is_same()
                }
                _ => true,
            });
        }
        differing
    })
}

fn compared(bencher: Bencher<'_, '_>, change: impl Fn(usize, Entry) -> Option<Entry>) {
    let pages = (listing("in/", same), listing("out/there/", change));
    bencher
        .counter(ItemsCount::new(ENTRIES))
        .with_inputs(|| pages.clone())
        .bench_local_values(|(source, destination)| black_box(joined(source, destination)));
}

#[divan::bench]
fn all_the_same(bencher: Bencher<'_, '_>) {
    compared(bencher, same);
}

#[divan::bench]
fn half_of_them_differ(bencher: Bencher<'_, '_>) {
    compared(bencher, half_differing);
}
