//! No secret is ever told: canaries are planted wherever one may stand, and looked for in all that comes out.

use std::fs;

use transship_testbed::{
    s3::{Fault, S3Server},
    smtp::{SinkOptions, SmtpSink},
};

use crate::scene::{Ran, Scene};

const CANARIES: [&str; 5] = [
    "canary/Secret+0f9d8c7b6a",
    "canary-token-5e4d",
    "canary-password-3c2b",
    "canary-azure-9a8b",
    "canary-environment-1f2e",
];

#[track_caller]
fn silent(what: &str, text: &str) {
    for canary in CANARIES {
        assert!(!text.contains(canary), "{canary} in {what}: {text}");
        let encoded = canary.replace('/', "%2F").replace('+', "%2B");
        assert!(!text.contains(&encoded), "{canary} in {what}: {text}");
    }
    assert!(!text.contains("Signature=") && !text.contains("X-Amz-Signature"), "a signature in {what}: {text}");
}

fn all_silent(scene: &Scene, ran: &Ran) {
    silent("stdout", &ran.stdout);
    silent("stderr", &ran.stderr);
    for file in ["report.json", "failed.json", "list.json"] {
        silent(file, &fs::read_to_string(scene.path(file)).unwrap_or_default());
    }
}

fn run(scene: &Scene, level: &str, arguments: &[&str]) -> Ran {
    let mut command = scene.command(&[&["-c", "config.ini", "--log-level", level], arguments].concat());
    command.envs([
        ("AWS_SECRET_ACCESS_KEY", "canary-environment-1f2e"),
        ("AWS_ACCESS_KEY_ID", "KEYOFTHEENVIRONMENT"),
        ("AWS_SESSION_TOKEN", "canary-token-5e4d"),
        ("AZURE_STORAGE_KEY", "canary-azure-9a8b"),
        ("SMTP_PASSWORD", "canary-password-3c2b"),
        ("SMTP_USERNAME", "robot"),
    ]);
    let ran = Ran::of(&mut command);
    all_silent(scene, &ran);
    ran
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_errors_reports_and_lists_hold_no_secret() {
    let builder = S3Server::builder().session_key("TEMPORARY", CANARIES[0], "canary-token-5e4d");
    let (scene, other) = (Scene::with(builder).await, Scene::s3().await);
    let temporary = format!(
        "{}aws_session_token = canary-token-5e4d\n",
        scene.at("raw/in").replace(crate::scene::KEY_ID, "TEMPORARY")
    );
    let disk = format!(
        "url = file://{}\naws_access_key_id = X\naws_secret_access_key = {}\n",
        scene.path("disk").display(),
        CANARIES[0]
    );
    scene.config(&format!(
        "[solgate]\nalerts_smtp_password = canary-password-3c2b\nalerts_smtp_username = robot\n[source]\n{temporary}\
         [destination_lake]\n{}[destination_disk]\n{disk}",
        other.at("lake/out"),
    ));
    scene.put("raw", "in/a", "1").put("raw", "in/b", "2");
    for level in
        ["trace", "trace,hyper=trace,hyper_util=trace,rustls=trace,transship_store=trace,transship_transfer=trace"]
    {
        run(&scene, level, &["list", "-o", "list.json"]).ends_with(0);
        let ran = run(&scene, level, &["transfer", "-l", "list.json", "--report", "report.json"]).ends_with(0);
        assert!(level == "trace" || ran.stderr.len() > 1000, "the log is no trace: {}", ran.stderr);
        run(&scene, level, &["explain", "a"]).ends_with(0);
        other.server().faults().add(Fault::answer(400, "InvalidRequest").method(http::Method::PUT));
        run(&scene, level, &["sync", "--report", "report.json"]).ends_with(4);
        other.server().faults().clear();
        scene.server().faults().add(Fault::answer(403, "SignatureDoesNotMatch").times(1));
        run(&scene, level, &["sync", "--report", "report.json"]).ends_with(1);
        scene.server().faults().clear();
    }
    scene.server().expire_session("TEMPORARY");
    run(&scene, "trace", &["sync", "--report", "report.json"]).ends_with(1);
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_beside_a_secret_do_not_show_it() {
    let scene = Scene::files();
    for text in [
        "[source]\nurl = file:///x\naws_secret_acces_key = canary/Secret+0f9d8c7b6a\n[destination]\nurl = file:///y\n",
        "[source]\nbase_path = b\naws_access_key_id = X\naws_secret_access_key = canary/Secret+0f9d8c7b6a\naws_secret_access_key = canary/Secret+0f9d8c7b6a\n",
        "[source]\nurl = az://account/c\nazure_storage_key = canary-azure-9a8b\nazure_storage_sas_token = canary-azure-9a8b\n[destination]\nurl = file:///y\n",
        "[source]\nurl = az://account/c\nazure_storage_connection_string = AccountKey=canary-azure-9a8b;Bad\n[destination]\nurl = file:///y\n",
        "[source]\nbase_path = b\nendpoint_url = http://user:canary-password-3c2b@host:1\n[destination]\nurl = file:///y\n",
        "[solgate]\nalerts_smtp_server = smtp://user:canary-password-3c2b@host\n[source]\nurl = file:///x\n[destination]\nurl = file:///y\n",
        "[source]\naws_secret_access_key canary/Secret+0f9d8c7b6a\n",
    ] {
        scene.config(text);
        let ran = run(&scene, "trace", &["list"]).ends_with(2);
        assert_eq!(ran.stderr.lines().filter(|line| line.starts_with("error: ")).count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn mail_and_help_hold_no_secret() {
    let scene = Scene::files();
    let login = Some(("robot".to_owned(), "canary-password-3c2b".to_owned()));
    let sink = SmtpSink::start(SinkOptions { user: login, ..SinkOptions::default() }).unwrap();
    let server = sink.address().to_string();
    scene.config("[solgate]\n");
    let workflow = ["--name", "n", "--namespace", "s", "--status", "Failed"];
    let mut command = scene.command(&[&["-c", "config.ini", "--log-level", "trace", "notify"], &workflow[..]].concat());
    command.envs([("SMTP_SERVER", &*server), ("SMTP_SECURITY", "none"), ("SMTP_USERNAME", "robot")]);
    all_silent(&scene, &Ran::of(command.env("SMTP_PASSWORD", "canary-password-3c2b")).ends_with(0));
    silent("the mail", &String::from_utf8_lossy(&sink.mails()[0].data));
    let mut help = scene.command(&["notify", "--help"]);
    let ran =
        Ran::of(help.env("WORKFLOW_FAILURES", "canary-token-5e4d").env("SMTP_SERVER", "u:canary-password-3c2b@h"));
    all_silent(&scene, &ran);
}
