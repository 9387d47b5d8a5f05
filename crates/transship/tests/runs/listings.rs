//! Listings that lie, or break off.

use std::time::Duration;

use transship::Leg;
use transship_testbed::s3::{Effect, Fault, Operation as Op, PageFault, StoredObject};

use crate::stage::{BUCKET, MIB, Stage, directory, failed, finish, is_copied, place, reports};

async fn ten_objects() -> Stage {
    let stage = Stage::with_pages_of(3).await;
    for n in 0..10 {
        stage.put(&format!("{n}.csv"), format!("content {n}"), n);
    }
    stage
}

#[tokio::test]
async fn every_page_is_read_and_every_object_copied_once() {
    let stage = ten_objects().await;
    assert_eq!(reports(stage.copy(stage.straight())).await.len(), 10);
    assert_eq!(stage.source.count(Op::ListObjectsV2), 4);
    assert_eq!(stage.requests(), [(Op::GetObject, 10), (Op::PutObject, 10)], "exactly two requests an object");
    assert_eq!(stage.site.keys(BUCKET), stage.source.keys(BUCKET));
}

#[tokio::test]
async fn a_listing_that_lies_ends_the_run_and_copies_nothing_where_there_is_a_plan() {
    let lies = [
        (PageFault::Repeat, "s3://bucket at http://"),
        (PageFault::OutOfOrder, "s3://bucket at http://"),
        (PageFault::NoToken, "list s3://bucket at http://"),
    ];
    for (lie, told) in lies {
        for after in [0, 1] {
            let stage = ten_objects().await;
            let hits = stage.source.faults().add(Fault::new(Effect::Page(lie)).on(Op::ListObjectsV2).after(after));
            let (reports, error) = finish(stage.copy(stage.renamed("{name}.csv", "{name}", false))).await;
            let error = error.expect("the run fails").to_string();
            assert!(error.starts_with(told), "{lie:?}: {error}");
            assert!((1..=5).contains(&hits.count()), "{lie:?}: asked again a few times at most");
            assert_eq!((reports.len(), stage.requests()), (0, vec![]), "{lie:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_of_a_long_listing_are_under_way_side_by_side() {
    let mut stage = Stage::with_pages_of(10).await;
    stage.options.skip_existing = true;
    for n in 0..500 {
        stage.put(&format!("in/{n:03}"), "content", 0);
        stage.site.put_object(BUCKET, &format!("in/{n:03}"), "content");
    }
    let far = || Fault::new(Effect::Delay(Duration::from_millis(20))).on(Op::ListObjectsV2);
    stage.source.faults().add(far());
    stage.site.faults().add(far());
    assert_eq!(reports(stage.copy(stage.straight())).await.len(), 500);
    for server in [&stage.source, &stage.site] {
        assert!(server.most_in_flight() >= 4, "{}", server.most_in_flight());
    }
    assert_eq!(stage.requests(), [], "listings are all there is");
}

#[tokio::test]
async fn a_listing_of_empty_pages_without_end_ends_the_run() {
    for lie in [PageFault::Stuck, PageFault::Empty] {
        let stage = ten_objects().await;
        stage.source.faults().add(Fault::new(Effect::Page(lie)).on(Op::ListObjectsV2).after(1));
        let (_, error) = finish(stage.copy(stage.straight())).await;
        let error = error.expect("the run fails").to_string();
        assert!(error.contains("does not come to an end"), "{lie:?}: {error}");
    }
}

#[tokio::test]
async fn a_destination_that_lists_without_end_fails_by_itself() {
    let mut stage = ten_objects().await;
    stage.options.skip_existing = true;
    let root = tempfile::tempdir().unwrap();
    stage.site.faults().add(Fault::new(Effect::Page(PageFault::Stuck)).on(Op::ListObjectsV2));
    let legs = vec![Leg::new("site", place(&stage.site, "")), Leg::new("files", directory(&root))];
    for report in reports(stage.copy(stage.route(legs))).await {
        assert!(failed(&report.destinations[0]).contains("does not come to an end"), "{report:?}");
        assert!(is_copied(&report.destinations[1]), "{report:?}");
    }
}

#[tokio::test]
async fn a_listing_that_fails_is_tried_again_and_then_ends_the_run() {
    let stage = ten_objects().await;
    let fail = |times| Fault::answer(503, "SlowDown").on(Op::ListObjectsV2).after(2).times(times);
    stage.source.faults().add(fail(2));
    assert_eq!(reports(stage.copy(stage.straight())).await.len(), 10);
    stage.source.faults().clear();
    stage.requests();
    let hits = stage.source.faults().add(fail(100));
    let (reports, error) = finish(stage.copy(stage.renamed("{name}.csv", "{name}", false))).await;
    assert!(error.is_some());
    assert_eq!((hits.count(), reports.len(), stage.requests()), (5, 0, vec![]));
}

#[tokio::test]
async fn a_listing_that_breaks_off_ends_the_run_after_what_is_under_way() {
    let stage = ten_objects().await;
    let parts: Vec<bytes::Bytes> = (0..3).map(|n| vec![n; 5 * MIB].into()).collect();
    stage.source.put(BUCKET, "0.parts", StoredObject::in_parts(parts));
    stage.site.faults().add(Fault::new(Effect::Delay(Duration::from_millis(100))).on(Op::UploadPart));
    stage.site.faults().add(Fault::new(Effect::Delay(Duration::from_millis(100))).on(Op::PutObject));
    stage.source.faults().add(Fault::answer(403, "AccessDenied").on(Op::ListObjectsV2).after(2));
    let (reports, error) = finish(stage.copy(stage.straight())).await;
    assert!(error.is_some_and(|error| error.to_string().contains("access denied")));
    assert_eq!(reports.len(), 6, "what was listed was copied, and is reported");
    assert!(reports.iter().all(|report| is_copied(&report.destinations[0])));
    assert_eq!(stage.site.unfinished_uploads(BUCKET), []);
    assert_eq!(stage.site.keys(BUCKET).len(), 6);
}

#[tokio::test]
async fn a_missing_source_ends_the_run_and_says_where() {
    let stage = Stage::new().await;
    stage.source.faults().add(Fault::answer(404, "NoSuchBucket").on(Op::ListObjectsV2));
    let (_, error) = finish(stage.copy(stage.straight())).await;
    let said = error.unwrap().to_string();
    assert!(said.contains("there is no such bucket") && said.contains(&stage.source.endpoint()), "{said}");
}

#[tokio::test]
async fn a_run_that_nobody_looks_at_has_not_started() {
    let stage = ten_objects().await;
    let run = stage.copy(stage.straight());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!((stage.source.requests().len(), stage.site.requests().len()), (0, 0));
    assert_eq!(reports(run).await.len(), 10);
}

#[test]
fn a_run_can_be_described_before_there_is_a_runtime() {
    let place = || transship::Place::open("memory://described").unwrap();
    let route = transship::Route { source: place(), legs: vec![transship::Leg::new("there", place())] };
    drop(transship::copy(route, transship::RunOptions::default()));
}
