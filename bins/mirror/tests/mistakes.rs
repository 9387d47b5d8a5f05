//! What people get wrong: each mistake has its exit code and one error that says where it is and what would be right, and
//! nothing is written or deleted for it.

#![allow(clippy::unwrap_used, clippy::panic)] // in what the tests call, too

mod common;

use common::{KEY_ID, Ran, SECRET, Scene, beyond_listings, remote, two_buckets};
use transship_testbed::s3::S3Server;

const SYNC: [&str; 3] = ["sync", "source:from", "destination:to"];

/// Two buckets that a `sync` would change: one object to copy, one to delete.
async fn stage() -> (S3Server, Scene) {
    let (server, scene) = two_buckets(S3Server::builder()).await;
    server.put_object("from", "new", "to be copied");
    server.put_object("to", "old", "to be deleted");
    (server, scene)
}

#[track_caller]
fn untouched(server: &S3Server) {
    assert_eq!(beyond_listings(server), [], "nothing but listings");
    assert_eq!(server.keys("to"), ["old"]);
}

/// The line of the error. It names all of these.
#[track_caller]
fn refused(server: &S3Server, ran: Ran, code: i32, names: &[&str]) -> String {
    let line = ran.fails_with(code);
    names.iter().for_each(|name| assert!(line.contains(name), "{name:?} in: {line}"));
    untouched(server);
    line
}

