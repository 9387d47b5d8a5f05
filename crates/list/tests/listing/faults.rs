use futures::TryStreamExt;
use transship_list::{Error, KeyRange, Side, entries};
use transship_store::{BucketSpec, open};
use transship_testbed::s3::{Effect, Fault, Operation, PageFault};

use crate::shelf::Shelf;

async fn shelf() -> Shelf {
    Shelf::with(10, (0..300).map(|n| format!("obj-{n:04}"))).await
}

/// The error of both ways to list.
async fn fails(shelf: &Shelf) -> [Error; 2] {
    let ordered = shelf.in_order("", KeyRange::ALL).await.unwrap_err();
    [ordered, shelf.in_pieces("", KeyRange::ALL).await.unwrap_err()]
}

#[tokio::test]
async fn a_server_that_ignores_where_to_start_is_caught() {
    let shelf = shelf().await;
    shelf.spoil(Fault::new(Effect::Page(PageFault::IgnoreStartAfter)));
    for error in fails(&shelf).await {
        assert!(matches!(error, Error::StartIgnored { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_ignores_where_to_start_is_listed_in_one_piece() {
    let mut shelf = shelf().await;
    shelf.spoil(Fault::new(Effect::Page(PageFault::IgnoreStartAfter)));
    shelf.options.listers = 1;
    assert_eq!(shelf.in_order("", KeyRange::ALL).await.unwrap().len(), 300);
}

#[tokio::test]
async fn a_page_that_comes_twice_is_caught() {
    let shelf = shelf().await;
    shelf.spoil(Fault::new(Effect::Page(PageFault::Repeat)));
    for error in fails(&shelf).await {
        assert!(matches!(error, Error::OutOfOrder { .. }), "{error}");
    }
}

#[tokio::test]
async fn pages_without_keys_that_lead_nowhere_end_the_listing() {
    for fault in [PageFault::Stuck, PageFault::Empty] {
        for after in [0, 5] {
            let shelf = shelf().await;
            shelf.spoil(Fault::new(Effect::Page(fault)).after(after));
            let error = shelf.in_order("", KeyRange::ALL).await.unwrap_err();
            assert!(matches!(error, Error::Endless { .. }), "{fault:?} after {after}: {error}");
        }
    }
}

#[tokio::test]
async fn pages_without_keys_are_passed_over() {
    let shelf = shelf().await;
    shelf.spoil(Fault::new(Effect::Page(PageFault::Empty)).times(50));
    assert_eq!(shelf.in_order("", KeyRange::ALL).await.unwrap().len(), 300);
}

#[tokio::test]
async fn a_page_out_of_order_is_caught() {
    let shelf = shelf().await;
    shelf.spoil(Fault::new(Effect::Page(PageFault::OutOfOrder)));
    for error in fails(&shelf).await {
        assert!(matches!(error, Error::OutOfOrder { .. }), "{error}");
        assert!(error.to_string().contains("which is not the order of bytes"), "{error}");
    }
}

#[tokio::test]
async fn a_page_that_fails_for_good_ends_the_listing() {
    let shelf = shelf().await;
    shelf.spoil(Fault::answer(403, "AccessDenied").after(7));
    assert!(matches!(shelf.in_order("", KeyRange::ALL).await.unwrap_err(), Error::Store(_)));
}

#[tokio::test]
async fn a_page_that_fails_once_is_asked_for_again() {
    let shelf = shelf().await;
    shelf.spoil(Fault::answer(503, "SlowDown").after(3).times(2));
    assert_eq!(shelf.in_order("", KeyRange::ALL).await.unwrap().len(), 300);
}

#[tokio::test]
async fn a_server_that_gives_so_many_pages_a_second_is_asked_for_about_as_many() {
    let shelf = Shelf::with(10, (0..4000).map(|n| format!("obj-{n:04}"))).await;
    let limit = shelf.server.faults().add(Fault::above_rate(100, 10).on(Operation::ListObjectsV2));
    let bucket = open(&BucketSpec::S3(shelf.spec())).unwrap();
    let listed = entries(Side::new(bucket, ""), KeyRange::ALL, shelf.options.clone());
    assert_eq!(listed.try_fold(0, |count, _| async move { Ok(count + 1) }).await.unwrap(), 4000);
    let (refused, admitted) = (limit.count(), limit.spared());
    assert!(refused > 0 && refused * 4 < admitted, "{refused} were refused, {admitted} admitted");
}
