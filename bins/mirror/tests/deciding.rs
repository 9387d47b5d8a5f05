//! What is copied and why: one object in place of a folder, explanations, what is kept, and runs that end early.

// Lints spare tests, but not what tests share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{Scene, beyond_listings, two_buckets};
use transship_testbed::s3::{Operation, S3Server};

/// `a/one.txt` differs, `a/same.txt` is the same, `a/new.txt` is new and `a/gone.txt` only at the destination.
async fn stage() -> (S3Server, Scene) {
    let (server, scene) = two_buckets(S3Server::builder()).await;
    let store = server.store();
    for (bucket, key, content) in [
        ("from", "a/one.txt", "content"),
        ("to", "a/one.txt", "old one"),
        ("from", "a/same.txt", "same"),
        ("to", "a/same.txt", "same"),
        ("from", "a/new.txt", "new"),
        ("to", "a/gone.txt", "gone"),
    ] {
        store.put_object(bucket, key, content);
    }
    (server, scene)
}

fn content(server: &S3Server, key: &str) -> String {
    String::from_utf8(server.store().object("to", key).unwrap().bytes().unwrap().to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_goes_into_the_folder_and_nothing_else_happens() {
    let (server, scene) = stage().await;
    scene.run(&["sync", "source:from/a/one.txt", "destination:to/b"]).ends_with(0);
    assert_eq!(server.store().keys("to"), ["a/gone.txt", "a/one.txt", "a/same.txt", "b/one.txt"]);
    scene.run(&["sync", "source:from/a/one.txt", "destination:to/a"]).ends_with(0);
    assert_eq!((content(&server, "a/one.txt"), content(&server, "a/gone.txt")), ("content".into(), "gone".into()));
    assert_eq!(server.count(Operation::HeadObject), 0, "a listing tells");
    let ran = scene.run(&["ls", "source:from/a/one.txt"]).ends_with(0);
    assert_eq!(ran.stdout, "        7 one.txt\n");
    scene.run(&["check", "source:from/a/one.txt", "destination:to/b"]).ends_with(0).tells(&["1 match"]);
    // What ends in `/` is a folder, and one that holds nothing.
    scene.run(&["ls", "source:from/a/one.txt/"]).ends_with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_object_and_filters_do_not_go_together() {
    let (server, scene) = stage().await;
    let line = scene.run(&["copy", "source:from/a/one.txt", "destination:to/b", "--include", "*.txt"]).fails_with(2);
    assert!(line.contains("source:from/a/one.txt is one object"), "{line}");
    assert_eq!(beyond_listings(&server), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_decision_is_explained() {
    let (server, scene) = stage().await;
    let explain = |path: &str, code: i32, more: &[&str]| {
        scene.run(&[&["explain", "source:from/a", "destination:to/a", path], more].concat()).ends_with(code).stdout
    };
    for (path, code, more, told) in [
        ("one.txt", 0, &[][..], "sync: copy: another ETag"),
        ("same.txt", 0, &[], "sync: nothing to do: same ETag"),
        ("same.txt", 0, &["--ignore-times"], "sync: copy: copied in any case"),
        ("new.txt", 0, &[], "sync: copy: not there yet"),
        ("new.txt", 0, &["--exclude", "n*"], "excluded: by the rule \"n*\""),
        ("gone.txt", 0, &[], "sync: delete, if all copies succeed and the guards agree (copy leaves it): the source"),
        ("gone.txt", 0, &["--exclude", "g*"], "sync: nothing to do: the filters exclude it"),
        ("one.txt", 4, &["--immutable"], "sync: fail, because what is there must not be replaced: another ETag"),
        ("on", 4, &[], "sync: nothing to do: neither end has it"),
    ] {
        let text = explain(path, code, more);
        assert!(text.contains(told), "{path} {more:?}: {text}");
    }
    let object: serde_json::Value = serde_json::from_str(&explain("one.txt", 0, &["--output", "json"])).unwrap();
    assert_eq!((object["action"].as_str(), object["because"].as_str()), (Some("copy"), Some("another ETag")));
    assert_eq!((object["source"]["size"].as_u64(), object["key"].as_str()), (Some(7), Some("one.txt")));
    assert_eq!(beyond_listings(&server), [], "nothing but listings");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_replaced_or_deleted_is_kept_and_the_report_says_where() {
    let (server, scene) = stage().await;
    let flags = ["--backup-dir", "destination:to/kept", "--suffix", ".1"];
    let report = scene.reported(0, &[&["sync", "source:from/a", "destination:to/a"], &flags[..]].concat());
    let kept: Vec<_> = server.store().keys("to").into_iter().filter(|key| key.starts_with("kept/")).collect();
    assert_eq!(kept, ["kept/gone.txt.1", "kept/one.txt.1"]);
    assert_eq!(content(&server, "kept/one.txt.1"), "old one");
    assert_eq!(common::object(&report, "one.txt")["kept_as"], "one.txt.1");
    assert_eq!(
        (&common::object(&report, "gone.txt")["was"]["size"], &report["totals"]["bytes_deleted"]),
        (&4.into(), &4.into())
    );
    assert_eq!((&report["totals"]["kept"], common::object(&report, "new.txt").get("kept_as")), (&2.into(), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_where_it_would_be_mirrored_is_refused() {
    let (server, scene) = stage().await;
    for kept in ["destination:to/a", "destination:to/a/kept", "destination:to", "source:from/a/kept"] {
        let line = scene.run(&["sync", "source:from/a", "destination:to/a", "--backup-dir", kept]).fails_with(2);
        assert!(line.contains("--backup-dir must not overlap the"), "{kept}: {line}");
    }
    scene.run(&["copy", "source:from/a", "destination:to/a", "--suffix-keep-extension"]).ends_with(2);
    assert_eq!(beyond_listings(&server), []);
    let flags = ["--backup-dir", "destination:to/a/kept", "--exclude", "/kept/**"];
    scene.run(&[&["sync", "source:from/a", "destination:to/a"], &flags[..]].concat()).ends_with(0);
    assert_eq!(content(&server, "a/kept/gone.txt"), "gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_max_transfer_nothing_is_begun_and_nothing_deleted() {
    let (server, scene) = stage().await;
    let ran = scene.run(&["sync", "source:from/a", "destination:to/a", "--max-transfer", "5B"]).ends_with(6);
    let ran = ran.tells(&["the limit of 5 bytes is reached", "nothing was deleted"]);
    assert_eq!(content(&server, "a/gone.txt"), "gone", "{ran:?}");
    scene
        .run(&["sync", "source:from/a", "destination:to/a", "--max-transfer", "1k", "--cutoff-mode=SOFT"])
        .ends_with(0);
    assert_eq!(server.store().keys("to"), ["a/new.txt", "a/one.txt", "a/same.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_of_backends_count_before_the_file() {
    let (server, scene) = stage().await;
    scene.run(&["copy", "source:from/a", "destination:to/c", "--s3-storage-class", "GLACIER"]).ends_with(0);
    let class = server.store().object("to", "c/new.txt").unwrap().attributes.storage_class.clone();
    assert_eq!(class.as_deref(), Some("GLACIER"));
    let ran = scene.run(&["copy", "source:from", "destination:to/d", "--fast-list", "-M", "-v"]).ends_with(0);
    ran.tells(&[
        "--fast-list has no effect here: folders are never listed one by one",
        "--metadata has no effect here",
    ]);
}

/// A file has the time of its source, and a store that of writing: neither is a change.
#[tokio::test(flavor = "multi_thread")]
async fn between_a_disk_and_a_store_a_second_run_brings_nothing() {
    let (server, scene) = stage().await;
    let old = transship_testbed::s3::Attributes {
        metadata: [("mtime".to_owned(), "1500000000".to_owned())].into(),
        ..Default::default()
    };
    server.put("from", "a/one.txt", transship_testbed::s3::StoredObject::new("content").with_attributes(old));
    std::fs::create_dir(scene.path("there")).unwrap();
    scene.run(&["sync", "source:from/a", "there"]).ends_with(0).tells(&["3 copied"]);
    let gets = server.count(Operation::GetObject);
    scene.run(&["sync", "source:from/a", "there"]).ends_with(0).tells(&["nothing to do", "3 skipped"]);
    assert_eq!(server.count(Operation::GetObject), gets);

    let file = std::fs::File::options().append(true).open(scene.path("there/one.txt")).unwrap();
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(86_400)).unwrap();
    scene.run(&["sync", "there", "destination:to/back"]).ends_with(0).tells(&["3 copied"]);
    scene.run(&["sync", "there", "destination:to/back"]).ends_with(0).tells(&["same md5"]);
    scene.write("there/one.txt", "CONTENT");
    scene.run(&["sync", "there", "destination:to/back"]).ends_with(0).tells(&["1 copied"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_list_names_and_the_source_does_not_have_is_told() {
    let (_server, scene) = stage().await;
    scene.write("list", "a/one.txt\nnope\n");
    for flags in [&[][..], &["--dry-run"]] {
        let ran = scene.run(&[&["copy", "source:from", "destination:to/x", "--files-from", "list"], flags].concat());
        ran.ends_with(0).tells(&["1 of the 2 objects that --files-from names are not at the source"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_from_stdin_hold_for_the_whole_run() {
    let (server, scene) = stage().await;
    let run = |arguments: &[&str], stdin: &str| {
        let command = scene.command(&[&["--config", "rclone.conf"], arguments].concat());
        assert_cmd::Command::from_std(command).write_stdin(stdin).assert().success().get_output().stdout.clone()
    };
    run(&["sync", "source:from/a", "destination:to/a", "--exclude-from", "-"], "gone.txt\none.txt\n");
    assert_eq!(server.store().keys("to"), ["a/gone.txt", "a/new.txt", "a/one.txt", "a/same.txt"]);
    assert_eq!(content(&server, "a/one.txt"), "old one");
    run(&["copy", "source:from", "destination:to/b", "--files-from", "-"], "a/one.txt\n");
    assert_eq!(content(&server, "b/a/one.txt"), "content");
    let listed = run(&["ls", "source:from", "--include-from", "-"], "new.txt\n");
    assert_eq!(String::from_utf8(listed).unwrap(), "        3 a/new.txt\n");
}
