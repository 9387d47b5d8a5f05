use transship_list::{Jump, KeyRange, Skip};

use crate::shelf::Shelf;

#[tokio::test]
async fn what_is_not_wanted_is_not_listed() {
    let keys = (0..1000).map(|n| format!("cache/{n:04}")).chain((0..30).map(|n| format!("data/{n:04}")));
    let mut shelf = Shelf::with(10, keys.chain((0..1000).map(|n| format!("tmp/{n:04}")))).await;
    shelf.options.skip = Skip::new(|listed| match listed {
        _ if listed < "data/" => Jump::Behind("data/".to_owned()),
        _ if listed < "data0" => Jump::Next,
        _ => Jump::End,
    });
    let listed = shelf.in_order("", KeyRange::ALL).await.unwrap();
    assert_eq!(listed.iter().filter(|key| key.starts_with("data/")).count(), 30);
    assert!(listed.len() <= 40, "{} keys", listed.len());
    let requests = shelf.requests();
    assert!(requests <= 8, "{requests} requests");
}

#[tokio::test]
async fn a_rule_that_jumps_backwards_does_not_go_round_in_circles() {
    let mut shelf = Shelf::with(10, (0..100).map(|n| format!("{n:04}"))).await;
    shelf.options.skip = Skip::new(|_| Jump::Behind(String::new()));
    assert_eq!(shelf.in_order("", KeyRange::ALL).await.unwrap().len(), 100);
}
