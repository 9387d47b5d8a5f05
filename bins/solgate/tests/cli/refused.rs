//! Files and folders that cannot be read or written.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

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
    // A folder below the source: an incomplete listing is none.
    mode(&scene, "raw/in/locked", 0o700);
    for command in [&["list"][..], &["sync"]] {
        let line = as_nobody(&scene, command).unwrap().fails_with(1);
        assert!(line.contains("raw/in/locked") && line.contains("ermission denied"), "{line}");
    }
    // The source itself.
    mode(&scene, "raw/in", 0o700);
    for command in [&["list"][..], &["sync"]] {
        let line = as_nobody(&scene, command).unwrap().fails_with(1);
        assert!(line.contains("raw/in") && line.contains("ermission denied"), "{line}");
    }
    mode(&scene, "raw/in", 0o755);
    mode(&scene, "raw/in/locked", 0o755);
    // A destination that nobody may write to.
    fs::create_dir(scene.path("lake")).unwrap();
    mode(&scene, "lake", 0o755);
    let ran = as_nobody(&scene, &["sync", "--failed-file", "/tmp/none/failed.json"]).unwrap();
    assert!(ran.code == 1 || ran.code == 4, "{ran:?}");
    assert!(ran.stderr.contains("ermission denied") && ran.stderr.contains("/lake"), "{}", ran.stderr);
    // One object among others, and a folder for the failed list that is read-only.
    mode(&scene, "lake", 0o777);
    mode(&scene, "raw/in/shut", 0o600);
    let ran = as_nobody(&scene, &["sync"]).unwrap().ends_with(1);
    let lines: Vec<_> = ran.stderr.lines().collect();
    assert!(lines[0].contains("shut") && lines[0].contains("ermission denied"), "{lines:?}");
    assert!(lines[1].starts_with("error: create failed.json: permission denied"), "{lines:?}");
    assert_eq!((lines.len(), scene.keys("lake").len()), (2, 2));
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
    let mut command = scene.command(&["-c", "config.ini", "sync", "--report", "s3://nowhere/report.json"]);
    command.env("AWS_ENDPOINT_URL", scene.server().endpoint());
    command.env("AWS_ACCESS_KEY_ID", KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
    let ran = Ran::of(&mut command).ends_with(1);
    assert!(ran.stderr.contains("s3://nowhere") && ran.stderr.contains("NoSuchBucket"), "{}", ran.stderr);
    let kept = ran.stderr.split_once("it is kept in ").unwrap().1.split_once(')').unwrap().0;
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(kept).unwrap()).unwrap();
    assert_eq!(report["totals"]["copied"], 1);
    fs::remove_file(kept).unwrap();
    assert!(ran.stdout.contains("1: 1 copied"), "{}", ran.stdout);
    for command in [&["list"][..], &["explain", "a"], &["version"]] {
        let line = scene.solgate(&[command, &["--report", "report.json"]].concat()).fails_with(2);
        assert!(line.contains(command[0]), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_work_folder_that_is_not_there() {
    let scene = Scene::files();
    scene.plain().put("raw", "in/a", "1");
    let arguments = ["transfer", "-l", "-", "--work-dir", "/no/such/folder"];
    let line = scene.solgate_reading("{\"key\":\"a\"}", &arguments).fails_with(2);
    assert!(line.contains("read the list from stdin: keep it in /no/such/folder: No such file"), "{line}");
}
