use std::{error::Error as _, fmt::Write as _};

use super::{chain, failure, home, keys, stand_in::*};
use crate::ErrorKind;

#[tokio::test]
async fn a_process_is_run_without_a_shell_and_its_json_read() {
    let home = home(
        "[default]\ncredential_process = /bin/sh -c 'printf %s \"$0\"' '{\"Version\":1,\"AccessKeyId\":\"P\",\
         \"SecretAccessKey\":\"canary\",\"SessionToken\":\"canary\",\"Expiration\":\"2099-01-01T00:00:00Z\"}' | nothing\n",
        "",
    );
    let found = keys(home.path(), &[]).await.unwrap();
    assert_eq!((found.access_key_id.as_str(), found.secret_access_key.expose()), ("P", "canary"));
    assert!(found.expires.is_some() && found.session_token.is_some());
}

#[tokio::test]
async fn a_process_that_fails_is_named_without_its_arguments_and_output() {
    for (command, kind, expected) in [
        (
            "/bin/sh -c 'echo canary; echo first >&2; echo second >&2; exit 3'",
            ErrorKind::Credentials,
            "credential_process /bin/sh failed (exit status: 3): first",
        ),
        ("/no/such/program canary", ErrorKind::Configuration, "credential_process /no/such/program cannot be run: "),
        (
            "/bin/echo canary",
            ErrorKind::InvalidReply,
            "credential_process /bin/echo answers with no JSON (line 1, column 1)",
        ),
        ("/bin/echo '{\"AccessKeyId\":\"canary\"}'", ErrorKind::InvalidReply, "answers without Version"),
        (
            "/bin/echo '{\"Version\":2,\"AccessKeyId\":\"canary\"}'",
            ErrorKind::InvalidReply,
            "answers in another version than 1",
        ),
        (
            "/bin/echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"canary\",\"Expiration\":\"2001-01-01T00:00:00Z\"}'",
            ErrorKind::ExpiredToken,
            "the AWS key A expired at 2001-01-01",
        ),
    ] {
        let home = home(&format!("[default]\ncredential_process = {command}\n"), "");
        let (error, text) = failure(home.path(), &[]).await;
        assert_eq!(error.kind(), kind, "{text}");
        assert!(text.contains(expected) && !text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn no_secret_is_shown_by_anything_that_can_be_printed() {
    let sts = StandIn::start(|asked| match asked.field("RoleArn").as_deref() {
        Some("arn:x/no") => (403, refusal("SignatureDoesNotMatch", "wrong\n\nx-amz-security-token:canary-t")),
        _ => (200, assumed("STS", 3600)),
    })
    .await;
    let url = sts.url();
    let config = "[default]\nrole_arn = arn:x/yes\nsource_profile = base\n[profile no]\nrole_arn = arn:x/no\n\
        source_profile = base\n[profile run]\ncredential_process = /bin/echo canary\n";
    let home = home(
        config,
        "[base]\naws_access_key_id = AK\naws_secret_access_key = canary-s\naws_session_token = canary-t\n",
    );
    let mut shown = String::new();
    for profile in ["default", "no", "run", "base"] {
        let variables = [
            ("AWS_PROFILE", profile),
            ("AWS_ENDPOINT_URL", url.as_str()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary"),
            ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/canary"),
        ];
        let credentials = chain(home.path(), &variables).unwrap();
        let result = credentials.keys().await;
        write!(shown, "{credentials:?} {credentials:#?} {} {result:?}", credentials.identity()).unwrap();
        if let Err(error) = result {
            write!(shown, "{error} {error:?} {:?}", error.source()).unwrap();
        }
    }
    assert!(shown.contains("AK") && shown.contains("STS"), "something was printed: {shown}");
    assert!(!shown.contains("canary"), "{shown}");
}
