//! Mail over real sockets, to a server that records what it gets.
#![allow(clippy::unwrap_used, clippy::panic)] // in what the tests call, too

use std::{net::TcpListener, time::Duration};

use mailparse::{MailHeaderMap, ParsedMail};
use transship_alert::{Error, Message, Security, SmtpOptions, Step, send};
use transship_testbed::smtp::{SinkOptions, SinkTls, SmtpSink};
use transship_types::{ErrorClass, Secret};

const PASSWORD: &str = "canary-hunter2";

fn message() -> Message {
    Message {
        subject: "Überlauf\r\nBcc: evil@example.com".into(),
        text: "Line one\n.\nÅngström \u{1f6a2}\n".into(),
        html: Some("<p>Line one &amp; more</p>".into()),
        from: "Solgate Älerts <alerts@example.com>".into(),
        to: vec!["one@example.com".into(), "Two <two@example.com>".into()],
    }
}

fn start(options: SinkOptions) -> SmtpSink {
    SmtpSink::start(options).unwrap()
}

fn options(sink: &SmtpSink, security: Security) -> SmtpOptions {
    let timeout = Duration::from_secs(5);
    SmtpOptions { server: sink.address().to_string(), security, timeout, ..SmtpOptions::default() }
}

/// The same, trusting the sink's certificate. The file lives as long as the test.
fn trusting(sink: &SmtpSink, security: Security) -> (SmtpOptions, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), sink.certificate()).unwrap();
    (SmtpOptions { ca_bundle: Some(file.path().to_owned()), ..options(sink, security) }, file)
}

fn login(options: SmtpOptions, password: &str) -> SmtpOptions {
    SmtpOptions { username: Some("me".into()), password: Secret::new(password), ..options }
}

fn with_user(tls: SinkTls, mechanisms: Vec<&'static str>) -> SinkOptions {
    SinkOptions { tls, mechanisms, user: Some(("me".into(), PASSWORD.into())), ..SinkOptions::default() }
}

async fn failure(options: &SmtpOptions, message: &Message) -> (Error, String) {
    let error = send(options, message).await.unwrap_err();
    let line = error.to_string();
    assert!(!line.contains('\n') && !line.contains('\r'), "{line:?}");
    assert!(!line.contains("canary") && !format!("{error:?}{options:?}").contains("canary"), "{line}");
    (error, line)
}

