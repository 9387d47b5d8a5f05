//! What is there already.

use transship::types::Strength;
use transship_testbed::s3::{Operation as Op, StoredObject};

use crate::stage::{
    BUCKET, MIB, Stage, directory, gzip, is_copied, place, renaming, reports, skipped, strength, unpacking,
};

#[tokio::test]
async fn a_run_that_changes_nothing_sends_nothing_but_listings() {
    let mut stage = Stage::with_pages_of(3).await;
    stage.options.skip_existing = true;
    for n in 0..10 {
        stage.put(&format!("{n}"), format!("content {n}"), n);
    }
    let parts: Vec<bytes::Bytes> = (0..3).map(|n| vec![n; 5 * MIB].into()).collect();
    stage.source.put(BUCKET, "parts", StoredObject::in_parts(parts));
    let first = reports(stage.copy(stage.straight())).await;
    assert!(first.iter().all(|report| is_copied(&report.destinations[0])));
    stage.requests();
    let second = reports(stage.copy(stage.straight())).await;
    assert_eq!(second.len(), 11);
    for report in &second {
        assert_eq!((skipped(&report.destinations[0]), report.source_reads), ("already there", 0));
    }
    assert_eq!(stage.requests(), [], "no HEADs, no GETs");
    stage.put("3", "content x", 20);
    let third = reports(stage.copy(stage.straight())).await;
    let copied: Vec<_> = third.iter().filter(|r| is_copied(&r.destinations[0])).map(|r| r.key.as_str()).collect();
    assert_eq!(copied, ["3"], "of the same size, told apart by its ETag");
    assert_eq!(stage.requests(), [(Op::GetObject, 1), (Op::PutObject, 1)]);
}

#[tokio::test]
async fn files_are_compared_by_size_and_time() {
    let mut stage = Stage::new().await;
    stage.options.skip_existing = true;
    let root = tempfile::tempdir().unwrap();
    let route = stage.route(vec![transship::Leg::new("files", directory(&root))]);
    stage.put("a", "content", 0);
    stage.put("b", "content", 1);
    assert_eq!(strength(&reports(stage.copy(route.clone())).await[0].destinations[0]), Strength::Reread);
    stage.requests();
    let second = reports(stage.copy(route.clone())).await;
    assert!(second.iter().all(|report| skipped(&report.destinations[0]) == "already there"));
    assert_eq!(stage.requests(), []);
    // Written after the copy was.
    stage.put("a", "CONTENT", 20_000);
    stage.put("b", "other content", 0);
    let third = reports(stage.copy(route)).await;
    assert!(third.iter().all(|report| is_copied(&report.destinations[0])), "newer, or of another size");
}

#[tokio::test]
async fn unpacked_objects_are_compared_by_time() {
    let mut stage = Stage::new().await;
    stage.options.skip_existing = true;
    let leg = transship::Leg { keys: unpacking(), ..transship::Leg::new("site", place(&stage.site, "")) };
    let route = stage.route(vec![leg]);
    stage.put("a.gz", gzip(b"content"), 0);
    assert!(is_copied(&reports(stage.copy(route.clone())).await[0].destinations[0]));
    assert_eq!(skipped(&reports(stage.copy(route)).await[0].destinations[0]), "already there");
}

/// A shared key holds an older source's content, which was written after the newer source.
async fn stale(unpack: bool, to: impl Fn(&Stage) -> transship::Place, read: impl Fn(&Stage) -> bytes::Bytes) {
    let mut stage = Stage::new().await;
    let pack = |text: &'static [u8]| if unpack { gzip(text) } else { text.into() };
    stage.options.skip_existing = true;
    let keys = renaming("{date}/{name}.{ext}", "{name}/latest", unpack);
    let route = stage.route(vec![transship::Leg { keys, ..transship::Leg::new("site", to(&stage)) }]);
    stage.put("1/orders.gz", pack(b"older"), 1);
    reports(stage.copy(route.clone())).await;
    assert_eq!(read(&stage), "older");
    // Newer, but not newer than the writing of the older one: a shard, or a listing of only some days, left it out.
    stage.put("2/orders.gz", pack(b"newer"), 2);
    let second = reports(stage.copy(route.clone())).await;
    assert!(is_copied(&second[1].destinations[0]), "{:?}", second[1].destinations[0].outcome);
    assert_eq!(read(&stage), "newer");
    stage.requests();
    let third = reports(stage.copy(route)).await;
    assert_eq!(skipped(&third[1].destinations[0]), "already there");
    let written = stage.requests().into_iter().filter(|(op, _)| !matches!(op, Op::HeadObject)).collect::<Vec<_>>();
    assert_eq!(written, []);
}

#[tokio::test]
async fn a_shared_key_with_older_content_is_not_taken_for_the_newest() {
    for unpack in [false, true] {
        stale(unpack, |stage| place(&stage.site, ""), |stage| stage.arrived("orders/latest")).await;
    }
}

#[tokio::test]
async fn a_shared_file_with_older_content_is_not_taken_for_the_newest() {
    for unpack in [false, true] {
        let root = tempfile::tempdir().unwrap();
        let read = |_: &Stage| std::fs::read(root.path().join("files/orders/latest")).unwrap().into();
        stale(unpack, |_| directory(&root), read).await;
    }
}

#[tokio::test]
async fn a_destination_that_cannot_be_listed_fails_the_run_before_the_first_copy() {
    let mut stage = Stage::new().await;
    stage.options.skip_existing = true;
    stage.put("a", "content", 0);
    let denied = transship_testbed::s3::Fault::answer(403, "AccessDenied").on(Op::ListObjectsV2);
    stage.site.faults().add(denied);
    let (reports, error) = crate::stage::finish(stage.copy(stage.straight())).await;
    assert!(matches!(error, Some(transship::Error::Store(_))), "{error:?}");
    assert_eq!((reports.len(), stage.site.keys(BUCKET).len()), (0, 0));
    stage.options.skip_existing = false;
    assert!(is_copied(&crate::stage::reports(stage.copy(stage.straight())).await[0].destinations[0]));
}

#[tokio::test]
async fn one_destination_of_several_that_cannot_be_listed_fails_alone() {
    for (name, after) in [("denied", 0), ("breaks off", 2)] {
        let mut stage = Stage::with_pages_of(1).await;
        stage.options.skip_existing = true;
        for key in ["a", "b", "c"] {
            stage.put(key, "content", 0);
            stage.site.put_object(BUCKET, key, "old");
        }
        let root = tempfile::tempdir().unwrap();
        let files = transship::Leg::new("files", directory(&root));
        let route = stage.route(vec![transship::Leg::new("site", place(&stage.site, "")), files]);
        // The first request is the one that looks whether the bucket is there.
        let denied = transship_testbed::s3::Fault::answer(403, "AccessDenied").on(Op::ListObjectsV2);
        let hits = stage.site.faults().add(denied.after(after));
        let reports = reports(stage.copy(route)).await;
        assert!(hits.count() > 0 && reports.len() == 3, "{name}");
        for report in &reports {
            let [site, files] = &report.destinations[..] else { panic!("{name}") };
            assert!(crate::stage::failed(site).contains("AccessDenied"), "{name}: {:?}", site.outcome);
            assert!(is_copied(files), "{name}: {:?}", files.outcome);
        }
        assert_eq!(stage.arrived("a"), "old", "{name}: what is there is not known");
    }
}
