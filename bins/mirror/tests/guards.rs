//! What keeps `sync` from deleting: whenever anything is in doubt nothing goes, the exit code tells, and the message says
//! why and what to do.

#![allow(clippy::unwrap_used, clippy::panic)] // in what the tests call, too

mod common;

use common::{Ran, Scene, object, two_buckets};
use transship_testbed::s3::{Effect, Fault, Operation, PageFault, S3Server, StoredObject};

const SYNC: [&str; 3] = ["sync", "source:from", "destination:to"];

/// Pages of ten, so that a listing has a middle.
async fn stage() -> (S3Server, Scene) {
    two_buckets(S3Server::builder().page_size(10)).await
}

fn fill(server: &S3Server, bucket: &str, folder: &str, numbers: std::ops::Range<u32>) {
    let old = time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
    for number in numbers {
        let object = StoredObject::new(format!("content {number}")).modified_at(old);
        server.put(bucket, &format!("{folder}{number:04}"), object);
    }
}

/// Runs what must not delete anything.
#[track_caller]
fn spares(server: &S3Server, scene: &Scene, code: i32, flags: &[&str]) -> Ran {
    let before = server.keys("to");
    let ran = scene.run(&[&SYNC, flags].concat()).ends_with(code);
    let after = server.keys("to");
    assert!(before.iter().all(|key| after.contains(key)), "{after:?}");
    let deletions = server.count(Operation::DeleteObject) + server.count(Operation::DeleteObjects);
    assert_eq!(deletions, 0, "no deletion is as much as asked for");
    ran.tells(&["nothing was deleted"])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_source_deletes_nothing_until_it_is_said_to_be_meant() {
    let (server, scene) = stage().await;
    fill(&server, "to", "", 0..3);
    let why = "the source is empty, and 3 objects would be deleted: nothing was deleted; if that is meant, say so with \
               --allow-empty-source";
    let ran = spares(&server, &scene, 5, &["--report", "report.json"]);
    assert!(ran.stdout.contains(why) && ran.stderr.contains(why), "{ran:?}");
    let report: serde_json::Value = serde_json::from_str(&scene.read("report.json")).unwrap();
    assert_eq!((&report["guard"], &report["exit_code"]), (&why.into(), &5.into()));

    scene.run(&[&SYNC[..], &["--allow-empty-source"]].concat()).ends_with(0);
    assert_eq!(server.keys("to"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_a_filter_leaves_empty_is_asked_whether_it_holds_anything() {
    let (server, scene) = stage().await;
    fill(&server, "to", "data/", 0..3);
    spares(&server, &scene, 5, &["--include", "/data/**"]).tells(&["the source is empty", "--allow-empty-source"]);

    // It is there, and what the filter lets in is gone: that is no empty source.
    fill(&server, "from", "other/", 0..1);
    scene.run(&[&SYNC[..], &["--include", "/data/**"]].concat()).ends_with(0);
    assert_eq!(server.keys("to"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_shrank_to_nothing_below_a_filter_does_not_empty_a_large_destination() {
    let (server, scene) = stage().await;
    fill(&server, "from", "other/", 0..40);
    fill(&server, "to", "data/", 0..150);
    let why = ["150 of 150 objects would be deleted, which is more than half", "--max-delete N or --max-delete P%"];
    spares(&server, &scene, 5, &["--include", "/data/**"]).tells(&why);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_half_of_a_large_destination_is_not_deleted_by_default() {
    let (server, scene) = stage().await;
    fill(&server, "from", "", 0..50);
    fill(&server, "to", "", 1..101);
    // What is new was copied: only deletions wait for somebody's word.
    spares(&server, &scene, 5, &[]).tells(&["51 of 100 objects would be deleted, which is more than half"]);
    assert!(server.object("to", "0000").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_deleted_than_max_delete_says() {
    let (server, scene) = stage().await;
    fill(&server, "from", "", 0..7);
    fill(&server, "to", "", 0..10);
    let raise = "if that is meant, say so with a larger --max-delete";
    spares(&server, &scene, 5, &["--max-delete", "2"])
        .tells(&["3 of 10 objects would be deleted, and at most 2 may be", raise]);
    spares(&server, &scene, 5, &["--max-delete", "20%"])
        .tells(&["3 of 10 objects would be deleted, and at most 20%, which is 2, may be", raise]);
    spares(&server, &scene, 5, &["--max-delete", "0"]).tells(&["at most 0 may be"]);
    for limit in ["3", "30%"] {
        fill(&server, "to", "", 0..10);
        scene.run(&[&SYNC[..], &["--max-delete", limit]].concat()).ends_with(0);
        assert_eq!(server.keys("to"), server.keys("from"), "{limit}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_deletion_has_its_reason_in_the_report() {
    let (server, scene) = stage().await;
    for (bucket, key, content) in [
        ("from", "kept", "same"),
        ("to", "kept", "same"),
        ("from", "grown", "too long for the filter"),
        ("to", "grown", "short"),
        ("from", "secret/at both", "x"),
        ("to", "secret/at both", "x"),
        ("to", "secret/there", "x"),
        ("to", "gone", "x"),
    ] {
        server.put_object(bucket, key, content);
    }
    let flags = ["--max-size", "10B", "--exclude", "/secret/**", "--delete-excluded"];
    for (dry, outcome) in [(&["--dry-run"][..], "planned_deletion"), (&[], "deleted")] {
        let report = scene.reported(0, &[&SYNC[..], &flags, dry].concat());
        for (key, because) in [
            ("gone", "the source does not have it"),
            ("grown", "the filters exclude what the source has"),
            ("secret/at both", "the filters exclude it"),
            ("secret/there", "the filters exclude it"),
        ] {
            let there = object(&report, key);
            assert_eq!((&there["outcome"], &there["because"]), (&outcome.into(), &because.into()), "{key}");
        }
        assert_eq!(object(&report, "kept")["reason"], "same ETag");
    }
    assert_eq!(server.keys("to"), ["kept"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_breaks_off_says_so_and_counts_nothing_as_missing() {
    let (server, scene) = stage().await;
    fill(&server, "from", "", 0..100);
    fill(&server, "to", "", 0..100);
    let fault = Fault::answer(403, "AccessDenied").on(Operation::ListObjectsV2).bucket("to").after(2);
    let failed = server.faults().add(fault);
    let ran = scene.run(&["check", "source:from", "destination:to"]).ends_with(1);
    assert!(
        !ran.tells(&["not all was compared: ", "error: list s3://to", "AccessDenied"]).told().contains(": missing")
    );
    assert!(failed.count() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_what_a_guard_would_refuse() {
    let (server, scene) = stage().await;
    fill(&server, "to", "", 0..3);
    let ran = spares(&server, &scene, 5, &["--dry-run"]);
    let told = ["a guard would refuse to delete", "the source is empty", "--allow-empty-source", "3 would be deleted"];
    assert!(!ran.tells(&told).stdout.contains("would be written"));
    fill(&server, "from", "", 2..4);
    spares(&server, &scene, 5, &["--dry-run", "--max-delete", "1"]).tells(&["at most 1 may be", "1 would be written"]);
    let report = scene.reported(0, &[&SYNC[..], &["--dry-run"]].concat());
    assert_eq!(object(&report, "0000")["outcome"], "planned_deletion");
    assert_eq!((&report["totals"]["planned"], &report["totals"]["planned_deletions"]), (&1.into(), &2.into()));
    assert_eq!(report["totals"]["bytes"], 2 * "content 2".len(), "what is deleted is nothing at the source");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_fails_in_the_middle_of_a_listing_spares_everything() {
    for bucket in ["from", "to"] {
        let (server, scene) = stage().await;
        fill(&server, "from", "", 0..100);
        fill(&server, "to", "", 60..140);
        let fault = Fault::answer(403, "AccessDenied").on(Operation::ListObjectsV2).bucket(bucket).after(2);
        let failed = server.faults().add(fault);
        spares(&server, &scene, 1, &[]).tells(&["error: ", &format!("list s3://{bucket}"), "AccessDenied"]);
        assert!(failed.count() > 0, "{bucket}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_gives_no_way_to_go_on_spares_everything() {
    let (server, scene) = stage().await;
    fill(&server, "from", "", 0..100);
    fill(&server, "to", "", 60..140);
    let page = Effect::Page(PageFault::NoToken);
    let cut = server.faults().add(Fault::new(page).on(Operation::ListObjectsV2).bucket("from").after(1));
    spares(&server, &scene, 1, &[]).tells(&["error: list s3://from"]);
    assert!(cut.count() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_comes_again_and_again_spares_everything() {
    let (server, scene) = stage().await;
    fill(&server, "from", "", 0..100);
    fill(&server, "to", "", 60..140);
    let page = Fault::new(Effect::Page(PageFault::Repeat)).on(Operation::ListObjectsV2).bucket("from").after(1);
    let again = server.faults().add(page);
    spares(&server, &scene, 1, &[]).tells(&["error: s3://from", "a page leads to itself"]);
    spares(&server, &scene, 1, &["--sort-listings"]).tells(&["error: s3://from", "twice"]);
    assert!(again.count() > 1);
}

/// What such a store leaves out nobody knows, unless its listings are taken whole.
#[tokio::test(flavor = "multi_thread")]
async fn pages_out_of_order_are_found_out_and_spare_everything_unless_the_store_is_known_for_it() {
    for bucket in ["from", "to"] {
        let (server, scene) = stage().await;
        fill(&server, "from", "", 0..100);
        fill(&server, "to", "", 60..140);
        let page = Fault::new(Effect::Page(PageFault::OutOfOrder)).on(Operation::ListObjectsV2).bucket(bucket);
        let wrong = server.faults().add(page.after(1));
        spares(&server, &scene, 1, &[]).tells(&["not the order of bytes; --sort-listings takes no order for granted"]);
        assert!(wrong.count() > 0);
        let checked = scene.run(&["check", "source:from", "destination:to", "--sort-listings", "--combined", "found"]);
        checked.ends_with(4).tells(&["0 differ, 0 could not be compared"]);
        scene.run(&[&SYNC[..], &["--sort-listings"]].concat()).ends_with(0);
        assert_eq!(server.keys("to"), server.keys("from"), "{bucket}");
        let checked = scene.run(&["check", "source:from", "destination:to", "--sort-listings", "--combined", "found"]);
        checked.ends_with(0).tells(&["100 match, 0 missing"]);
        assert_eq!(scene.read("found").lines().count(), 100, "each path stands once");
        let size = scene.run(&["size", &format!("source:{bucket}"), "--sort-listings"]).ends_with(0);
        size.tells(&["Total objects: 100"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_failed_copy_spares_everything() {
    let (server, scene) = stage().await;
    fill(&server, "from", "", 0..5);
    fill(&server, "to", "", 5..8);
    let failed = server.faults().add(Fault::answer(403, "AccessDenied").on(Operation::CopyObject).key("0002"));
    let refused_get = server.faults().add(Fault::answer(403, "AccessDenied").on(Operation::PutObject).key("0002"));
    let why = "3 objects that were to be deleted stayed, because not all copies succeeded";
    let ran = spares(&server, &scene, 4, &["--report", "report.json"]).tells(&["0002", "AccessDenied"]);
    assert!(ran.stdout.contains(why) && ran.stderr.contains(why), "{ran:?}");
    assert!(failed.count() + refused_get.count() > 0);
    assert_eq!(server.keys("to").len(), 7, "all but one were copied");
    let report: serde_json::Value = serde_json::from_str(&scene.read("report.json")).unwrap();
    assert!(report["guard"].as_str().unwrap().contains(why), "{report:#}");
    assert_eq!(object(&report, "0002")["because"], "not there yet");
}

/// A store knows when an object was written there, and not how old it is.
#[tokio::test(flavor = "multi_thread")]
async fn limits_of_age_go_by_the_source_and_delete_nothing_whose_age_is_not_known() {
    let (server, scene) = stage().await;
    let days = |days| time::OffsetDateTime::now_utc() - time::Duration::days(days);
    for (bucket, key, content, age) in [
        ("from", "yesterday", "same", 2),
        ("to", "yesterday", "same", 0),
        ("from", "today", "new", 0),
        ("to", "today", "old", 0),
        ("to", "only there", "old", 0),
    ] {
        server.put(bucket, key, StoredObject::new(content).modified_at(days(age)));
    }
    scene.run(&[&SYNC[..], &["--max-age", "24h"]].concat()).ends_with(0);
    assert_eq!(server.keys("to"), ["only there", "today", "yesterday"]);
    // What is too young at the destination is there all the same.
    server.put("from", "yesterday", StoredObject::new("other").modified_at(days(2)));
    let flags = ["--min-age", "1d", "--immutable"];
    scene.run(&[&["copy", "source:from", "destination:to"], &flags[..]].concat()).ends_with(4).tells(&["yesterday"]);
    scene.run(&["copy", "source:from", "destination:to", "--min-age", "1d", "--ignore-existing"]).ends_with(0);
    assert_eq!(server.object("to", "yesterday").unwrap().bytes().unwrap(), "same");
    scene.run(&["copy", "source:from", "destination:to", "--min-age", "1d", "--suffix", ".old"]).ends_with(0);
    assert_eq!(server.object("to", "yesterday.old").unwrap().bytes().unwrap(), "same");
    scene.run(&[&SYNC[..], &["--max-age", "24h", "--delete-excluded", "--max-delete", "100%"]].concat()).ends_with(0);
    assert_eq!(server.keys("to"), ["today"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_for_what_does_not_fit_into_memory_that_takes_nothing_is_found_out_first() {
    let (server, scene) = stage().await;
    fill(&server, "from", "", 0..3);
    let line = scene.run(&[&SYNC[..], &["--work-dir", "/proc"]].concat()).fails_with(2);
    assert!(line.contains("--work-dir /proc"), "{line}");
    assert_eq!(server.keys("to"), [""; 0]);
}

/// rclone ignores them, too.
#[tokio::test(flavor = "multi_thread")]
async fn markers_of_folders_are_nothing_on_a_disk_and_keys_that_it_cannot_hold_are_told_beforehand() {
    let (server, scene) = stage().await;
    for (key, content) in [("a/", ""), ("a/b.txt", "content"), ("c/", "")] {
        server.put("from", key, StoredObject::new(content));
    }
    std::fs::create_dir(scene.path("there")).unwrap();
    scene.write("there/old.txt", "old");
    scene.run(&["sync", "source:from", "there"]).ends_with(0);
    assert_eq!((scene.read("there/a/b.txt").as_str(), scene.path("there/old.txt").exists()), ("content", false));
    server.put("from", "a//x", StoredObject::new("content"));
    let ran = scene.run(&["sync", "source:from", "there", "--dry-run"]).ends_with(4);
    ran.tells(&["fail a//x: ", "1 cannot be written"]);
}
