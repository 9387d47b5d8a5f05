//! `solgate transfer`

use std::fs;

use transship_testbed::s3::{Effect, Fault, Operation, StoredObject};

use crate::scene::{Ran, Scene, json_lines};

#[tokio::test(flavor = "multi_thread")]
async fn what_list_writes_is_what_transfer_copies() {
    for scene in Scene::both().await {
        scene.plain().put("raw", "in/a", "1").put("raw", "in/b/c d", "22").put("raw", "other", "");
        scene.solgate(&["list", "-o", "list.json"]).ends_with(0);
        let ran = scene.solgate(&["transfer", "-l", "list.json"]).ends_with(0);
        assert!(ran.stdout.starts_with("solgate transfer: all done, all verified\n  objects     2: 2 copied\n"));
        assert_eq!(scene.keys("lake"), ["out/a", "out/b/c d"]);
        assert_eq!(scene.get("lake", "out/b/c d").unwrap(), b"22");
        assert!(!scene.path("failed.json").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_may_come_through_a_pipe_and_in_any_form() {
    for scene in Scene::both().await {
        scene.plain().put("raw", "in/a", "1").put("raw", "in/b", "22");
        let listed = scene.solgate(&["list"]).ends_with(0).stdout;
        let old = r#"[{"relpath": "a", "key": "in/a", "size": 1, "last_modified": "2020-01-02 03:04:05+00:00"},
                      {"relpath": "b", "key": "in/b", "size": 2}]"#;
        let bare = "{\"key\":\"a\"}\r\n\r\n{\"relpath\":\"b\"}";
        for form in [&*listed, old, bare] {
            scene.solgate_reading(form, &["send", "--listing-file", "-"]).ends_with(0);
            assert_eq!(scene.keys("lake"), ["out/a", "out/b"], "{form}");
            for key in ["out/a", "out/b"] {
                match &scene.server {
                    Some(server) => assert!(server.remove_object("lake", key)),
                    None => fs::remove_file(scene.path("lake").join(key)).unwrap(),
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_copied_by_its_name_below_the_base_path() {
    for scene in Scene::both().await {
        scene.plain().put("raw", "in/a", "1").put("raw", "in/b", "22");
        scene.solgate(&["transfer", "b"]).ends_with(0);
        assert_eq!(scene.keys("lake"), ["out/b"]);
        let ran = scene.solgate(&["send", "c", "--report", "report.json"]).ends_with(4);
        assert!(ran.stdout.contains("objects     1: 1 failed") && ran.stdout.contains("failed list failed.json"));
        assert_eq!(json_lines(&scene.read("failed.json"))[0]["key"], "c");
        assert_eq!(scene.report()["objects"][0]["destinations"][0]["outcome"], "failed");
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_list_is_checked_before_the_first_copy() {
    let scene = Scene::s3().await;
    scene.plain().put("raw", "in/a", "1");
    for (list, place) in [
        ("{\"key\":\"a\"}\nnonsense\n", "line 2"),
        ("{\"key\":\"a\"}\n{\"size\":4}\n", "line 2: expected \"key\""),
        ("[{\"key\":\"a\"},{\"key\":\"\"}]", "object 2"),
        ("{\"key\":\"a\",\"last_modified\":\"now\"}", "line 1: last_modified \"now\" is no time"),
        ("{\"key\":\"a\",\"size\":-1}", "line 1"),
        ("[{\"key\":\"a\"}", "no JSON array"),
        ("[\"a\"]", "no JSON array of objects"),
        ("[{\"key\":\"a\"},\n {\"size\":4}]", "line 2, object 2: expected \"key\""),
        ("{\"key\":\"a\"} {\"key\":\"b\"}", "line 1"),
    ] {
        scene.write("list.json", list);
        let line = scene.solgate(&["transfer", "-l", "list.json"]).fails_with(2);
        assert!(line.contains(&format!("list.json, {place}")) || line.contains(place), "{line}");
        assert!(line.contains("list.json"), "{line}");
    }
    assert!(scene.solgate(&["transfer", "-l", "none.json"]).fails_with(2).contains("none.json: No such file"));
    assert!(scene.solgate(&["transfer", "-l", "."]).fails_with(2).contains("it is a folder"));
    assert_eq!(scene.server().requests().len(), 0);
    scene.solgate(&["transfer"]).ends_with(2);
    scene.solgate(&["transfer", "a", "-l", "list.json"]).ends_with(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_list_names_again_is_copied_once() {
    for scene in Scene::both().await {
        scene.plain().put("raw", "in/a", "1").put("raw", "in/b", "22");
        let renamed = scene.read("config.ini").replace("\n\n[dest", "\nformatter = {a}\n[dest") + "formatter = {a}\n";
        let lines = [
            "{\"key\":\"a\",\"size\":1}",
            "{\"key\":\"b\"}",
            "{\"key\":\"a\",\"size\":7,\"e_tag\":\"x\"}",
            "{\"relpath\":\"b\"}",
        ];
        for config in [scene.read("config.ini"), renamed] {
            scene.config(&config);
            for (list, place) in [(lines.join("\n"), "line 3"), (format!("[{}]", lines.join(",")), "object 3")] {
                let ran = scene.solgate_reading(&list, &["transfer", "-l", "-"]).ends_with(0);
                assert!(ran.stdout.contains("  objects     2: 2 copied\n"), "{}", ran.stdout);
                assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
                let said = format!("WARN the list stdin repeats keys; left out: 2, the first of them \"a\", {place}");
                assert!(ran.stderr.contains(&said), "{}", ran.stderr);
            }
        }
        assert_eq!(scene.keys("lake"), ["out/a", "out/b"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_checked_to_its_end_in_either_form() {
    let scene = Scene::s3().await;
    scene.plain();
    let objects: Vec<_> = (0..60_000).map(|n| format!("{{\"key\":\"{n:06}\",\"size\":1}}")).collect();
    for (list, place) in [
        (format!("[{},\n{{\"key\":7}}]", objects.join(",\n")), "at line 60001 column"),
        (format!("[{},\n{{\"key\":\"\"}}]", objects.join(",\n")), "line 60001, object 60001: expected \"key\""),
        (format!("{}\n{{}}", objects.join("\n")), "line 60001: expected \"key\""),
    ] {
        let line = scene.solgate_reading(&list, &["transfer", "-l", "-"]).fails_with(2);
        assert!(line.contains(place) && line.contains("the list stdin"), "{line}");
    }
    assert_eq!(scene.server().requests().len(), 0);
    // The last one repeats the first.
    let list = format!("[{},{}]", objects.join(","), objects[0]);
    let ran = scene.solgate_reading(&list, &["transfer", "-n", "-l", "-", "-q", "--work-dir", "/no/such/folder"]);
    assert!(ran.fails_with(2).contains("/no/such/folder"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_times_does_not_hide_the_newest() {
    for scene in Scene::both().await {
        let formatter = "formatter = {date}/{name}.{ext}\n";
        let (source, lake) = (scene.at("raw/in"), scene.at("lake/out"));
        scene.config(&format!("[source]\n{source}{formatter}[destination]\n{lake}formatter = {{name}}/latest\n"));
        let hours = |n: u64| std::time::Duration::from_secs(3600 * n);
        scene.put_aged("raw", "in/1/sales.csv", "older", hours(9));
        scene.solgate(&["sync"]).ends_with(0);
        scene.put_aged("raw", "in/2/sales.csv", "newer", hours(1));
        let list = "{\"key\":\"2/sales.csv\"}\n{\"key\":\"3/sales.csv\"}\n";
        let ran = scene.solgate_reading(list, &["transfer", "-l", "-"]).ends_with(4);
        assert!(ran.stdout.contains("2: 1 copied, 1 failed"), "{}", ran.stdout);
        assert_eq!(scene.get("lake", "out/sales/latest").unwrap(), b"newer");
        assert_eq!(json_lines(&scene.read("failed.json"))[0]["key"], "3/sales.csv");
        // Nor does a list with times that were true once.
        scene.put_aged("raw", "in/1/sales.csv", "newest", hours(0));
        let stale = "{\"key\":\"1/sales.csv\",\"last_modified\":\"2001-01-01T00:00:00Z\"}\n";
        scene.solgate_reading(stale, &["transfer", "-l", "-"]).ends_with(0);
        assert_eq!(scene.get("lake", "out/sales/latest").unwrap(), b"newest");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_is_exit_code_3_unless_it_is_ignored() {
    for scene in Scene::both().await {
        scene.plain().write("failed.json", "");
        for empty in ["", "\n \n", "[]"] {
            let ran = scene.solgate_reading(empty, &["transfer", "-l", "-", "--report", "report.json"]).ends_with(3);
            assert!(ran.stderr.contains("nothing to do: the list stdin is empty"), "{}", ran.stderr);
            assert_eq!((&scene.report()["exit_code"], &scene.report()["totals"]["objects"]), (&3.into(), &0.into()));
        }
        assert!(scene.path("failed.json").exists());
        let config = format!("[solgate]\nignore_alerts = no_files\n{}", scene.read("config.ini"));
        scene.config(&config);
        scene.solgate_reading("", &["transfer", "-l", "-"]).ends_with(0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_looks_whether_the_source_is_there_and_writes_nothing() {
    for scene in Scene::both().await {
        scene.plain().put("raw", "in/a", "1");
        let list = "{\"key\":\"a\",\"size\":99}\n{\"key\":\"gone\"}\n";
        let ran = scene.solgate_reading(list, &["transfer", "-n", "-l", "-", "--report", "report.json"]).ends_with(4);
        let lines: Vec<_> = ran.stdout.lines().collect();
        assert_eq!(lines[0], "a -> destination_lake a: would be written");
        assert!(lines[1].starts_with("gone -> destination_lake gone: fails: "), "{}", lines[1]);
        let told = "solgate transfer: some objects cannot be written (dry run: nothing was written)\n  \
                    objects     2: 1 would be written, 1 cannot be written\n";
        assert!(ran.stdout.contains(told), "{}", ran.stdout);
        assert!(
            ran.stdout.contains("\n    would write 1 (1 B at the source); 1 cannot be written\n"),
            "{}",
            ran.stdout
        );
        assert_eq!(scene.keys("lake"), [""; 0]);
        assert!(!scene.path("failed.json").exists(), "nothing failed: nothing was done");
        let report = scene.report();
        assert_eq!((&report["dry_run"], &report["objects"][0]["size"]), (&true.into(), &1.into()));
        assert_eq!(report["objects"][0]["destinations"][0]["outcome"], "planned");
        let ran = scene.solgate(&["transfer", "--dry-run", "a"]).ends_with(0);
        let told = "a -> destination_lake a: would be written\nsolgate transfer: nothing stands in the way (dry run";
        assert!(ran.stdout.starts_with(told), "{}", ran.stdout);
        scene.solgate(&["transfer", "a"]).ends_with(0);
        let ran = scene.solgate(&["transfer", "--dry-run", "--skip-existing", "a"]).ends_with(0);
        assert!(ran.stdout.starts_with("a -> destination_lake a: already there\n"), "{}", ran.stdout);
        let told = "\n    would write 0 (0 B at the source); 1 left alone: already there";
        assert!(ran.stdout.contains(told) && !ran.stdout.contains("verified"), "{}", ran.stdout);
        let json = scene.solgate(&["transfer", "-n", "a", "--output", "json"]).ends_with(0).json();
        assert_eq!((&json[0]["key"], &json[1]["run"]["dry_run"]), (&"a".into(), &true.into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_and_etags_of_a_list_are_hints() {
    let other = Scene::s3().await;
    for scene in Scene::both().await {
        // Two servers, so that the bytes come through here.
        let (source, destination) = (scene.at("raw/in"), other.at("lake/out"));
        scene.config(&format!("[source]\n{source}[destination]\n{destination}"));
        scene.put("raw", "in/a", "before").put("raw", "in/b", "same");
        scene.solgate(&["list", "-o", "list.json"]).ends_with(0);
        scene.put("raw", "in/a", "after that");
        let ran = scene.solgate(&["transfer", "-l", "list.json", "--report", "report.json"]).ends_with(0);
        assert!(ran.stdout.contains("changed     1 since they were listed"), "{}", ran.stdout);
        assert_eq!(other.get("lake", "out/a").unwrap(), b"after that");
        let report = scene.report();
        let object = report["objects"].as_array().unwrap().iter().find(|o| o["key"] == "a").unwrap();
        assert_eq!((&object["changed_since_listing"], &object["size"]), (&true.into(), &10.into()));
        assert_eq!(report["totals"]["changed_since_listing"], 1);
        // A list that lies throughout.
        let lies = r#"{"key":"a","size":4000000000,"e_tag":"900150983cd24fb0d6963f7d28e17f72-7","last_modified":"2001-01-01T00:00:00Z"}"#;
        scene.solgate_reading(lies, &["transfer", "-l", "-"]).ends_with(0);
        assert_eq!(other.get("lake", "out/a").unwrap(), b"after that");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_changes_while_it_is_read_is_never_torn() {
    let (scene, other) = (Scene::s3().await, Scene::s3().await);
    let (source, destination) = (scene.at("raw/in"), other.at("lake/out"));
    scene.config(&format!("[source]\n{source}[destination]\n{destination}"));
    scene.put("raw", "in/a", vec![b'1'; 3 << 20]);
    let change = Effect::Before(std::sync::Arc::new(|store| {
        store.put("raw", "in/a", StoredObject::new(vec![b'2'; 2 << 20]));
    }));
    let hits = scene.server().faults().add(Fault::new(change).on(Operation::GetObject).times(1));
    scene.solgate(&["sync", "--report", "report.json"]).ends_with(0);
    assert_eq!(hits.count(), 1);
    assert_eq!(other.get("lake", "out/a").unwrap(), vec![b'2'; 2 << 20]);
    assert_eq!(scene.report()["objects"][0]["changed_since_listing"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_would_leave_a_directory_are_refused_one_by_one() {
    let scene = Scene::files();
    scene.plain().put("raw", "in/a", "1").put("raw", "secret", "not below the base path");
    let list = "{\"key\":\"../secret\"}\n{\"key\":\"a\"}\n{\"key\":\"b/../../secret\"}\n{\"key\":\"/etc/passwd\"}\n";
    let ran = scene.solgate_reading(list, &["transfer", "-l", "-"]).ends_with(4);
    assert!(ran.stdout.contains("4: 1 copied, 3 failed"), "{}", ran.stdout);
    assert_eq!(scene.keys("lake"), ["out/a"]);
    assert_eq!(json_lines(&scene.read("failed.json")).len(), 3);
    let ran = scene.solgate(&["transfer", "../secret"]).ends_with(4);
    assert!(ran.stderr.contains("../secret") && ran.stderr.lines().count() == 1, "{}", ran.stderr);
    assert!(!scene.path("lake").join("secret").exists() && !scene.path("secret").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_is_a_named_pipe_or_a_device_is_read() {
    let scene = Scene::files();
    scene.plain().put("raw", "in/a", "1");
    let ran =
        Ran::of(scene.command(&["-c", "config.ini", "transfer", "-l", "/dev/stdin"]).write_stdin("{\"key\":\"a\"}"));
    ran.ends_with(0);
    assert_eq!(scene.keys("lake"), ["out/a"]);
}