fn at(error: &Error) -> (Step, Option<u16>, ErrorClass) {
    match error {
        Error::Server { step, code, class, .. } => (*step, *code, *class),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let sink = start(SinkOptions::default());
    send(&options(&sink, Security::Auto), &message()).await.unwrap();
    let mails = sink.mails();
    let [mail] = &mails[..] else { panic!("{} mails", mails.len()) };
    assert_eq!(mail.from, "alerts@example.com");
    assert_eq!(mail.to, ["one@example.com", "two@example.com"]);
    assert!(!mail.encrypted && mail.user.is_none());
    assert!(mail.data.is_ascii(), "readable for servers without 8BITMIME");

    let parsed = mailparse::parse_mail(&mail.data).unwrap();
    let header = |name| parsed.headers.get_first_value(name).unwrap();
    assert_eq!(header("Subject"), "Überlauf  Bcc: evil@example.com");
    assert_eq!(header("From"), "Solgate Älerts <alerts@example.com>");
    assert_eq!(header("To"), "one@example.com, Two <two@example.com>");
    assert_eq!(header("Auto-Submitted"), "auto-generated");
    assert!(header("Message-ID").contains('@') && !header("Date").is_empty());
    assert!(parsed.headers.get_first_value("Bcc").is_none());
    assert_eq!(parsed.ctype.mimetype, "multipart/alternative");
    let [text, html] = &parsed.subparts[..] else { panic!("{} parts", parsed.subparts.len()) };
    let body = |part: &ParsedMail<'_>| part.get_body().unwrap().replace("\r\n", "\n");
    assert_eq!((text.ctype.mimetype.as_str(), body(text).trim_end()), ("text/plain", message().text.trim_end()));
    assert_eq!((html.ctype.mimetype.as_str(), body(html).trim_end()), ("text/html", "<p>Line one &amp; more</p>"));
    assert_eq!(sink.commands().last().unwrap(), "QUIT");
}

#[tokio::test]
async fn a_mail_without_html_is_plain_text() {
    let sink = start(SinkOptions::default());
    send(&options(&sink, Security::None), &Message { html: None, ..message() }).await.unwrap();
    let mails = sink.mails();
    let parsed = mailparse::parse_mail(&mails[0].data).unwrap();
    assert_eq!(parsed.ctype.mimetype, "text/plain");
    assert!(parsed.get_body().unwrap().contains("Ångström"));
}

#[tokio::test]
async fn starttls_is_used_where_it_is_offered() {
    let sink = start(SinkOptions { tls: SinkTls::StartTls, ..SinkOptions::default() });
    send(&options(&sink, Security::Auto), &message()).await.unwrap();
    assert!(sink.mails()[0].encrypted);
    send(&options(&sink, Security::None), &message()).await.unwrap();
    assert!(!sink.mails()[1].encrypted);
    let (options, _file) = trusting(&sink, Security::StartTls);
    send(&options, &message()).await.unwrap();
    assert!(sink.mails()[2].encrypted);
}

#[tokio::test]
async fn tls_from_the_first_byte_works() {
    let sink = start(SinkOptions { tls: SinkTls::Implicit, ..SinkOptions::default() });
    let (mut options, _file) = trusting(&sink, Security::Auto);
    options.server = format!("smtps://{}", sink.address());
    send(&options, &message()).await.unwrap();
    assert!(sink.mails()[0].encrypted);
}

#[tokio::test]
async fn both_login_mechanisms_work() {
    for mechanism in ["PLAIN", "LOGIN"] {
        for (tls, security) in [
            (SinkTls::None, Security::None),
            (SinkTls::StartTls, Security::Auto),
            (SinkTls::StartTls, Security::StartTls),
            (SinkTls::Implicit, Security::Tls),
        ] {
            let sink = start(with_user(tls, vec![mechanism]));
            let (options, _file) = trusting(&sink, security);
            send(&login(options, PASSWORD), &message()).await.unwrap();
            let mail = &sink.mails()[0];
            assert_eq!((mail.user.as_deref(), mail.encrypted), (Some("me"), tls != SinkTls::None));
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_named_with_the_servers_reply_and_not_repeated() {
    let sink = start(with_user(SinkTls::None, vec![]));
    let (error, line) = failure(&login(options(&sink, Security::None), "canary-wrong"), &message()).await;
    assert_eq!(at(&error), (Step::Login, Some(535), ErrorClass::Permanent));
    assert_eq!(line, format!("SMTP server {}: login: 535 5.7.8 wrong user or password", sink.address()));
    assert!(sink.mails().is_empty());
}

#[tokio::test]
async fn a_server_that_quotes_the_password_does_not_make_us_print_it() {
    let reply = format!("535 no: {PASSWORD} / AG1lAGNhbmFyeS1odW50ZXIy"); // base64 of \0me\0canary-hunter2
    let sink = start(SinkOptions { replies: vec![("AUTH", reply)], ..with_user(SinkTls::None, vec![]) });
    let (_, line) = failure(&login(options(&sink, Security::None), PASSWORD), &message()).await;
    assert!(line.ends_with("535 no: *** / ***"), "{line}");
}

#[tokio::test]
async fn a_password_is_not_sent_over_plain_text_unless_told_so() {
    let sink = start(with_user(SinkTls::None, vec![]));
    let (error, line) = failure(&login(options(&sink, Security::Auto), PASSWORD), &message()).await;
    assert_eq!(at(&error), (Step::Login, None, ErrorClass::Permanent));
    assert!(line.contains("set security to none"), "{line}");
    assert!(!sink.commands().iter().any(|c| c.starts_with("AUTH")));
}

#[tokio::test]
async fn a_password_is_not_sent_to_a_server_that_cannot_prove_its_name() {
    let sink = start(with_user(SinkTls::StartTls, vec![]));
    let (error, line) = failure(&login(options(&sink, Security::Auto), PASSWORD), &message()).await;
    assert_eq!(at(&error), (Step::Tls, None, ErrorClass::Permanent), "{line}");
    assert!(!sink.commands().iter().any(|c| c.starts_with("AUTH")));
}

#[tokio::test]
async fn a_server_without_login_refuses_a_login_clearly() {
    let sink = start(SinkOptions::default());
    let (error, line) = failure(&login(options(&sink, Security::None), PASSWORD), &message()).await;
    assert_eq!(at(&error), (Step::Login, None, ErrorClass::Permanent), "{line}");
}

#[tokio::test]
async fn untrusted_certificates_fail_where_tls_was_asked_for() {
    for (tls, security) in [(SinkTls::StartTls, Security::StartTls), (SinkTls::Implicit, Security::Tls)] {
        let sink = start(SinkOptions { tls, ..SinkOptions::default() });
        let (error, line) = failure(&options(&sink, security), &message()).await;
        assert_eq!(at(&error), (Step::Tls, None, ErrorClass::Permanent), "{line}");
        assert!(line.contains("certificate"), "{line}");
        assert!(sink.mails().is_empty());
    }
}

#[tokio::test]
async fn a_certificate_for_another_name_fails() {
    let names = vec!["mail.example.com".to_owned()];
    let sink = start(SinkOptions { tls: SinkTls::StartTls, names, ..SinkOptions::default() });
    let (options, _file) = trusting(&sink, Security::Auto);
    let (error, line) = failure(&options, &message()).await;
    assert_eq!(at(&error), (Step::Tls, None, ErrorClass::Permanent), "{line}");
    assert!(line.contains("not valid for name"), "{line}");
}

#[tokio::test]
async fn tls_that_the_server_does_not_have_is_an_error() {
    let sink = start(SinkOptions::default());
    let (error, line) = failure(&options(&sink, Security::StartTls), &message()).await;
    assert_eq!(at(&error).0, Step::Tls);
    assert!(line.contains("does not offer STARTTLS"), "{line}");
    let (error, line) = failure(&options(&sink, Security::Tls), &message()).await;
    assert_eq!(at(&error).0, Step::Tls);
    assert!(line.contains("does not speak TLS here"), "{line}");
    assert!(sink.mails().is_empty());
}

#[tokio::test]
async fn a_refused_recipient_does_not_keep_the_mail_from_the_others() {
    let refuse = vec![("one@example.com".to_owned(), "550 5.1.1 no such user".to_owned())];
    let sink = start(SinkOptions { refuse, ..SinkOptions::default() });
    let (error, line) = failure(&options(&sink, Security::None), &message()).await;
    let expected =
        format!("SMTP server {}: 1 of 2 recipients refused: one@example.com: 550 5.1.1 no such user", sink.address());
    assert_eq!((line, error.class()), (expected, ErrorClass::Permanent));
    assert_eq!(sink.mails()[0].to, ["two@example.com"]);
}

#[tokio::test]
async fn a_mail_that_nobody_may_get_is_not_sent() {
    let refused = |to: &str| (to.to_owned(), "451 4.7.1 greylisted".to_owned());
    let refuse = vec![refused("one@example.com"), refused("two@example.com")];
    let sink = start(SinkOptions { refuse, ..SinkOptions::default() });
    let (error, _) = failure(&options(&sink, Security::None), &message()).await;
    assert!(matches!(error, Error::Refused { accepted: 0, .. }));
    assert_eq!(error.class(), ErrorClass::Transient, "greylisting passes");
    assert!(sink.mails().is_empty() && !sink.commands().contains(&"DATA".to_owned()));
}

#[tokio::test]
async fn each_step_that_the_server_refuses_is_named() {
    for (command, reply, expected) in [
        ("GREETING", "554 5.3.2 closed", (Step::Greeting, Some(554), ErrorClass::Permanent)),
        ("EHLO", "421 busy", (Step::Greeting, Some(421), ErrorClass::Transient)),
        ("MAIL", "553 5.1.8 sender unknown", (Step::Sender, Some(553), ErrorClass::Permanent)),
        ("DATA", "452 4.3.1 full", (Step::Message, Some(452), ErrorClass::Transient)),
        (".", "552 5.3.4 too big", (Step::Message, Some(552), ErrorClass::Permanent)),
        ("MAIL", "nonsense", (Step::Sender, None, ErrorClass::Transient)),
    ] {
        let sink = start(SinkOptions { replies: vec![(command, reply.into())], ..SinkOptions::default() });
        let (error, line) = failure(&options(&sink, Security::None), &message()).await;
        assert_eq!(at(&error), expected, "{line}");
        assert!(expected.1.is_none() || line.ends_with(reply), "{line}");
    }
}

#[tokio::test]
async fn no_server_is_said_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = listener.local_addr().unwrap().to_string();
    drop(listener);
    for security in [Security::Auto, Security::Tls] {
        let options = SmtpOptions { server: server.clone(), security, ..SmtpOptions::default() };
        let (error, line) = failure(&options, &message()).await;
        assert_eq!(at(&error), (Step::Connect, None, ErrorClass::Transient), "{line}");
        assert!(line.contains("refused"), "{line}");
    }
    let unknown = SmtpOptions { server: "no-such-host.invalid".into(), ..SmtpOptions::default() };
    let (error, line) = failure(&unknown, &message()).await;
    assert_eq!(at(&error).0, Step::Connect);
    assert!(line.starts_with("SMTP server no-such-host.invalid:25: connect: "), "{line}");
}

#[tokio::test]
async fn a_silent_server_is_given_up() {
    let sink = start(SinkOptions { silent: true, ..SinkOptions::default() });
    for (security, step) in [(Security::Auto, Step::Greeting), (Security::Tls, Step::Tls)] {
        let options = SmtpOptions { timeout: Duration::from_millis(200), ..options(&sink, security) };
        let (error, line) = failure(&options, &message()).await;
        assert_eq!(at(&error), (step, None, ErrorClass::Transient), "{line}");
        assert!(line.ends_with("no answer within 0.2 s"), "{line}");
    }
}

#[tokio::test]
async fn a_ca_bundle_that_is_none_is_named() {
    let sink = start(SinkOptions { tls: SinkTls::StartTls, ..SinkOptions::default() });
    let (options, file) = trusting(&sink, Security::StartTls);
    std::fs::write(file.path(), "not PEM").unwrap();
    let (error, line) = failure(&options, &message()).await;
    assert!(line.starts_with(&format!("CA bundle {}: ", file.path().display())), "{line}");
    assert_eq!(error.class(), ErrorClass::Permanent);
}

#[test]
fn options_are_read_with_defaults_and_without_unknown_keys() {
    let read = |json: &str| serde_json::from_str::<SmtpOptions>(json);
    let options = read(r#"{"server": "mail", "security": "starttls", "password": "x", "username": "u"}"#).unwrap();
    assert_eq!(options.security, Security::StartTls);
    assert_eq!(read("{}").unwrap(), SmtpOptions::default());
    assert!(read(r#"{"sever": "mail"}"#).is_err());
}