/// A mistake on the command line is told in several lines, the usage among them.
#[track_caller]
fn misused(server: &S3Server, ran: Ran, names: &[&str]) {
    let ran = ran.ends_with(2).tells(names);
    assert_eq!((ran.stdout.as_str(), ran.stderr.matches("error: ").count()), ("", 1), "{}", ran.stderr);
    untouched(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_flag_is_told_with_the_nearest_one() {
    let (server, scene) = stage().await;
    for (flag, near) in [
        ("--transfer=4", "--transfers"),
        ("--max-delet=1", "--max-delete"),
        ("--dryrun", "--dry-run"),
        ("--exlude=x", "--exclude"),
        ("--progess", "--progress"),
    ] {
        misused(&server, scene.run(&[&SYNC[..], &[flag]].concat()), &[flag.split('=').next().unwrap(), near]);
    }
    let ran = scene.run(&[&SYNC[..], &["--no-such-thing"]].concat());
    assert!(!ran.stderr.contains("-- --"), "{}", ran.stderr);
    misused(&server, ran, &["--no-such-thing"]);
    misused(&server, scene.run(&["snyc", "source:from", "destination:to"]), &["snyc", "sync"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_is_a_switch_as_rclone_has_it() {
    for flag in ["-P", "--progress", "--progress=off", "-Pv"] {
        let (server, scene) = stage().await;
        scene.run(&[&["sync", flag], &SYNC[1..]].concat()).ends_with(0);
        assert_eq!(server.keys("to"), ["new"], "{flag}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_none_is_told_with_what_is_expected() {
    let (server, scene) = stage().await;
    for (flag, expected) in [
        ("--max-delete=half", "such as 10%"),
        ("--min-size=big", "10M, 1.5G"),
        ("--max-age=yesterday", "2024-05-06"),
        ("--max-duration=soon", "1h30m"),
        ("--transfers=0", "1..=1024"),
    ] {
        let (name, value) = flag.split_once('=').unwrap();
        misused(&server, scene.run(&[&SYNC[..], &[flag]].concat()), &[name, value, expected]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_argument_is_named() {
    let (server, scene) = stage().await;
    misused(&server, scene.run(&["sync", "source:from"]), &["<DEST>", "Usage:"]);
    misused(&server, scene.run(&["sync"]), &["<SOURCE>", "<DEST>", "Usage:"]);
    misused(&server, scene.run(&["check", "source:from"]), &["<DEST>"]);
    misused(&server, scene.run(&["ls"]), &["<REMOTE>"]);
    misused(&server, scene.run(&["sync", "source:from", "destination:to", "more"]), &["more"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_misspelt_remote_is_told_with_those_that_there_are() {
    let (server, scene) = stage().await;
    let ran = scene.run(&["sync", "sorce:from", "destination:to"]);
    refused(&server, ran, 2, &["rclone.conf", "[sorce]", "source, destination", "did you mean source?"]);
    let ran = scene.run(&["sync", "source:from", "elsewhere:to"]);
    let line = refused(&server, ran, 2, &["[elsewhere]", "source, destination"]);
    assert!(!line.contains("did you mean"), "{line}");
    let ran = scene.run(&["sync", "s3://from", "destination:to"]);
    refused(&server, ran, 2, &["[s3] this is a URL", "remote:bucket/path", "source or destination"]);
    let mut no_file = scene.command(&["ls", "source:from"]);
    no_file.env("RCLONE_CONFIG", "");
    let line = Ran::of(no_file).fails_with(2);
    assert!(line.contains("source") && line.contains("--config"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_without_a_bucket_or_a_bucket_that_is_not_there_is_named() {
    let (server, scene) = stage().await;
    let ran = scene.run(&["sync", "source:", "destination:to"]);
    let line = refused(&server, ran, 2, &["\"source:\" names no bucket", "source:bucket or source:bucket/path"]);
    assert!(!line.contains("::"), "{line}");
    refused(&server, scene.run(&["sync", "source:from", "destination:"]), 2, &["no bucket", "destination:bucket"]);
    refused(&server, scene.run(&["ls", "source:"]), 2, &["no bucket"]);
    for arguments in [["sync", "source:form", "destination:to"], ["check", "source:form", "destination:to"]] {
        refused(&server, scene.run(&arguments), 1, &["s3://form", "no such bucket"]);
    }
    for command in ["sync", "copy"] {
        let ran = scene.run(&[command, "source:from", "destination:too"]);
        refused(&server, ran, 1, &["s3://too", "no such bucket", "create it"]);
    }
    refused(&server, scene.run(&["ls", "source:form"]), 1, &["s3://form", "no such bucket"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_file_that_is_not_there_is_named() {
    let (server, scene) = stage().await;
    for flag in [&["--config", "no.conf"][..], &["--config=no.conf"]] {
        let ran = Ran::of(scene.command(&[flag, &SYNC].concat()));
        refused(&server, ran, 2, &["no.conf", "--config", "there is no such file"]);
    }
    let mut by_variable = scene.command(&SYNC);
    by_variable.env("RCLONE_CONFIG", "other.conf");
    refused(&server, Ran::of(by_variable), 2, &["other.conf", "RCLONE_CONFIG", "there is no such file"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_configuration_and_a_crypt_remote_are_not_supported_and_say_so() {
    let (server, scene) = stage().await;
    let plain = scene.read("rclone.conf");
    scene.write("rclone.conf", &format!("{plain}[safe]\ntype = crypt\nremote = source:from\npassword = {SECRET}\n"));
    let line =
        refused(&server, scene.run(&["sync", "safe:", "destination:to"]), 2, &["[safe]", "rclone.conf:", "\"crypt\""]);
    assert!(line.contains("not supported") && line.contains("s3") && line.contains("azureblob"), "{line}");

    scene.write("rclone.conf", "# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\nnOtReAlLyEnCrYpTeD\n");
    let names = ["rclone.conf:3", "encrypted, which is not supported", "rclone config encryption remove"];
    refused(&server, scene.run(&SYNC), 2, &names);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_is_told_with_its_line_and_the_nearest_one() {
    let (server, scene) = stage().await;
    let plain = scene.read("rclone.conf");
    scene.write("rclone.conf", &plain.replacen("env_auth", "env_auht", 1));
    refused(&server, scene.run(&SYNC), 2, &["rclone.conf:4", "[source]", "env_auht", "did you mean env_auth?"]);
    scene.write("rclone.conf", &plain.replacen("env_auth = false", "env_auth = maybe", 1));
    refused(&server, scene.run(&SYNC), 2, &["rclone.conf:4", "[source]", "env_auth", "true or false"]);
    scene.write("rclone.conf", &plain.replacen("env_auth = false", "env_auth", 1));
    refused(&server, scene.run(&SYNC), 2, &["rclone.conf:4", "[source]", "key = value"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_inside_the_other_or_the_same_place_is_refused() {
    let (server, scene) = stage().await;
    refused(&server, scene.run(&["sync", "source:to", "destination:to"]), 5, &["the same place", "s3://to"]);
    let inside = ["lies inside the source", "s3://to", "below/"];
    refused(&server, scene.run(&["sync", "source:to", "destination:to/below"]), 5, &inside);
    let around = ["lies inside the destination", "s3://to", "below/"];
    refused(&server, scene.run(&["sync", "source:to/below", "destination:to"]), 5, &around);
    scene.write("folder/file", "content");
    refused(&server, scene.run(&["sync", "folder", "folder/sub"]), 5, &["inside the source", "folder/sub"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_is_none_is_named() {
    let (server, scene) = stage().await;
    scene.write("rules", "+ *.csv\n\n# fine\n* *.txt\n");
    scene.write("patterns", "*.csv\n[a\n");
    for (flags, names) in [
        (["--filter", "x *.txt"], ["--filter", "x *.txt", "+ pattern"]),
        (["--filter-from", "rules"], ["--filter-from", "rules, line 4", "+ pattern"]),
        (["--exclude-from", "patterns"], ["--exclude-from", "patterns, line 2", "[a"]),
        (["--include", "{{(}}"], ["--include", "{{(}}", "unclosed group"]),
        (["--files-from", "no-list"], ["--files-from", "no-list", "No such file"]),
        (["--include-from", "no-list"], ["--include-from", "no-list", "No such file"]),
    ] {
        let line = refused(&server, scene.run(&[&SYNC[..], &flags].concat()), 2, &names);
        assert!(!line.contains("error:"), "{line}");
    }
    let both = ["--min-size", "2M", "--max-size", "1M"];
    refused(&server, scene.run(&[&SYNC[..], &both].concat()), 2, &["--min-size is above --max-size"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_for_results_that_takes_none_is_found_out_before_anything_is_touched() {
    let (server, scene) = stage().await;
    for report in ["no/such/folder/report.json", "."] {
        let ran = scene.run(&[&SYNC[..], &["--report", report]].concat());
        refused(&server, ran, 2, &["--report", report]);
    }
    let ran = scene.run(&[&SYNC[..], &["--work-dir", "nowhere"]].concat());
    refused(&server, ran, 2, &["--work-dir nowhere", "No such file"]);
    let ran = scene.run(&["check", "source:from", "destination:to", "--combined", "no/folder/file"]);
    refused(&server, ran, 2, &["--combined", "no/folder/file", "No such file"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_not_there_is_no_empty_source() {
    let (server, scene) = stage().await;
    refused(&server, scene.run(&["sync", "./folder", "destination:to"]), 1, &["/folder", "no such directory"]);
    let ran = scene.run(&["sync", "source", "destination:to"]).ends_with(1);
    ran.tells(&["WARN", "the remote is source:", "no such directory"]);
    untouched(&server);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_a_server_refuses_are_no_empty_source() {
    let (server, scene) = stage().await;
    let wrong = format!("{SECRET}-another");
    let endpoint = server.endpoint();
    let remotes = [remote("source", &endpoint, KEY_ID, &wrong), remote("destination", &endpoint, KEY_ID, SECRET)];
    scene.write("rclone.conf", &remotes.concat());
    refused(&server, scene.run(&SYNC), 1, &["s3://from", "SignatureDoesNotMatch"]);
    let keys = format!("access_key_id = {KEY_ID}\nsecret_access_key = {wrong}\n");
    scene.write("rclone.conf", &scene.read("rclone.conf").replace(&keys, ""));
    let ran = scene.run(&SYNC).ends_with(1);
    ran.tells(&["source:from: requests are not signed", "env_auth = true", "s3://from", "AccessDenied"]);
    untouched(&server);
}

/// Whatever happens, at whatever level: `Ran` looks for the secret in every output.
#[tokio::test(flavor = "multi_thread")]
async fn no_output_holds_a_secret() {
    let (server, scene) = stage().await;
    let endpoint = server.endpoint();
    let typed =
        format!(":s3,provider=Ceph,access_key_id={KEY_ID},secret_access_key=\"{SECRET}\",endpoint=\"{endpoint}\":");
    let (from, to) = (format!("{typed}from"), format!("{typed}to"));
    for more in
        [&["-vv"][..], &["-vv", "--use-json-log"], &["--log-level", "trace,hyper=trace"], &["--output", "json", "-v"]]
    {
        scene.run(&[&SYNC[..], more, &["--report", "report.json"]].concat()).ends_with(0);
        assert!(!scene.read("report.json").contains(SECRET));
        scene.run(&[&["sync", &from, &to], more].concat()).ends_with(0);
    }
    for more in [&["-vv"][..], &["--log-level", "trace"]] {
        for command in ["check", "sync"] {
            scene.run(&[&[command, &from, &to], more].concat()).ends_with(0);
        }
        scene.run(&[&["ls", &from], more].concat()).ends_with(0);
        let one = format!("{from}/new");
        let ran = scene.run(&[&["sync", &one, "folder", "--include", "x"], more].concat()).ends_with(2);
        ran.tells(&["secret_access_key=***", "from/new is one object, and filters choose"]);
        scene.run(&[&["explain", &from, &to, "new"], more].concat()).ends_with(0);
        scene.run(&[&["sync", &from, &to, "--backup-dir", &to], more].concat()).ends_with(2);
        scene.run(&[&["ls", &format!("{typed}nowhere")], more].concat()).ends_with(1);
        scene.run(&[&["ls", &typed], more].concat()).ends_with(2);
        // The mistake is in the very value, or right behind it.
        scene.run(&[&["ls", &from.replace("\":from", ":from")], more].concat()).ends_with(2);
        scene.run(&[&["ls", &from.replace("secret_access_key", "secret_acess_key")], more].concat()).ends_with(2);
    }
    let plain = scene.read("rclone.conf");
    for (wrong, right) in [("secret_access_key = ", "env_auth = "), ("secret_access_key = ", "acess_key_id = ")] {
        scene.write("rclone.conf", &plain.replace(wrong, right));
        scene.run(&[&SYNC[..], &["-vv"]].concat()).ends_with(2);
    }
    scene.write("rclone.conf", &plain.replace("secret_access_key = ", ""));
    scene.run(&[&SYNC[..], &["-vv"]].concat()).ends_with(2);
    let mut variables = scene.command(&["ls", "other:from", "-vv"]);
    variables.env("RCLONE_CONFIG_OTHER_TYPE", "s3").env("RCLONE_CONFIG_OTHER_SECRET_ACCESS_KEY", SECRET);
    variables.env("RCLONE_CONFIG_OTHER_ENV_AUTH", "perhaps");
    Ran::of(variables).ends_with(2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_sync_would_delete_and_flags_that_there_are_not_are_refused() {
    let (server, scene) = stage().await;
    std::fs::create_dir(scene.path("there")).unwrap();
    let line = scene.run(&["sync", "source:from", "there", "--report", "there/report.json"]).fails_with(2);
    assert!(line.contains("sync would delete it"), "{line}");
    let ran = scene.run(&["sync", "source:from", "there", "--log-format", "json", "--max-depth", "1"]).ends_with(2);
    let line: serde_json::Value = serde_json::from_str(&ran.stderr).unwrap();
    assert!(line["message"].as_str().unwrap().contains("rclone's --max-depth is not supported here"), "{line}");
    let typed = format!(":s3,endpoint=http://127.0.0.1:1,secret_access_key={}:bucket", common::SECRET);
    scene.run(&["ls", &typed]).ends_with(2);
    untouched(&server);
}
