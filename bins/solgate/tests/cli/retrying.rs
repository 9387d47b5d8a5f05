//! What is tried again: by itself, or with the failed list.

use std::time::Duration;

use transship_testbed::s3::{Effect, Fault, Operation};

use crate::scene::{Scene, json_lines};

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_listed_so_that_it_can_be_fed_back() {
    let scene = Scene::s3().await;
    scene.plain().put("raw", "in/a", "1").put("raw", "in/b", "22").put("raw", "in/c", "333");
    let hits = scene.server().faults().add(Fault::answer(403, "AccessDenied").key("out/b"));
    let ran = scene.solgate(&["sync", "--failed-file", "again.json"]).ends_with(4);
    assert!(hits.count() > 0, "{ran:?}");
    scene.server().faults().clear();
    assert!(ran.stdout.contains("3: 2 copied, 1 failed") && ran.stdout.contains("failed list again.json"), "{ran:?}");
    let failed = json_lines(&scene.read("again.json"));
    assert_eq!(failed.len(), 1);
    assert_eq!((&failed[0]["key"], &failed[0]["size"]), (&"b".into(), &2.into()));
    assert_eq!(scene.keys("lake"), ["out/a", "out/c"]);
    scene.solgate(&["transfer", "-l", "again.json", "--failed-file", "again.json"]).ends_with(0);
    assert_eq!(scene.keys("lake"), ["out/a", "out/b", "out/c"]);
    assert!(!scene.path("again.json").exists(), "a list of nothing would be taken for the last run's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_breaks_off_leaves_the_list_that_it_was_fed() {
    let scene = Scene::s3().await;
    scene.plain().put("raw", "in/a", "1").write("failed.json", "{\"key\":\"a\"}\n");
    scene.server().faults().add(Fault::answer(403, "InvalidAccessKeyId"));
    scene.solgate(&["transfer", "-l", "failed.json"]).fails_with(1);
    assert_eq!(scene.read("failed.json"), "{\"key\":\"a\"}\n");
    scene.solgate(&["sync"]).fails_with(1);
    assert_eq!(scene.read("failed.json"), "{\"key\":\"a\"}\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_everything_fails_the_log_stays_short() {
    let scene = Scene::files();
    scene.plain().put("raw", "in/a", "");
    let list: String = (0..2000).map(|n| format!("{{\"key\":\"gone/{n}\"}}\n")).collect();
    let ran = scene.solgate_reading(&list, &["transfer", "-l", "-"]).ends_with(4);
    assert_eq!(ran.stderr.lines().count(), 21, "{}", ran.stderr);
    assert!(ran.stderr.contains("further objects that fail like this are named in failed.json only"));
    assert_eq!(json_lines(&scene.read("failed.json")).len(), 2000);
    assert!(ran.stdout.contains("2,000 x "), "{}", ran.stdout);
    assert!(ran.stdout.lines().count() < 40, "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_list_that_cannot_be_written_in_the_end_is_told_and_the_copies_stand() {
    for scene in Scene::both().await {
        scene.plain().put("raw", "in/a", "1");
        let list = "{\"key\":\"gone\"}\n{\"key\":\"a\"}\n";
        let arguments = ["transfer", "-l", "-", "--failed-file", "/dev/full", "--report", "report.json"];
        let ran = scene.solgate_reading(list, &arguments).ends_with(1);
        let last = ran.stderr.lines().last().unwrap();
        assert!(last.starts_with("error: write /dev/full: No space left"), "{last}");
        assert_eq!(scene.keys("lake"), ["out/a"]);
        assert!(ran.stdout.contains("1 copied, 1 failed"), "{}", ran.stdout);
        assert_eq!(scene.report()["exit_code"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transient_failures_are_tried_again_and_others_are_not() {
    let (scene, other) = (Scene::s3().await, Scene::s3().await);
    scene.config(&format!("[source]\n{}[destination]\n{}", scene.at("raw/in"), other.at("lake/out")));
    scene.put("raw", "in/a", "1").put("raw", "in/b", "1");
    let faults = other.server().faults();
    let wait = Effect::Answer { status: 503, code: "SlowDown".into(), retry_after: Some(Duration::from_secs(1)) };
    let slow = faults.add(Fault::new(wait).on(Operation::PutObject).key("out/a").times(2));
    let never = faults.add(Fault::answer(403, "AccessDenied").on(Operation::PutObject).key("out/b"));
    let started = std::time::Instant::now();
    scene.solgate(&["sync", "--report", "report.json"]).ends_with(4);
    assert_eq!((slow.count(), never.count()), (2, 1));
    assert!(started.elapsed() >= Duration::from_secs(2), "Retry-After was not honoured");
    let report = scene.report();
    let object = report["objects"].as_array().unwrap().iter().find(|o| o["key"] == "a").unwrap();
    assert_eq!(object["destinations"][0]["attempts"], 3);
}
