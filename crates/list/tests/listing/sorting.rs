use transship_list::Error;
use transship_testbed::s3::{Effect, Fault, PageFault};

use crate::shelf::Shelf;

#[tokio::test]
async fn a_store_without_an_order_is_sorted() {
    let shelf = Shelf::with(10, (0..2_500).map(|n| format!("in/obj-{n:04}")).chain(["in/".to_owned()])).await;
    shelf.spoil(Fault::new(Effect::Page(PageFault::OutOfOrder)));
    let sorted = shelf.sorted("in/").await.unwrap();
    assert_eq!((sorted.len(), sorted.is_sorted(), sorted[0].as_str()), (2_501, true, "in/"));
}

#[tokio::test]
async fn a_page_that_comes_again_does_not_go_round_in_circles() {
    let shelf = Shelf::with(10, (0..100).map(|n| format!("obj-{n:04}"))).await;
    shelf.spoil(Fault::new(Effect::Page(PageFault::Repeat)));
    assert!(matches!(shelf.sorted("").await.unwrap_err(), Error::Repeated { .. }));
}

#[tokio::test]
async fn pages_without_keys_that_lead_nowhere_end_the_listing() {
    for fault in [PageFault::Stuck, PageFault::Empty] {
        let shelf = Shelf::with(10, (0..100).map(|n| format!("obj-{n:04}"))).await;
        shelf.spoil(Fault::new(Effect::Page(fault)).after(2));
        assert!(matches!(shelf.sorted("").await.unwrap_err(), Error::Endless { .. }), "{fault:?}");
    }
}

#[tokio::test]
async fn pages_without_keys_are_passed_over() {
    let shelf = Shelf::with(10, (0..100).map(|n| format!("obj-{n:04}"))).await;
    shelf.spoil(Fault::new(Effect::Page(PageFault::Empty)).after(2).times(50));
    assert_eq!(shelf.sorted("").await.unwrap().len(), 100);
}
