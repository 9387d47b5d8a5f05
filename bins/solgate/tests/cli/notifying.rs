//! `solgate notify`

use transship_testbed::smtp::{Received, SinkOptions, SinkTls, SmtpSink};

use crate::scene::{Ran, SECRET, Scene};

const WORKFLOW: [&str; 6] = ["--name", "nightly", "--namespace", "data", "--status", "Failed"];

fn sink(options: SinkOptions) -> SmtpSink {
    SmtpSink::start(options).unwrap()
}

fn notify(scene: &Scene, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = scene.command(&[&["notify"], arguments].concat());
    Ran::of(command.envs(environment.iter().copied()))
}

fn header<'a>(text: &'a str, name: &str) -> &'a str {
    let start = format!("{name}: ");
    text.lines().find_map(|line| line.strip_prefix(&*start)).unwrap_or_default()
}

fn only(sink: &SmtpSink) -> (Received, String) {
    let mails = sink.mails();
    assert_eq!(mails.len(), 1, "{:?}", sink.commands());
    let text = String::from_utf8(mails[0].data.clone()).unwrap();
    (mails[0].clone(), text)
}

#[test]
fn a_mail_goes_out_without_any_configuration_file() {
    let (scene, sink) = (Scene::files(), sink(SinkOptions::default()));
    let server = sink.address().to_string();
    let failures = r#"[{"displayName": "transfer", "message": "failed with exit code 4"}]"#;
    let options =
        ["--smtp", &server, "--from", "a@example.com", "--to", "b@example.com; c@example.com", "--failures", failures];
    let more = ["--host", "argo.example.com", "--timestamp", "2024-05-06T07:08:09Z"];
    let ran = notify(&scene, &[], &[&WORKFLOW[..], &options, &more].concat()).ends_with(0);
    assert_eq!(ran.stdout, "");
    let (mail, text) = only(&sink);
    assert_eq!(
        (mail.from.as_str(), &mail.to[..]),
        ("a@example.com", &["b@example.com".to_owned(), "c@example.com".into()][..])
    );
    assert_eq!(header(&text, "Subject"), "[data][nightly] Argo workflow Failed");
    for part in ["text/plain", "text/html", "https://argo.example.com/workflows/data/nightly", "some objects failed"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn options_come_before_the_environment_and_that_before_the_configuration() {
    let (scene, first, second, third) =
        (Scene::files(), sink(SinkOptions::default()), sink(SinkOptions::default()), sink(SinkOptions::default()));
    scene.config(&format!(
        "[solgate]\nalerts_smtp_server = {}\nalerts_from = config@x.org\nalerts_to = to@x.org\n",
        third.address()
    ));
    let (one, two) = (first.address().to_string(), second.address().to_string());
    let environment = [
        ("SMTP_SERVER", &*two),
        ("ALERT_EMAIL_SMTP_SERVER", "127.0.0.1:1"),
        ("ALERT_FROM_EMAIL", "environment@x.org"),
        ("WORKFLOW_NAME", "from-environment"),
        ("WORKFLOW_NAMESPACE", "data"),
        ("WORKFLOW_STATUS", "Succeeded"),
        ("WORKFLOW_FAILURES", "null"),
    ];
    let file = ["-c", "config.ini"];
    notify(&scene, &[], &[&file[..], &WORKFLOW].concat()).ends_with(0);
    assert_eq!(only(&third).0.from, "config@x.org");
    notify(&scene, &environment, &file).ends_with(0);
    let (mail, text) = only(&second);
    assert_eq!((&*mail.from, &*mail.to[0]), ("environment@x.org", "to@x.org"));
    assert_eq!(header(&text, "Subject"), "[data][from-environment] Argo workflow Succeeded");
    let options = ["--smtp", &one, "--from", "option@x.org", "-n", "from-option"];
    notify(&scene, &environment, &[&file[..], &options].concat()).ends_with(0);
    let (mail, text) = only(&first);
    assert_eq!(mail.from, "option@x.org");
    assert_eq!(header(&text, "Subject"), "[data][from-option] Argo workflow Succeeded");
}

#[test]
fn plain_starttls_and_tls_with_and_without_a_login() {
    let user = Some(("robot".to_owned(), SECRET.to_owned()));
    for (tls, security) in [(SinkTls::None, "none"), (SinkTls::StartTls, "starttls"), (SinkTls::Implicit, "tls")] {
        for user in [None, user.clone()] {
            let (scene, sink) =
                (Scene::files(), sink(SinkOptions { tls, user: user.clone(), ..SinkOptions::default() }));
            scene.write("ca.pem", sink.certificate());
            let (server, bundle) = (sink.address().to_string(), scene.path("ca.pem").display().to_string());
            let mut environment =
                vec![("SMTP_SERVER", &*server), ("SMTP_SECURITY", security), ("SMTP_CA_BUNDLE", &*bundle)];
            if user.is_some() {
                environment.extend([("SMTP_USERNAME", "robot"), ("SMTP_PASSWORD", SECRET)]);
            }
            notify(&scene, &environment, &WORKFLOW).ends_with(0);
            let (mail, _) = only(&sink);
            assert_eq!((mail.encrypted, mail.user.is_some()), (tls != SinkTls::None, user.is_some()), "{security}");
        }
    }
}

#[test]
fn failures_that_cannot_be_read_still_give_a_mail() {
    for failures in [
        "[{\"displayName\": \"cut off",
        "[{\"message\": null}]",
        "",
        "nonsense",
        "\"[{\\\"displayName\\\": \\\"quoted\\\"}]\"",
        "[{\"displayName\": \"x\", \"message\": \"OOMKilled (exit code 137)\"}]",
        "{{workflow.failures}}",
    ] {
        let (scene, sink) = (Scene::files(), sink(SinkOptions::default()));
        let server = sink.address().to_string();
        notify(&scene, &[("WORKFLOW_FAILURES", failures), ("SMTP_SERVER", &server)], &WORKFLOW).ends_with(0);
        let (_, text) = only(&sink);
        assert_eq!(header(&text, "Subject"), "[data][nightly] Argo workflow Failed");
        let said = "The list of failed steps could not be read";
        let unreadable = ["cut off", "nonsense", "{{workflow"].iter().any(|part| failures.contains(part));
        let text = text.replace("=\r\n", "");
        assert_eq!(text.contains(said), unreadable, "{failures}: {text}");
        for jargon in ["EOF", "line 1", "column", "expected value"] {
            assert!(!text.contains(jargon), "{failures}: {text}");
        }
    }
}

#[test]
fn mail_that_cannot_be_delivered_is_one_line_and_exit_code_1() {
    let scene = Scene::files();
    let line = notify(&scene, &[("SMTP_SERVER", "127.0.0.1:1")], &WORKFLOW).fails_with(1);
    assert!(line.contains("127.0.0.1:1") && line.contains("onnection refused"), "{line}");
    let refusing = sink(SinkOptions { replies: vec![("DATA", "554 no".to_owned())], ..SinkOptions::default() });
    let line = notify(&scene, &[("SMTP_SERVER", &refusing.address().to_string())], &WORKFLOW).fails_with(1);
    assert!(line.contains("554"), "{line}");
    let untrusted = sink(SinkOptions { tls: SinkTls::Implicit, ..SinkOptions::default() });
    let server = format!("smtps://{}", untrusted.address());
    let line = notify(&scene, &[("SMTP_SERVER", &server)], &WORKFLOW).fails_with(1);
    assert!(line.contains("certificate"), "{line}");
    let login = sink(SinkOptions { user: Some(("robot".into(), "right".into())), ..SinkOptions::default() });
    let wrong = [
        ("SMTP_SERVER", &*login.address().to_string()),
        ("SMTP_SECURITY", "none"),
        ("SMTP_USERNAME", "robot"),
        ("SMTP_PASSWORD", SECRET),
    ];
    let line = notify(&scene, &wrong, &WORKFLOW).fails_with(1);
    assert!(line.contains("535") || line.contains("robot"), "{line}");
}

#[test]
fn mistakes_are_found_before_anything_is_sent() {
    let scene = Scene::files();
    for (environment, words) in [
        (&[("SMTP_SERVER", "ftp://x")][..], "expected smtp:// or smtps://"),
        (&[("SMTP_PASSWORD", SECRET)], "SMTP_PASSWORD"),
        (&[("ALERT_RECIPIENT", ";")], "ALERT_RECIPIENT"),
        (&[("SMTP_SECURITY", "sometimes")], "SMTP_SECURITY"),
    ] {
        let line = notify(&scene, environment, &WORKFLOW).fails_with(2);
        assert!(line.contains(words), "{line}");
    }
    scene.config("[solgate]\nalerts_to = a@b@c\n");
    let ours = ["-c", "config.ini"];
    for (environment, options, start) in [
        (&[][..], &["--to", "nonsense"][..], "--to: "),
        (&[], &["--to", "a@x.org; a@b@c"], "--to: "),
        (&[], &["--from", "@"], "--from: "),
        (&[], &["--smtp", "ftp://x"], "--smtp: "),
        (&[("ALERT_RECIPIENT", "nonsense")], &[], "ALERT_RECIPIENT: "),
        (&[("ALERT_TO_EMAIL_LIST", "a@b@c")], &ours, "ALERT_TO_EMAIL_LIST: "),
        (&[("ALERT_FROM_EMAIL", "a b@c")], &["--to", "a@x.org"], "ALERT_FROM_EMAIL: "),
        (&[], &ours, "config.ini:2: "),
    ] {
        let line = notify(&scene, environment, &[options, &WORKFLOW].concat()).fails_with(2);
        assert!(line.starts_with(start), "{line}\nexpected {start}");
    }
    let line = notify(&scene, &[], &[&["-c", "none.ini"][..], &WORKFLOW].concat()).fails_with(2);
    assert!(line.contains("none.ini"), "{line}");
    notify(&scene, &[], &["--name", "nightly"]).ends_with(2);
    // `report` is the same command.
    let sink = sink(SinkOptions::default());
    let mut command = scene.command(&[&["report"], &WORKFLOW[..]].concat());
    Ran::of(command.env("ALERT_EMAIL_SMTP_SERVER", sink.address().to_string())).ends_with(0);
    assert_eq!(only(&sink).0.to, ["dev-null@redhat.com"]);
}
