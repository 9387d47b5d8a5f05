//! Listings for who needs every key and no order.

use std::{collections::BTreeSet, sync::Arc};

use futures::TryStreamExt;
use proptest::prelude::*;
use transship_list::{Error, ListOptions, Result, Side, in_any_order};
use transship_testbed::s3::{Effect, Fault, PageFault};

use crate::{
    shelf::Shelf,
    slow_bucket::{Order, SlowBucket},
};

async fn listed(side: Side, options: ListOptions) -> Result<Vec<String>> {
    in_any_order(side, options).map_ok(|entry| entry.key.as_str().to_owned()).try_collect().await
}

impl Shelf {
    async fn in_any_order(&self) -> Result<Vec<String>> {
        listed(self.side(""), self.options.clone()).await
    }
}

fn numbered() -> impl Iterator<Item = String> {
    (0..300).map(|n| format!("obj-{n:04}"))
}

/// Folders among which the order of bytes is another one.
fn among_folders() -> impl Iterator<Item = String> {
    numbered().flat_map(|key| [format!("a/{key}"), format!("a-b/{key}"), format!("c.d/{key}"), format!("c/{key}")])
}

async fn paused(keys: impl Iterator<Item = String>, order: Order) -> (Vec<String>, u64) {
    let bucket = Arc::new(SlowBucket::in_order(order, keys, 10, 1));
    let keys = listed(Side::new(bucket.clone(), ""), ListOptions::default()).await.unwrap();
    (keys, bucket.requests())
}

#[tokio::test]
async fn a_store_in_the_order_of_bytes_is_listed_in_it_range_by_range() {
    let shelf = Shelf::with(10, numbered()).await;
    assert_eq!(shelf.in_any_order().await.unwrap(), numbered().collect::<Vec<_>>());
    assert!(shelf.requests() > 30, "more than there are pages: ranges were cut");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_says_that_it_has_another_order_is_listed_page_by_page() {
    let (keys, requests) = paused(among_folders(), Order::FoldersAndToldSo).await;
    assert_eq!((keys[0].as_str(), keys[300].as_str()), ("a/obj-0000", "a-b/obj-0000"), "as the store lists");
    assert_eq!((keys.len(), keys.into_iter().collect::<BTreeSet<_>>().len()), (1200, 1200));
    assert_eq!(requests, 120, "no request more than there are pages");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hides_its_order_is_listed_again_where_that_shows() {
    let (keys, requests) = paused(among_folders(), Order::Folders).await;
    assert_eq!((keys.len(), keys.into_iter().collect::<BTreeSet<_>>().len()), (1200, 1200));
    assert!(requests > 120);
    let (keys, requests) = paused(["a/1", "a-b", "c"].map(str::to_owned).into_iter(), Order::Folders).await;
    assert_eq!(
        (keys, requests),
        (vec!["a/1".to_owned(), "a-b".to_owned(), "c".to_owned()], 1),
        "seen on the first page"
    );
}

#[tokio::test]
async fn a_server_that_ignores_where_to_start_is_listed_in_one_piece() {
    let shelf = Shelf::with(10, numbered()).await;
    shelf.spoil(Fault::new(Effect::Page(PageFault::IgnoreStartAfter)));
    assert_eq!(shelf.in_any_order().await.unwrap(), numbered().collect::<Vec<_>>());
}

#[tokio::test]
async fn a_page_that_comes_twice_is_caught() {
    for after in [0, 1, 5] {
        let shelf = Shelf::with(10, numbered()).await;
        shelf.spoil(Fault::new(Effect::Page(PageFault::Repeat)).after(after));
        let error = shelf.in_any_order().await.unwrap_err();
        assert!(matches!(error, Error::OutOfOrder { .. } | Error::Endless { .. }), "after {after}: {error}");
    }
}

#[tokio::test]
async fn pages_without_keys_that_lead_nowhere_end_the_listing() {
    for fault in [PageFault::Stuck, PageFault::Empty] {
        for after in [0, 5] {
            let shelf = Shelf::with(10, numbered()).await;
            shelf.spoil(Fault::new(Effect::Page(fault)).after(after));
            let error = shelf.in_any_order().await.unwrap_err();
            assert!(matches!(error, Error::Endless { .. }), "{fault:?} after {after}: {error}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// The order may show on any page, in any range.
    #[test]
    fn every_key_comes_once_whatever_the_order(
        keys in prop::collection::btree_set("[ab](/[a-c0-9]|[.-][a-c0-9]){1,4}", 0..200),
        order in prop::sample::select(vec![Order::Bytes, Order::Folders, Order::FoldersAndToldSo]),
        page in 1_usize..8,
        seed: u64,
    ) {
        let bucket = Arc::new(SlowBucket::in_order(order, keys.iter().cloned(), page, seed));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let options = ListOptions { listers: 4, ..ListOptions::default() };
        let listed = runtime.block_on(listed(Side::new(bucket, ""), options)).unwrap();
        prop_assert_eq!(listed.len(), keys.len());
        prop_assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), keys);
    }
}
