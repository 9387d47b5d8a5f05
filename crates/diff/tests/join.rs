//! Two listings side by side, against what a map says.

use std::collections::{BTreeMap, BTreeSet};

use futures::{executor::block_on, stream};
use proptest::prelude::*;
use time::OffsetDateTime;
use transship_diff::{Join, Pair};
use transship_types::{Entry, Key};

type Keys = BTreeMap<String, u64>;

fn pages(prefix: &str, keys: &Keys, size: usize) -> Vec<Result<Vec<Entry>, &'static str>> {
    let entry = |(key, size): (&String, &u64)| Entry {
        key: Key::from(format!("{prefix}{key}")),
        size: *size,
        last_modified: OffsetDateTime::UNIX_EPOCH,
        etag: None,
        storage_class: None,
    };
    let entries: Vec<Entry> = keys.iter().map(entry).collect();
    let mut pages: Vec<_> = entries.chunks(size).map(|page| Ok(page.to_vec())).collect();
    pages.insert(pages.len() / 2, Ok(Vec::new()));
    pages
}

fn joined(
    source: Vec<Result<Vec<Entry>, &'static str>>,
    destination: Vec<Result<Vec<Entry>, &'static str>>,
) -> Result<Vec<Pair>, &'static str> {
    let mut join = Join::new((stream::iter(source), "in/"), (stream::iter(destination), "a/b/"));
    let mut pairs = Vec::new();
    while let Some(pair) = block_on(join.next())? {
        pairs.push(pair);
    }
    Ok(pairs)
}

fn key(pair: &Pair) -> (&str, Option<u64>, Option<u64>) {
    let strip = |entry: &Entry, prefix: usize| (entry.size, entry.key.as_str().len() - prefix);
    match pair {
        Pair::Source(entry) => (&entry.key.as_str()[3..], Some(strip(entry, 3).0), None),
        Pair::Destination(entry) => (&entry.key.as_str()[4..], None, Some(strip(entry, 4).0)),
        Pair::Both { source, destination } => (&source.key.as_str()[3..], Some(source.size), Some(destination.size)),
    }
}

proptest! {
    #[test]
    fn every_key_comes_once_in_order_from_where_it_is(
        source in prop::collection::btree_map("[a-c/é]{0,3}", 0_u64..3, 0..30),
        destination in prop::collection::btree_map("[a-c/é]{0,3}", 0_u64..3, 0..30),
        size in 1_usize..5,
    ) {
        let pairs = joined(pages("in/", &source, size), pages("a/b/", &destination, size)).unwrap();
        let found: Vec<_> = pairs.iter().map(key).collect();
        let all: BTreeSet<&String> = source.keys().chain(destination.keys()).collect();
        let expected: Vec<_> =
            all.into_iter().map(|key| (key.as_str(), source.get(key).copied(), destination.get(key).copied())).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_listing_that_breaks_off_ends_the_comparison_with_its_error() {
    let keys: Keys = (0..9).map(|n| (n.to_string(), n)).collect();
    let mut broken = pages("a/b/", &keys, 2);
    broken.truncate(2);
    broken.push(Err("reset"));
    assert_eq!(joined(pages("in/", &keys, 2), broken).unwrap_err(), "reset");
}
