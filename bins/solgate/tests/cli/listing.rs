//! `solgate list`

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
    time::{Duration, Instant},
};

use transship_testbed::s3::{Effect, Fault, Operation, PageFault, S3Server};

use crate::scene::{Ran, Scene, json_lines};

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test(flavor = "multi_thread")]
async fn what_was_modified_lately_is_listed_one_json_object_a_line() {
    for scene in Scene::both().await {
        scene.plain();
        scene.put("raw", "in/new.csv", "abc").put_aged("raw", "in/old.csv", "a", 2 * DAY).put("raw", "else.csv", "");
        let ran = scene.solgate(&["list"]).ends_with(0);
        let [object] = &ran.json()[..] else { panic!("{ran:?}") };
        assert_eq!((object["key"].as_str(), object["size"].as_u64()), (Some("new.csv"), Some(3)));
        assert!(object["last_modified"].as_str().unwrap().ends_with('Z'), "{object}");
        let members: Vec<_> = object.as_object().unwrap().keys().map(String::as_str).collect();
        assert!(members.iter().all(|m| ["e_tag", "key", "last_modified", "size"].contains(m)), "{members:?}");
        if scene.server.is_some() {
            assert_eq!(object["e_tag"], "900150983cd24fb0d6963f7d28e17f72", "the MD5 of abc");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_border_of_timedelta_is_inside_and_backfill_knows_none() {
    for scene in Scene::both().await {
        let (source, destination) = (scene.at("raw/in"), scene.at("lake"));
        scene.config(&format!("[solgate]\ntimedelta = 1h 30s\n[source]\n{source}[destination]\n{destination}"));
        scene.put_aged("raw", "in/inside", "", Duration::from_secs(3600));
        scene.put_aged("raw", "in/outside", "", Duration::from_secs(3631));
        let keys = |arguments: &[&str]| -> Vec<String> {
            let listed = scene.solgate(arguments).ends_with(0).json();
            listed.iter().map(|object| object["key"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(keys(&["list"]), ["inside"]);
        assert_eq!(keys(&["list", "--backfill", "no"]), ["inside"]);
        for all in [&["list", "--backfill"][..], &["list", "--backfill", "TRUE"], &["list", "--backfill=1"]] {
            assert_eq!(keys(all), ["inside", "outside"], "{all:?}");
        }
        let ran = scene.solgate(&["list", "--backfill", "perhaps"]).ends_with(2);
        assert!(ran.stderr.contains("yes, no, true, false"), "{}", ran.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_goes_to_a_file_that_appears_whole() {
    for scene in Scene::both().await {
        scene.plain().put("raw", "in/a", "1").put("raw", "in/b/c", "22");
        let ran = scene.solgate(&["list", "-o", "list.json"]).ends_with(0);
        assert_eq!(ran.stdout, "");
        let keys: Vec<_> = json_lines(&scene.read("list.json")).iter().map(|o| o["key"].clone()).collect();
        assert_eq!(keys, ["a", "b/c"]);
        let left: Vec<_> = fs::read_dir(scene.dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().contains("partial")), "{left:?}");
        let ran = scene.solgate(&["list", "--silent"]).ends_with(0);
        assert_eq!(ran.stdout, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_fails_leaves_the_last_file() {
    let scene = Scene::with(S3Server::builder().page_size(2)).await;
    scene.plain().write("list.json", "the last one");
    for n in 0..5 {
        scene.put("raw", &format!("in/{n}"), "");
    }
    let faults = [
        (Fault::answer(403, "AccessDenied").after(1), "list s3://raw at http://127.0.0.1:"),
        (Fault::new(Effect::Page(PageFault::OutOfOrder)), "s3://raw at http://127.0.0.1:"),
    ];
    for (fault, told) in faults {
        scene.server().faults().clear();
        let hits = scene.server().faults().add(fault.on(Operation::ListObjectsV2));
        let line = scene.solgate(&["list", "-o", "list.json"]).fails_with(1);
        assert!(line.starts_with(told), "{line}");
        assert!(hits.count() > 0);
        assert_eq!(scene.read("list.json"), "the last one");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn finding_nothing_is_exit_code_3_with_an_empty_file_unless_it_is_ignored() {
    for scene in Scene::both().await {
        scene.plain().put_aged("raw", "in/old", "", 3 * DAY).write("list.json", "the last one");
        let ran = scene.solgate(&["list", "-o", "list.json"]).ends_with(3);
        assert!(ran.stderr.contains("nothing to do: there is no object that was modified within timedelta"));
        assert_eq!(scene.read("list.json"), "");
        assert_eq!(scene.solgate(&["list"]).ends_with(3).stdout, "");
        let config = format!("[solgate]\nignore_alerts = no_files\n{}", scene.read("config.ini"));
        scene.config(&config);
        scene.solgate(&["list", "-o", "list.json"]).ends_with(0);
        assert_eq!(scene.read("list.json"), "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_markers_are_listed_as_what_they_are_but_not_the_base_paths_own() {
    let scene = Scene::s3().await;
    scene.plain();
    for key in ["in/", "in/folder/", "in//", "in/x"] {
        scene.put("raw", key, "");
    }
    let keys: Vec<_> = scene.solgate(&["list"]).ends_with(0).json().iter().map(|o| o["key"].clone()).collect();
    assert_eq!(keys, ["/", "folder/", "x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_pages_are_one_list() {
    let scene = Scene::with(S3Server::builder().page_size(7)).await;
    scene.plain();
    for n in 0..100 {
        scene.put("raw", &format!("in/{n:03}"), "x");
    }
    let ran = scene.solgate(&["list"]).ends_with(0);
    let keys: Vec<_> = ran.json().iter().map(|o| o["key"].clone()).collect();
    assert_eq!(keys, (0..100).map(|n| format!("{n:03}")).collect::<Vec<_>>());
    // There are 15; whether a range is split off, and some of what follows it is asked for in vain, is a matter of time.
    let pages = scene.server().count(Operation::ListObjectsV2);
    assert!((15..=25).contains(&pages), "{pages} pages");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_list_is_made_range_by_range_and_comes_in_order() {
    let scene = Scene::with(S3Server::builder().page_size(10)).await;
    scene.plain();
    let keys: Vec<_> = (0..500).map(|n| format!("{n:03}")).collect();
    for key in &keys {
        scene.put("raw", &format!("in/{key}"), "x");
    }
    let far = Fault::new(Effect::Delay(Duration::from_millis(20))).on(Operation::ListObjectsV2);
    scene.server().faults().add(far);
    let listed = scene.solgate(&["list"]).ends_with(0).json();
    assert_eq!(listed.iter().map(|object| object["key"].as_str().unwrap()).collect::<Vec<_>>(), keys);
    assert!(scene.server().most_in_flight() >= 4, "{}", scene.server().most_in_flight());
}

#[tokio::test(flavor = "multi_thread")]
async fn places_that_cannot_be_written_are_told_before_the_source_is_asked() {
    let scene = Scene::s3().await;
    scene.plain().put("raw", "in/a", "");
    for (file, why) in [("no/such/folder/list", "No such file or directory"), (".", "directory")] {
        let line = scene.solgate(&["list", "-o", file]).fails_with(2);
        assert!(line.contains(why) && line.contains(file.trim_start_matches('.')), "{line}");
    }
    assert_eq!(scene.server().requests().len(), 0);
    let line = scene.solgate(&["list", "-o", "/dev/full"]).fails_with(1);
    assert_eq!(line, "write /dev/full: No space left on device (os error 28)");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_listed_is_shown_while_the_rest_is_waited_for() {
    let scene = Scene::with(S3Server::builder().page_size(10)).await;
    scene.plain();
    (0..20).for_each(|n| _ = scene.put("raw", &format!("in/{n:03}"), "x"));
    let slow = Fault::new(Effect::Delay(Duration::from_secs(20))).on(Operation::ListObjectsV2).after(1);
    scene.server().faults().add(slow);
    let begun = Instant::now();
    let mut program = scene.process(&["-c", "config.ini", "list"]).stdout(Stdio::piped()).spawn().unwrap();
    let shown = BufReader::new(program.stdout.take().unwrap()).lines().take(10).map(Result::unwrap);
    assert!(shown.last().unwrap().contains(r#""key":"009""#));
    assert!(begun.elapsed() < Duration::from_secs(10), "the second page is still to come");
    program.kill().unwrap();
    program.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_behind_stdout_is_told() {
    let scene = Scene::files();
    scene.plain().put("raw", "in/a", "");
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let output = scene.process(&["-c", "config.ini", "list"]).stdout(full).output().unwrap();
    let line = Ran::told(output).fails_with(1);
    assert_eq!(line, "write to stdout: No space left on device (os error 28)");
}
