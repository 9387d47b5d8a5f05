//! Files and folders that cannot be read or written.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use transship_testbed::s3::{Fault, Operation};

use crate::scene::{KEY_ID, Ran, SECRET, Scene};

/// Runs the program as somebody who is not root; `None` where that cannot be done here.
#[allow(clippy::print_stderr)] // a test says on its own output that it was skipped
fn as_nobody(scene: &Scene, arguments: &[&str]) -> Option<Ran> {
    let usable = Command::new("setpriv").args(["--reuid=65534", "--clear-groups", "true"]).output();
    if !usable.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped files_and_folders_that_may_not_be_read_or_written: setpriv cannot drop privileges here");
        return None;
    }
    // The program itself may lie where nobody else can look.
    let program = scene.path("solgate");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_solgate"), &program).unwrap();
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--clear-groups"]).arg(&program).args(["-c", "config.ini"]).args(arguments);
    command.current_dir(scene.dir.path()).env_clear().env("PATH", "/usr/bin:/bin");
    Some(Ran::told(command.output().unwrap()))
}

fn mode(scene: &Scene, name: &str, mode: u32) {
    fs::set_permissions(scene.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_folders_that_may_not_be_read_or_written() {
    let scene = Scene::files();
    scene.plain().put("raw", "in/a", "1").put("raw", "in/locked/b", "2").put("raw", "in/shut", "3");
    mode(&scene, ".", 0o755);
    mode(&scene, "config.ini", 0o600);
    let Some(ran) = as_nobody(&scene, &["list"]) else { return };
    assert!(ran.fails_with(2).contains("config.ini: cannot be read: Permission denied"));
    mode(&scene, "config.ini", 0o644);
    let elsewhere = tempfile::tempdir().unwrap();
    fs::set_permissions(elsewhere.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let list = elsewhere.path().join("failed.json").display().to_string();
    let sync = ["sync", "--failed-file", &list];
    // A folder below the source: an incomplete listing is none.
    mode(&scene, "raw/in/locked", 0o700);
    for command in [&["list"][..], &sync] {
        let line = as_nobody(&scene, command).unwrap().fails_with(1);
        assert!(line.contains("raw/in/locked") && line.contains("ermission denied"), "{line}");
    }
    // The source itself.
    mode(&scene, "raw/in", 0o700);
    for command in [&["list"][..], &sync] {
        let line = as_nobody(&scene, command).unwrap().fails_with(1);
        assert!(line.contains("raw/in") && line.contains("ermission denied"), "{line}");
    }
    mode(&scene, "raw/in", 0o755);
    mode(&scene, "raw/in/locked", 0o755);
    // A destination that nobody may write to.
    fs::create_dir(scene.path("lake")).unwrap();
    mode(&scene, "lake", 0o755);
    let ran = as_nobody(&scene, &sync).unwrap();
    assert!(ran.code == 1 || ran.code == 4, "{ran:?}");
    assert!(ran.stderr.contains("ermission denied") && ran.stderr.contains("/lake"), "{}", ran.stderr);
    // One object among others.
    mode(&scene, "lake", 0o777);
    mode(&scene, "raw/in/shut", 0o600);
    let ran = as_nobody(&scene, &sync).unwrap().ends_with(4);
    let lines: Vec<_> = ran.stderr.lines().collect();
    assert!(lines[0].contains("shut") && lines[0].contains("ermission denied"), "{lines:?}");
    assert_eq!((lines.len(), scene.keys("lake").len()), (1, 2));
    // Results for a folder that is read-only, before anything is copied.
    fs::remove_dir_all(scene.path("lake")).unwrap();
    for (arguments, start) in [
        (&["sync", "--failed-file", "failed.json"][..], "--failed-file \"failed.json\": "),
        (&[&sync[..], &["--report", "run.json"]].concat(), "--report \"run.json\": "),
        (&[&sync[..], &["--work-dir", "raw"]].concat(), "--work-dir \"raw\": "),
    ] {
        let line = as_nobody(&scene, arguments).unwrap().fails_with(2);
        assert!(line.starts_with(start) && line.contains("ermission denied"), "{line}");
    }
    assert!(!scene.path("lake").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_list_that_cannot_be_written_holds_nothing_up() {
    let scene = Scene::files();
    scene.plain();
    for n in 0..60 {
        scene.put("raw", &format!("in/{n:02}"), "1");
    }
    mode(&scene, ".", 0o755);
    fs::create_dir(scene.path("lake")).unwrap();
    mode(&scene, "lake", 0o777);
    let Some(ran) = as_nobody(&scene, &["sync"]) else { return };
    let ran = ran.ends_with(0);
    let warning = "objects that fail will not be listed: create failed.json: permission denied; --failed-file FILE";
    assert!(ran.stderr.lines().count() == 1 && ran.stderr.contains(warning), "{}", ran.stderr);
    assert!(ran.stdout.contains("60 copied") && !ran.stdout.contains("failed list"), "{}", ran.stdout);
    // What fails is named in the log, or else in the report.
    for n in 0..60 {
        mode(&scene, &format!("raw/in/{n:02}"), 0o600);
    }
    let ran = as_nobody(&scene, &["transfer", "05"]).unwrap().ends_with(4);
    assert!(ran.stdout.contains("\n  failed list none: create failed.json: permission denied\n"), "{}", ran.stdout);
    let ran = as_nobody(&scene, &["sync"]).unwrap().ends_with(4);
    assert!(
        (0..60).all(|n| ran.stderr.contains(&format!("\"{n:02}\": cannot open the file: Permission denied"))),
        "{}",
        ran.stderr
    );
    let elsewhere = tempfile::tempdir().unwrap();
    fs::set_permissions(elsewhere.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let report = elsewhere.path().join("run.json");
    let ran = as_nobody(&scene, &["sync", "--report", report.to_str().unwrap()]).unwrap().ends_with(4);
    assert!(ran.stderr.contains("further objects that fail like this are named in the report only"), "{}", ran.stderr);
    assert!(ran.stderr.lines().count() < 50 && fs::read_to_string(&report).unwrap().contains("\"59\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_that_cannot_be_written() {
    let scene = Scene::s3().await;
    scene.plain().put("raw", "in/a", "1");
    for (place, words) in [
        ("no/folder/report.json", "no/folder/report.json"),
        (".", "--report \".\""),
        ("s3://", "--report \"s3://\""),
        ("ftp://host/report.json", "ftp"),
    ] {
        let line = scene.solgate(&["sync", "--report", place]).fails_with(2);
        assert!(line.contains(words), "{line}");
    }
    assert_eq!(scene.server().requests().len(), 0, "nothing was touched");
    // A full disk and a bucket that is not there show only at the end: the copies stand, and the exit code tells.
    let ran = scene.solgate(&["sync", "--report", "/dev/full"]).ends_with(1);
    assert!(
        ran.stderr.starts_with("error: ") && ran.stderr.contains("/dev/full") && ran.stderr.contains("No space left"),
        "{}",
        ran.stderr
    );
    assert_eq!((ran.stderr.lines().count(), scene.keys("lake").len()), (1, 1));
    assert!(ran.stdout.starts_with("solgate sync: the run itself failed; what was copied stays\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("1: 1 copied"), "{}", ran.stdout);
    // A store that takes no report, which shows only at the end.
    scene.server().faults().add(Fault::answer(403, "AccessDenied").bucket("archive").on(Operation::PutObject));
    let ran = reported(&scene, "s3://archive/report.json", SECRET).ends_with(1);
    assert!(ran.stderr.contains("s3://archive") && ran.stderr.contains("AccessDenied"), "{}", ran.stderr);
    let kept = ran.stderr.split_once("it is kept in ").unwrap().1.split_once(')').unwrap().0;
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(kept).unwrap()).unwrap();
    assert_eq!(report["totals"]["copied"], 1);
    fs::remove_file(kept).unwrap();
    assert!(ran.stdout.contains("1: 1 copied"), "{}", ran.stdout);
}

/// A run whose report goes to the scene's own server.
fn reported(scene: &Scene, url: &str, secret: &str) -> Ran {
    let mut command = scene.command(&["-c", "config.ini", "sync", "--report", url]);
    command.env("AWS_ENDPOINT_URL", scene.server().endpoint());
    Ran::of(command.env("AWS_ACCESS_KEY_ID", KEY_ID).env("AWS_SECRET_ACCESS_KEY", secret))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_no_report_can_reach_is_found_out_before_the_copy() {
    let scene = Scene::s3().await;
    scene.plain().put("raw", "in/a", "1");
    for (url, secret, words) in [
        ("s3://nowhere/report.json", SECRET, "NoSuchBucket"),
        ("s3://archive/report.json", "another-secret", "SignatureDoesNotMatch"),
    ] {
        let line = reported(&scene, url, secret).fails_with(2);
        assert!(line.starts_with(&format!("--report {url:?}: ")) && line.contains(words), "{line}");
    }
    let touched = scene.server().requests().iter().any(|request| request.bucket.as_deref() == Some("raw"));
    assert!(!touched && scene.keys("lake").is_empty() && scene.keys("archive").is_empty());
    // Keys that may write and not list are enough, and nothing but the report is left.
    scene.server().faults().add(Fault::answer(403, "AccessDenied").bucket("archive").on(Operation::ListObjectsV2));
    reported(&scene, "s3://archive/report.json", SECRET).ends_with(0);
    assert_eq!(scene.keys("archive"), ["report.json"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn places_for_results_are_tried_before_the_copy() {
    for scene in Scene::both().await {
        scene.plain().put("raw", "in/a", "1").write("notes.txt", "not a list").write("array.json", "[{\"x\": 1}]");
        scene.write("old.json", "[{\"relpath\": \"in/a\"}]").write("failed.json", "{\"key\":\"a\"}\n");
        for (option, place, words) in [
            ("--failed-file", "no/folder/failed.json", "No such file or directory"),
            ("--failed-file", ".", "is a directory"),
            ("--failed-file", "config.ini", "is no list of objects"),
            ("--failed-file", "notes.txt", "is no list of objects"),
            ("--failed-file", "array.json", "is no list of objects"),
            ("--work-dir", "no/folder", "entity not found"),
            ("--work-dir", "notes.txt", "not a directory"),
            ("--report", "notes.txt/report.json", "not a directory"),
        ] {
            for command in [&["sync"][..], &["transfer", "a"]] {
                let line = scene.solgate(&[command, &[option, place]].concat()).fails_with(2);
                let start = format!("{option} {place:?}: ");
                assert!(line.starts_with(&start) && line.to_lowercase().contains(&words.to_lowercase()), "{line}");
            }
        }
        assert_eq!((scene.keys("lake").len(), scene.read("notes.txt").as_str()), (0, "not a list"));
        let left: Vec<_> = fs::read_dir(scene.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().contains("partial")), "{left:?}");
        let line = scene.solgate(&["sync", "--report", "failed.json"]).fails_with(2);
        assert!(line.contains("--report and --failed-file are both"), "{line}");
        // A dry run writes no list; older lists of either form give way.
        scene.solgate(&["sync", "-n", "--failed-file", "notes.txt"]).ends_with(0);
        scene.solgate(&["sync", "--failed-file", "old.json"]).ends_with(0);
        scene.solgate(&["sync"]).ends_with(0);
        assert!(!scene.path("old.json").exists() && !scene.path("failed.json").exists());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_work_folder_that_is_not_there() {
    let scene = Scene::files();
    scene.plain().put("raw", "in/a", "1");
    let arguments = ["transfer", "-l", "-", "--work-dir", "/no/such/folder"];
    let line = scene.solgate_reading("{\"key\":\"a\"}", &arguments).fails_with(2);
    assert!(line.starts_with("--work-dir \"/no/such/folder\": create a file there: "), "{line}");
}
