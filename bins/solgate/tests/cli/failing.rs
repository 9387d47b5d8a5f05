//! What goes wrong, and what is said about it: one line, the right exit code, and nothing else.

use std::{fs, net::TcpListener, os::unix::fs::PermissionsExt, process::Command};

use transship_testbed::s3::{Operation, S3Server, WrongRegion};

use crate::scene::{KEY_ID, Ran, SECRET, Scene};

/// Every command that asks the source, and how it must fail where the source cannot be had.
const COMMANDS: [&[&str]; 4] = [&["list"], &["sync"], &["transfer", "a"], &["transfer", "-l", "list.json"]];

/// The line that each command says.
fn all_fail(scene: &Scene, code: i32) -> Vec<String> {
    scene.write("list.json", "{\"key\":\"a\"}\n{\"key\":\"b\"}\n");
    COMMANDS.map(|command| scene.solgate(command).fails_with(code)).into()
}

#[track_caller]
fn all_say(lines: &[String], words: &[&str]) {
    for line in lines {
        assert!(words.iter().all(|word| line.contains(word)), "{line}\nexpected {words:?}");
    }
}

fn source_and(scene: &Scene, source: &str) {
    scene.config(&format!("[source]\n{source}\n[destination]\n{}", scene.at("lake/out")));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys() {
    let scene = Scene::s3().await;
    scene.put("raw", "in/a", "1");
    let right = scene.at("raw/in");
    source_and(&scene, &right.replace(SECRET, "another-secret"));
    all_say(&all_fail(&scene, 1), &["s3://raw at http://", "SignatureDoesNotMatch"]);
    source_and(&scene, &right.replace(KEY_ID, "UNKNOWN"));
    all_say(&all_fail(&scene, 1), &["s3://raw at http://", "InvalidAccessKeyId"]);
    // And at the destination.
    let (source, wrong) = (right, scene.at("lake").replace(SECRET, "another-secret"));
    scene.config(&format!("[source]\n{source}\n[destination_lake]\n{wrong}"));
    let line = scene.solgate(&["sync"]).fails_with(1);
    assert!(line.contains("s3://lake at http://") && line.contains("SignatureDoesNotMatch"), "{line}");
    assert_eq!(scene.keys("lake"), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_keys_at_all() {
    let scene = Scene::s3().await;
    let keyless: String =
        scene.at("raw/in").lines().filter(|l| !l.starts_with("aws_")).map(|l| format!("{l}\n")).collect();
    source_and(&scene, &keyless);
    let lines = all_fail(&scene, 1);
    all_say(&lines, &["s3://raw at http://", "no AWS credentials", "AWS_ACCESS_KEY_ID is not set"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket() {
    let scene = Scene::s3().await;
    scene.put("raw", "in/a", "1");
    source_and(&scene, &scene.at("nowhere/in"));
    all_say(&all_fail(&scene, 1), &["s3://nowhere at http://", "NoSuchBucket"]);
    scene.config(&format!("[source]\n{}\n[destination]\n{}", scene.at("raw/in"), scene.at("nowhere")));
    let line = scene.solgate(&["sync", "--report", "report.json"]).fails_with(1);
    assert!(line.contains("s3://nowhere at http://") && line.contains("NoSuchBucket"), "{line}");
    let report = scene.report();
    assert_eq!((&report["exit_code"], &report["error"]), (&1.into(), &line.into()));
    assert_eq!(scene.server().count(Operation::GetObject), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_endpoint() {
    let scene = Scene::s3().await;
    // A port that was free a moment ago.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let source = scene.at("raw/in").replace(&scene.server().endpoint(), &format!("http://{closed}"));
    source_and(&scene, &source);
    all_say(&all_fail(&scene, 1), &[&format!("s3://raw at http://{closed}"), "onnection refused"]);
    source_and(&scene, &source.replace(&closed.to_string(), "no-such-host.invalid"));
    let line = scene.solgate(&["sync", "--attempts", "1"]).fails_with(1);
    assert!(line.contains("s3://raw at http://no-such-host.invalid"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token() {
    let builder = S3Server::builder().session_key("TEMPORARY", "temporary-secret", "canary-token");
    let scene = Scene::with(builder).await;
    scene.put("raw", "in/a", "1");
    let keys = scene.at("raw/in").replace(KEY_ID, "TEMPORARY").replace(SECRET, "temporary-secret");
    source_and(&scene, &format!("{keys}aws_session_token = canary-token\n"));
    scene.solgate(&["sync"]).ends_with(0);
    scene.server().expire_session("TEMPORARY");
    let lines = all_fail(&scene, 1);
    all_say(&lines, &["s3://raw at http://", "ExpiredToken"]);
    assert!(!lines.concat().contains("canary"), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_region_is_found_out_unless_it_was_given() {
    for answer in [WrongRegion::Refuse, WrongRegion::Redirect] {
        let scene = Scene::with(S3Server::builder().region("eu-zurich-1").wrong_region(answer)).await;
        scene.plain().put("raw", "in/a", "1");
        scene.solgate(&["sync"]).ends_with(0);
        assert_eq!(scene.keys("lake"), ["out/a"]);
        source_and(&scene, &format!("{}region = eu-zurich-1\n", scene.at("raw/in")));
        scene.solgate(&["sync"]).ends_with(0);
        source_and(&scene, &format!("{}region = us-west-2\n", scene.at("raw/in")));
        all_say(&all_fail(&scene, 1), &["s3://raw at http://", "eu-zurich-1", "us-west-2"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_an_hour_off_is_put_right() {
    for offset in [3600, -3600] {
        let scene = Scene::s3().await;
        scene.plain().put("raw", "in/a", "1");
        scene.server().set_clock_offset(offset);
        scene.solgate(&["sync"]).ends_with(0);
        assert_eq!(scene.keys("lake"), ["out/a"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_that_cannot_be_trusted() {
    let scene = Scene::with(S3Server::builder().tls()).await;
    scene.plain().put("raw", "in/a", "1");
    let line = scene.solgate(&["sync", "--attempts", "1"]).fails_with(1);
    assert!(line.contains(" at https://") && line.contains("invalid peer certificate"), "{line}");
    let with = |bundle: &str| {
        let source = format!("{}ca_bundle = {bundle}\n", scene.at("raw/in"));
        scene.config(&format!("[source]\n{source}\n[destination]\n{}ca_bundle = {bundle}\n", scene.at("lake")));
    };
    scene.write("ca.pem", scene.server().authority_pem().unwrap());
    with(scene.path("ca.pem").to_str().unwrap());
    scene.solgate(&["sync"]).ends_with(0);
    scene.write("bad.pem", "-----BEGIN CERTIFICATE-----\nbm8=\n-----END CERTIFICATE-----\n").write("empty.pem", "");
    for bundle in ["bad.pem", "empty.pem", "none.pem"] {
        let path = scene.path(bundle);
        with(path.to_str().unwrap());
        all_say(&all_fail(&scene, 2), &[path.to_str().unwrap()]);
    }
    // A server that speaks no TLS.
    let plain = Scene::s3().await;
    let source = plain.at("raw/in").replace("http://", "https://");
    plain.config(&format!("[source]\n{source}\n[destination]\n{}", plain.at("lake")));
    let line = plain.solgate(&["sync", "--attempts", "1"]).fails_with(1);
    assert!(line.contains("s3://raw at https://"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_where_a_folder_should_be() {
    let scene = Scene::files();
    scene.write("file", "this is no folder").put("raw", "in/a", "1");
    let file = format!("url = file://{}", scene.path("file").display());
    scene.config(&format!("[source]\n{file}\n[destination]\n{}", scene.at("lake")));
    all_say(&all_fail(&scene, 2), &["source (config.ini:1): ", "/file is a file: expected a directory"]);
    scene.config(&format!("[source]\n{}\n[destination]\n{file}", scene.at("raw/in")));
    let line = scene.solgate(&["sync"]).fails_with(2);
    assert!(line.contains("/file is a file: expected a directory"), "{line}");
    source_and(&scene, &scene.at("nowhere"));
    all_say(&all_fail(&scene, 1), &["/nowhere: there is no such directory"]);
    assert_eq!(scene.read("file"), "this is no folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn configurations_that_are_none() {
    let scene = Scene::files();
    for (text, words) in [
        ("", "config.ini: the configuration is empty: expected one source and at least one destination"),
        ("\n; nothing\n", "config.ini: the configuration is empty"),
        ("[solgate]\ntimedelta = 1d\n", "config.ini: there is no source"),
        ("[source]\nurl = file:///x\n", "there is no destination"),
        ("[source]\nurl = file:///x\n[destination]\nurl = file:///y\nunpakc = yes\n", "config.ini:5: "),
        ("[source]\nbase_path = b\naws_secret_access_key = canary/Secret+0f9d8c7b6a\n[destination]\n", "config.ini"),
        ("\u{0}\u{1}binary", "config.ini:1"),
    ] {
        scene.config(text);
        for command in [&["list"][..], &["sync"], &["transfer", "a"], &["explain", "a"]] {
            let line = scene.solgate(command).fails_with(2);
            assert!(line.contains(words), "{line}\nexpected {words}");
        }
    }
    fs::write(scene.path("config.ini"), b"[source]\nurl = \xff\n").unwrap();
    assert!(scene.solgate(&["list"]).fails_with(2).contains("config.ini:2: not UTF-8"));
    fs::remove_file(scene.path("config.ini")).unwrap();
    assert!(scene.solgate(&["list"]).fails_with(2).contains("looked for config.ini"));
    fs::create_dir(scene.path("config.ini")).unwrap();
    let line = scene.solgate(&["list"]).fails_with(2);
    assert!(line.contains("looked for config.ini/config.ini, config.ini/config.yaml"), "{line}");
    fs::create_dir(scene.path("config.ini/config.yaml")).unwrap();
    let line = scene.solgate(&["list"]).fails_with(2);
    assert!(line.contains("config.yaml: this is a directory"), "{line}");
}

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
