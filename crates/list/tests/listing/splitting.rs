use std::{collections::BTreeSet, time::Duration};

use proptest::prelude::*;
use transship_list::KeyRange;
use transship_testbed::s3::{Effect, Fault};
use transship_types::Key;

use crate::shelf::Shelf;

fn flat(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|n| format!("obj-{n:07}"))
}

#[tokio::test]
async fn up_to_two_pages_cost_no_request_more() {
    let shelf = Shelf::with(100, flat(200)).await;
    assert_eq!(shelf.in_pieces("", KeyRange::ALL).await.unwrap().len(), 1);
    assert_eq!(shelf.requests(), 2);
    assert_eq!(shelf.in_order("", KeyRange::ALL).await.unwrap().len(), 200);
    assert_eq!(shelf.requests(), 2);
    let empty = Shelf::with(100, flat(0)).await;
    assert!(empty.in_order("", KeyRange::ALL).await.unwrap().is_empty());
    assert_eq!(empty.requests(), 1);
}

async fn is_split(what: &str, keys: Vec<String>) {
    let shelf = Shelf::with(20, &keys).await;
    shelf.spoil(Fault::new(Effect::Delay(Duration::from_millis(10))));
    let pages = keys.len() as u64 / 20;
    for ordered in [false, true] {
        let mut listed = match ordered {
            true => shelf.in_order("", KeyRange::ALL).await.unwrap(),
            false => shelf.in_pieces("", KeyRange::ALL).await.unwrap().concat(),
        };
        if !ordered {
            listed.sort_unstable();
        }
        let mut keys = keys.clone();
        keys.sort_unstable();
        assert_eq!(listed, keys, "{what}");
        let (most, requests) = (shelf.server.most_in_flight(), shelf.requests());
        assert!(most >= 6, "{what}: at most {most} requests at once");
        assert!(requests <= pages * 3 / 2, "{what}: {requests} requests for {pages} pages");
    }
}

#[tokio::test]
async fn a_flat_key_space_is_split() {
    is_split("numbers", flat(10_000).collect()).await;
}

#[tokio::test]
async fn a_space_of_hashes_is_split() {
    is_split("hashes", (0..10_000_u64).map(|n| format!("{:016x}", n.wrapping_mul(0x9E37_79B9_7F4A_7C15))).collect())
        .await;
}

#[tokio::test]
async fn a_deep_tree_is_split() {
    let day = |n: u32| format!("data/2{:03}/{:02}/{:02}", n / 336, n / 28 % 12 + 1, n % 28 + 1);
    is_split("days", (0..10_000_u32).map(|n| format!("{}/part-{}.parquet", day(n / 5), n % 5)).collect()).await;
}

#[tokio::test]
async fn a_folder_that_holds_most_of_all_is_split() {
    let mut keys: Vec<String> = (0..500).map(|n| format!("{n:03}/readme")).collect();
    keys.extend((0..10_000).map(|n| format!("logs/app/{n}.log")));
    is_split("one large folder", keys).await;
}

#[tokio::test]
async fn names_in_other_scripts_are_split() {
    let letter = |n: u32| char::from_u32(0x4E00 + n).unwrap();
    is_split("ideographs", (0..10_000).map(|n| format!("資料/{}{}", letter(n / 100), letter(n % 100))).collect()).await;
}

#[tokio::test]
async fn a_listing_goes_on_behind_a_key_below_a_prefix() {
    let shelf = Shelf::with(10, flat(1000).map(|key| format!("in/{key}")).chain(["inn".to_owned()])).await;
    let range = KeyRange { after: Some(Key::from("obj-0000499")), until: Some(Key::from("obj-0000600")) };
    let listed = shelf.in_order("in/", range.clone()).await.unwrap();
    assert_eq!((listed.len(), listed[0].as_str(), listed[100].as_str()), (101, "in/obj-0000500", "in/obj-0000600"));
    assert_eq!(shelf.in_pieces("in/", range).await.unwrap().concat().len(), 101);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn every_key_is_listed_once(
        keys in prop::collection::btree_set("[ab01/é+%\u{1}\u{10FFFF}]{1,5}", 0..200),
        page in 1_usize..5,
        after in prop::option::of("[ab01/]{1,3}"),
        until in prop::option::of("[ab01/]{1,3}"),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let range = KeyRange { after: after.map(Key::from), until: until.map(Key::from) };
        let (ordered, apart) = runtime.block_on(async {
            let shelf = Shelf::with(page, &keys).await;
            (shelf.in_order("", range.clone()).await.unwrap(), shelf.in_pieces("", range.clone()).await.unwrap())
        });
        let expected: Vec<String> = keys.into_iter().filter(|key| range.contains(key)).collect();
        prop_assert_eq!(&ordered, &expected);
        let apart = apart.concat();
        prop_assert_eq!(apart.len(), expected.len(), "a key came twice");
        prop_assert_eq!(apart.into_iter().collect::<BTreeSet<_>>(), expected.into_iter().collect::<BTreeSet<_>>());
    }
}
