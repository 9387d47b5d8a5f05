use super::{failure, home, keys, stand_in::*};
use crate::ErrorKind;

#[tokio::test]
async fn a_container_is_asked_with_its_token() {
    let server = StandIn::start(|_| (200, document("ECS", 3600))).await;
    let (home, url) = (home("", ""), format!("{}/v1/credentials?a=b", server.url()));
    std::fs::write(home.path().join("token"), "from-file\n").unwrap();
    let uri = ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str());
    let token = ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "from-variable");
    let file = ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "~/token");
    for variables in [&[uri][..], &[uri, token], &[uri, token, file]] {
        let found = keys(home.path(), variables).await.unwrap();
        assert_eq!(found.access_key_id, "ECS");
        assert_eq!(found.session_token.as_ref().unwrap().expose(), "canary-token-ECS");
        assert!(found.expires.is_some());
    }
    let asked = server.asked();
    assert!(asked.iter().all(|a| (a.method.as_str(), a.path.as_str()) == ("GET", "/v1/credentials?a=b")));
    let tokens: Vec<_> = asked.iter().map(|a| a.header("authorization")).collect();
    assert_eq!(tokens, [None, Some("from-variable"), Some("from-file")]);
}

#[tokio::test]
async fn a_container_that_refuses_fails_or_babbles_is_one_line() {
    for (status, body, kind, expected) in [
        (403, "canary", ErrorKind::Credentials, "gives no keys (403)"),
        (500, "canary", ErrorKind::Server, "gives no keys (500)"),
        (302, "", ErrorKind::Credentials, "gives no keys (302)"),
        (200, "<html>canary", ErrorKind::InvalidReply, "answers with no JSON (line 1, column 1)"),
        (200, "{}", ErrorKind::InvalidReply, "answers without AccessKeyId"),
    ] {
        let server = StandIn::start(move |_| (status, body.into())).await;
        let url = server.url();
        let (error, text) = failure(home("", "").path(), &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)]).await;
        assert_eq!(error.kind(), kind, "{text}");
        assert_eq!(text, format!("the container's credentials endpoint {url} {expected}"));
    }
}

#[tokio::test]
async fn a_token_file_that_is_gone_or_unfit_is_named() {
    let server = StandIn::start(|_| (200, document("ECS", 3600))).await;
    let (home, url) = (home("", ""), server.url());
    std::fs::write(home.path().join("bad"), "canary\ncanary").unwrap();
    for (file, expected) in [("~/gone", "cannot be read"), ("~/bad", "a header cannot carry this token")] {
        let variables =
            [("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()), ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", file)];
        let (error, text) = failure(home.path(), &variables).await;
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(text.starts_with(&format!("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE {file}")), "{text}");
        assert!(text.contains(expected) && !text.contains("canary"), "{text}");
    }
    assert_eq!(server.asked().len(), 0);
}

/// Version 2 of the service, for the role `web`.
fn metadata(asked: &Asked) -> (u16, String) {
    let fits = asked.header("x-aws-ec2-metadata-token") == Some("session");
    match (asked.method.as_str(), asked.path.as_str()) {
        ("PUT", "/latest/api/token") => (200, "session".into()),
        ("GET", "/latest/meta-data/iam/security-credentials/") if fits => (200, "web\n".into()),
        ("GET", "/latest/meta-data/iam/security-credentials/web") if fits => (200, document("IMDS", 3600)),
        _ => (401, String::new()),
    }
}

#[tokio::test]
async fn instance_metadata_is_asked_with_a_session_token() {
    let server = StandIn::start(metadata).await;
    let found = keys(home("", "").path(), &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &server.url())]).await.unwrap();
    assert_eq!(found.access_key_id, "IMDS");
    assert_eq!(server.asked()[0].header("x-aws-ec2-metadata-token-ttl-seconds"), Some("21600"));
}

#[tokio::test]
async fn version_1_is_spoken_only_where_it_is_allowed() {
    let server = StandIn::start(|asked| match asked.path.as_str() {
        "/latest/api/token" => (405, String::new()),
        "/latest/meta-data/iam/security-credentials/" => (200, "web".into()),
        _ => (200, document("IMDS", 3600)),
    })
    .await;
    let url = server.url();
    let endpoint = ("AWS_EC2_METADATA_SERVICE_ENDPOINT", url.as_str());
    assert_eq!(keys(home("", "").path(), &[endpoint]).await.unwrap().access_key_id, "IMDS");
    let (_, text) = failure(home("", "").path(), &[endpoint, ("AWS_EC2_METADATA_V1_DISABLED", "true")]).await;
    assert!(text.ends_with(&format!("instance metadata at {url} refuses (405)")), "{text}");
}

#[tokio::test]
async fn a_machine_without_a_role_is_told_as_such() {
    let server =
        StandIn::start(|asked| if asked.method == "PUT" { (200, "s".into()) } else { (404, String::new()) }).await;
    let (error, text) = failure(home("", "").path(), &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &server.url())]).await;
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(text.ends_with("knows no role of this machine"), "{text}");
}

#[tokio::test]
async fn expired_keys_of_instance_metadata_serve_until_it_has_new_ones() {
    let server = StandIn::start(|asked| match metadata(asked) {
        (200, text) if text.starts_with('{') => (200, document("OLD", -60)),
        other => other,
    })
    .await;
    let found = keys(home("", "").path(), &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &server.url())]).await.unwrap();
    assert!(found.access_key_id == "OLD" && found.expires.unwrap() > time::OffsetDateTime::now_utc());
}

#[tokio::test]
async fn instance_metadata_that_stays_silent_is_given_up_after_two_attempts() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let (error, text) = failure(home("", "").path(), &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url)]).await;
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(text.ends_with(&format!("instance metadata at {url} does not answer in time")), "{text}");
}
