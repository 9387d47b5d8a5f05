//! `--bwlimit` and `--stats`, from outside.

// Lints spare tests, but not what tests share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use common::{KEY_ID, Ran, SECRET, Scene, remote, two_buckets};
use serde_json::Value;
use transship_testbed::s3::{Effect, Fault, Operation, S3Server};

/// A server for each end, so that no server can copy by itself.
async fn two_servers() -> (S3Server, S3Server, Scene) {
    let server = async || S3Server::builder().key(KEY_ID, SECRET).bucket("there").start().await.unwrap();
    let (from, to) = (server().await, server().await);
    let remotes = [("source", &from), ("destination", &to)];
    let remotes = remotes.map(|(name, server)| remote(name, &server.endpoint(), KEY_ID, SECRET));
    (from, to, Scene::new(&remotes.concat()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_is_none_is_named_before_anything_is_asked() {
    let (server, scene) = two_buckets(S3Server::builder()).await;
    for (limit, words) in [
        ("10X", "\"10X\": expected a rate such as 10M, 512k or off; a bare number is KiB a second"),
        ("08:00,512k 25:00,1M", "\"25:00,1M\" in the table: \"25:00\": expected a time such as 08:00"),
        ("Mun-08:00,512k", "\"Mun\": expected a weekday such as Mon or Monday"),
    ] {
        let ran = scene.run(&["copy", "source:from", "destination:to", "--bwlimit", limit]).ends_with(2);
        assert!(ran.stderr.contains(words) && ran.stderr.contains("--bwlimit"), "{}", ran.stderr);
    }
    assert!(server.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_copies_by_itself_is_not_limited_and_neither_is_a_disk() {
    let (server, scene) = two_buckets(S3Server::builder()).await;
    server.put_object("from", "x", vec![7; 3 << 20]);
    let limited = |from: &str, to: &str, limit: &str| {
        scene.run(&["copy", from, to, "--bwlimit", limit]).ends_with(0);
    };
    // At a byte a second, whatever is limited takes weeks.
    limited("source:from", "destination:to", "1B");
    limited("source:from", "folder", "1B:off");
    fs::rename(scene.path("folder/x"), scene.path("folder/y")).unwrap();
    limited("folder", "destination:to", "off:1B");
    assert_eq!(server.keys("to"), ["x", "y"]);
    // What is variables in rclone is not read.
    let mut command = scene.command(&["--config", "rclone.conf", "copy", "folder", "destination:to/again"]);
    command.env("RCLONE_BWLIMIT", "1B");
    Ran::of(command).ends_with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_waits_for_bandwidth_can_be_stopped() {
    let (from, to, scene) = two_servers().await;
    for key in ["a", "b", "c"] {
        from.put_object("there", key, vec![7; 1 << 20]);
    }
    let arguments = ["--config", "rclone.conf", "sync", "source:there", "destination:there", "--bwlimit", "1"];
    let child = scene.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while from.count(Operation::GetObject) < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{stderr}");
    assert!(stderr.contains("bandwidth: 1.0 KiB/s sent, 1.0 KiB/s received"), "{stderr}");
    assert!(to.keys("there").is_empty(), "at 1 KiB a second no object can be there");
}

fn progress(ran: &Ran) -> Vec<Value> {
    let lines = ran.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["message"].as_str().is_some_and(|message| message.starts_with("progress: "))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_progress_tell_what_is_to_be_copied_and_not_all_that_is_there() {
    let (from, to, scene) = two_servers().await;
    for n in 0..30 {
        for server in [&from, &to] {
            server.put_object("there", &format!("same/{n}"), "the same");
        }
    }
    from.put_object("there", "new", vec![7; 1000]);
    from.put_object("there", "changed", vec![7; 500]);
    to.put_object("there", "changed", "otherwise");
    to.put_object("there", "extra", "x");
    to.faults().add(Fault::new(Effect::Delay(Duration::from_secs(2))).on(Operation::PutObject));
    let arguments = ["sync", "source:there", "destination:there", "--use-json-log", "-n"];
    let often = ["--stats", "100ms", "--stats-one-line", "--stats-log-level", "NOTICE"];
    assert!(progress(&scene.run(&[&arguments[..], &often[..]].concat()).ends_with(0)).is_empty(), "nothing is done");
    let ran = scene.run(&[&arguments[..4], &often[..]].concat()).ends_with(0);
    let lines = progress(&ran);
    let last = lines.last().unwrap_or_else(|| panic!("no progress: {}", ran.stderr));
    for (field, value) in
        [("objects_total", 2), ("bytes_total", 1500), ("checked", 31), ("to_delete", 1), ("failed", 0)]
    {
        assert_eq!(last[field], value, "{field} in {last}");
    }
    assert_eq!(last["level"], "WARN");
    let message = last["message"].as_str().unwrap();
    assert!(message.starts_with("progress: 31 checked, 0 of 2 objects copied, 1.5 KiB of 1.5 KiB read"), "{message}");
    assert!(message.ends_with(", 0 of 1 deleted"), "{message}");
    from.put_object("there", "new", vec![8; 999]);
    let ran = scene.run(&[&arguments[..4], &["--stats", "0", "--progress=on"]].concat()).ends_with(0);
    assert!(progress(&ran).is_empty() && !ran.stderr.contains("progress"), "{}", ran.stderr);
}
