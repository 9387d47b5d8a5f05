//! What goes wrong, and what is said about it: one line, the right exit code, and nothing else.

use std::{fs, net::TcpListener};

use transship_testbed::s3::{Operation, S3Server, WrongRegion};

use crate::scene::{KEY_ID, SECRET, Scene};

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
    assert!(line.contains(" at https://") && line.contains("certificate is not trusted"), "{line}");
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
    let line = plain.solgate(&["sync"]).fails_with(1);
    assert!(line.contains("s3://raw at https://") && line.contains("does not speak TLS"), "{line}");
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
