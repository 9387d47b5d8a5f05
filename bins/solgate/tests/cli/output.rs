//! What is on stdout and what on stderr, and in which form.

use std::{
    io::{BufRead, BufReader},
    time::Duration,
};

use transship_testbed::s3::{Effect, Fault, Operation};

use crate::scene::{Ran, Scene, json_lines};

#[tokio::test(flavor = "multi_thread")]
async fn json_logs_are_nothing_but_json() {
    for scene in Scene::both().await {
        scene.plain().put("raw", "in/a", "1").put("raw", "in/new\nline", "2");
        for arguments in [
            &["sync", "-vv"][..],
            &["list", "-o", "list.json"],
            &["transfer", "-l", "none.json"],
            &["transfer", "gone"],
            &["transfer", "-l", "list.json", "--report", "/dev/full"],
            &["explain", "a"],
        ] {
            let ran = scene.solgate(&[&["--log-format", "json"], arguments].concat());
            for line in json_lines(&ran.stderr) {
                assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
            }
            assert_eq!(ran.code != 0, ran.stderr.contains("\"level\":\"ERROR\""), "{ran:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_goes_away_ends_the_program_quietly() {
    let scene = Scene::files();
    scene.plain();
    for n in 0..3000 {
        scene.put("raw", &format!("in/{n}"), "");
    }
    for arguments in [&["list"][..], &["sync", "-n"], &["completions", "bash"]] {
        let mut child = scene.process(&[&["-c", "config.ini"], arguments].concat()).spawn().unwrap();
        let mut line = String::new();
        BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ran = Ran::told(child.wait_with_output().unwrap());
        assert!(line.ends_with('\n'), "{line}");
        assert!(ran.code == 6 || (ran.code == 0 && arguments[0] == "completions"), "{arguments:?} {ran:?}");
        assert_eq!(ran.stderr, "", "{arguments:?}");
    }
    assert_eq!(scene.keys("lake"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn quiet_runs_say_nothing_but_the_summary() {
    for scene in Scene::both().await {
        scene.plain().put("raw", "in/a", "1");
        assert_eq!(scene.solgate(&["sync", "-q"]).ends_with(0).stderr, "");
        assert_eq!(scene.solgate(&["list", "-q", "-o", "list.json"]).ends_with(0).stderr, "");
        scene.put_aged("raw", "in/a", "1", Duration::from_secs(200_000));
        assert_eq!(scene.solgate(&["list", "-qq"]).ends_with(3).stderr, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_run_tells_how_far_it_is() {
    let scene = Scene::s3().await;
    scene.plain().put("raw", "in/a", "1").put("raw", "in/b", "22");
    let slow = Effect::Delay(Duration::from_secs(11));
    scene.server().faults().add(Fault::new(slow).on(Operation::CopyObject).key("out/b"));
    let [plain, json, off] = ["auto", "on", "off"].map(|mode| {
        let format = if mode == "on" { "json" } else { "text" };
        scene.process(&["-c", "config.ini", "sync", "--progress", mode, "--log-format", format]).spawn().unwrap()
    });
    let [plain, json, off] = [plain, json, off].map(|child| Ran::told(child.wait_with_output().unwrap()).ends_with(0));
    assert!(plain.stderr.contains("INFO progress: 1 of 2 objects, "), "{}", plain.stderr);
    let line = &json_lines(&json.stderr)[0];
    assert_eq!(
        (&line["objects_done"], &line["objects_total"], &line["bytes_total"]),
        (&1.into(), &2.into(), &3.into())
    );
    assert_eq!(off.stderr, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_and_is_still_being_written_is_not_called_done() {
    let (scene, other) = (Scene::s3().await, Scene::s3().await);
    scene.config(&format!("[source]\n{}[destination]\n{}", scene.at("raw/in"), other.at("lake/out")));
    scene.put("raw", "in/a", vec![b'a'; 3 << 20]);
    let slow = Effect::Delay(Duration::from_secs(4));
    other.server().faults().add(Fault::new(slow).on(Operation::PutObject));
    let ran = scene.solgate(&["sync", "--progress", "on"]).ends_with(0);
    assert_eq!(ran.stderr, "progress: 0 of 1 objects, 3.0 MiB of 3.0 MiB read, finishing the last object\n");
}
