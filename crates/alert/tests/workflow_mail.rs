//! What the mail about a workflow looks like.
#![allow(clippy::unwrap_used)] // in what the tests call, too

use transship_alert::{SmtpOptions, WorkflowStatus, send};
use transship_testbed::smtp::{SinkOptions, SmtpSink};

fn status(failures: &str) -> WorkflowStatus {
    WorkflowStatus {
        name: "nightly-sync-7".into(),
        namespace: "data".into(),
        status: "Failed".into(),
        timestamp: "2024-05-06T07:08:09Z".into(),
        host: "argo.example.com".into(),
        failures: failures.into(),
    }
}

fn both(status: &WorkflowStatus) -> String {
    let mail = status.message("alerts@example.com", vec!["team@example.com".into()]);
    format!("Subject: {}\n\n{}\n--- html\n{}", mail.subject, mail.text, mail.html.unwrap())
}

#[test]
fn failed_steps_are_listed_with_their_reasons() {
    let failures = r#"[
        {"displayName": "transfer", "message": "Error (exit code 4)", "templateName": "solgate-transfer",
         "phase": "Failed", "podName": "nightly-sync-7-123", "finishedAt": "2024-05-06T07:07:00Z"},
        {"displayName": "unpack", "message": "OOMKilled (exit code 137)", "phase": "Error"},
        {"displayName": "notify", "message": null, "podName": "nightly-sync-7-456"},
        {"displayName": "odd", "message": "failed with exit code 77\nsecond line"}
    ]"#;
    insta::assert_snapshot!(both(&status(failures)));
}

#[test]
fn values_are_escaped() {
    let odd = WorkflowStatus {
        name: "<b>&\"'".into(),
        status: "<script>alert(1)</script>".into(),
        ..status(r#"[{"displayName": "<img src=x>", "message": "<a href='x'>\u0007"}]"#)
    };
    let mail = odd.message("a@example.com", vec![]);
    let html = mail.html.as_deref().unwrap();
    for tag in ["<script", "<img", "<a href='x'", "<b>&"] {
        assert!(!html.contains(tag), "{tag} in {html}");
    }
    assert!(mail.text.contains("<img src=x>"), "plain text needs no escapes");
    insta::assert_snapshot!(both(&odd));
}

#[test]
fn unreadable_failures_still_give_a_mail_that_says_so() {
    insta::assert_snapshot!(both(&status("[{\"displayName\": \"cut\noff\u{7}")));
    let long = status(&format!("x{}", "<".repeat(100_000))).message("a@example.com", vec![]);
    assert!(long.text.len() < 1_000 && long.text.contains("[cut]"));
}

#[test]
fn a_workflow_of_which_nothing_is_known_still_gives_a_mail() {
    insta::assert_snapshot!(both(&WorkflowStatus::default()));
}

#[test]
fn a_workflow_with_very_many_failed_steps_gives_a_mail_of_bounded_size() {
    let step = r#"{"displayName": "s", "message": "Error (exit code 1)"}"#;
    let mail = status(&format!("[{}]", [step; 1000].join(","))).message("a@example.com", vec![]);
    assert!(mail.text.contains("950 more failed steps"), "{}", mail.text.len());
}

#[tokio::test]
async fn the_mail_arrives() {
    let sink = SmtpSink::start(SinkOptions::default()).unwrap();
    let options = SmtpOptions { server: format!("smtp://{}", sink.address()), ..SmtpOptions::default() };
    let mail = status("\"[{\\\"displayName\\\":\\\"copy\\\",\\\"message\\\":\\\"Error (exit code 1)\\\"}]\"")
        .message("alerts@example.com", vec!["team@example.com".into()]);
    send(&options, &mail).await.unwrap();
    let received = &sink.wait_for(1).await[0];
    let parsed = mailparse::parse_mail(&received.data).unwrap();
    let text = parsed.subparts[0].get_body().unwrap();
    assert!(text.contains("Exit code 1: the run itself failed"), "{text}");
}
