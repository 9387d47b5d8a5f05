use super::{chain, failure, home, keys, stand_in::*};
use crate::ErrorKind;

const BASE: &str = "aws_access_key_id = BASE\naws_secret_access_key = canary\n";

/// Names the role in the key: `arn:x/one` gives `one`.
fn sts(asked: &Asked) -> (u16, String) {
    let arn = asked.field("RoleArn").unwrap_or_default();
    (200, assumed(arn.rsplit('/').next().unwrap_or_default(), 3600))
}

#[tokio::test]
async fn a_role_is_assumed_with_the_keys_of_its_source_profile() {
    let server = StandIn::start(sts).await;
    let home = home(
        "[profile r]\nrole_arn = arn:x/one\nsource_profile = base\nexternal_id = e&1\nrole_session_name = me@x\n\
         duration_seconds = 900\nregion = eu-west-1\n",
        &format!("[base]\n{BASE}aws_session_token = canary-base\n"),
    );
    let url = server.url();
    let found = keys(home.path(), &[("AWS_PROFILE", "r"), ("AWS_ENDPOINT_URL_STS", &url)]).await.unwrap();
    assert_eq!(found.access_key_id, "one");
    assert!(found.expires.is_some() && found.session_token.is_some());
    let asked = &server.asked()[0];
    for (name, value) in [
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleArn", "arn:x/one"),
        ("ExternalId", "e&1"),
        ("RoleSessionName", "me@x"),
        ("DurationSeconds", "900"),
    ] {
        assert_eq!(asked.field(name).as_deref(), Some(value), "{name}");
    }
    let authorization = asked.header("authorization").unwrap();
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=BASE/"), "{authorization}");
    assert!(authorization.contains("/eu-west-1/sts/aws4_request"), "{authorization}");
    assert_eq!(asked.header("x-amz-security-token"), Some("canary-base"));
    assert_eq!(asked.header("host"), url.strip_prefix("http://"));
}

#[tokio::test]
async fn roles_are_chained_and_a_profile_may_be_its_own_source() {
    let server = StandIn::start(sts).await;
    let home = home(
        &format!(
            "[default]\nrole_arn = arn:x/two\nsource_profile = mid\n[profile mid]\nrole_arn = arn:x/one\n\
             source_profile = base\n[profile base]\n{BASE}[profile self]\nrole_arn = arn:x/three\n\
             source_profile = self\n{BASE}"
        ),
        "",
    );
    let url = server.url();
    assert_eq!(keys(home.path(), &[("AWS_ENDPOINT_URL", &url)]).await.unwrap().access_key_id, "two");
    let signers: Vec<_> = server.asked().iter().map(Asked::signer).collect();
    assert_eq!(signers, ["BASE", "one"]);
    let own = [("AWS_PROFILE", "self"), ("AWS_ENDPOINT_URL", url.as_str())];
    assert_eq!(keys(home.path(), &own).await.unwrap().access_key_id, "three");
}

#[tokio::test]
async fn a_role_may_start_from_the_environment_the_container_or_the_machine() {
    let server = StandIn::start(sts).await;
    let container = StandIn::start(|_| (200, document("ECS", 3600))).await;
    let config = |source: &str| format!("[profile r]\nrole_arn = arn:x/one\ncredential_source = {source}\n");
    let (url, ecs) = (server.url(), container.url());
    let base = [("AWS_PROFILE", "r"), ("AWS_ENDPOINT_URL_STS", url.as_str())];
    let environment = [("AWS_ACCESS_KEY_ID", "ENV"), ("AWS_SECRET_ACCESS_KEY", "canary")];
    let variables = [&base[..], &environment].concat();
    assert_eq!(keys(home(&config("Environment"), "").path(), &variables).await.unwrap().access_key_id, "one");
    let variables = [&base[..], &[("AWS_CONTAINER_CREDENTIALS_FULL_URI", ecs.as_str())]].concat();
    assert_eq!(keys(home(&config("EcsContainer"), "").path(), &variables).await.unwrap().access_key_id, "one");
    let signers: Vec<_> = server.asked().iter().map(Asked::signer).collect();
    assert_eq!(signers, ["ENV", "ECS"]);
}

#[tokio::test]
async fn web_identity_reads_its_token_afresh_and_does_not_sign() {
    let server = StandIn::start(sts).await;
    let home =
        home("[profile w]\nrole_arn = arn:x/two\nweb_identity_token_file = ~/token\n", &format!("[default]\n{BASE}"));
    std::fs::write(home.path().join("token"), "canary.jwt\n").unwrap();
    let url = server.url();
    let endpoint = ("AWS_ENDPOINT_URL_STS", url.as_str());
    let variables = [endpoint, ("AWS_WEB_IDENTITY_TOKEN_FILE", "~/token"), ("AWS_ROLE_ARN", "arn:x/one")];
    let of_environment = chain(home.path(), &variables).unwrap();
    let found = of_environment.keys().await.unwrap().unwrap();
    assert_eq!(found.access_key_id, "one", "it comes before the profile's keys");
    std::fs::write(home.path().join("token"), "canary.new").unwrap();
    of_environment.refresh(&found).await;
    assert_eq!(keys(home.path(), &[endpoint, ("AWS_PROFILE", "w")]).await.unwrap().access_key_id, "two");
    let asked = server.asked();
    let tokens: Vec<_> = asked.iter().map(|a| a.field("WebIdentityToken").unwrap()).collect();
    assert_eq!(tokens, ["canary.jwt", "canary.new", "canary.new"]);
    assert!(asked.iter().all(|a| a.header("authorization").is_none()));
    assert!(asked[0].field("RoleSessionName").unwrap().starts_with("transship-"));

    let half = [("AWS_WEB_IDENTITY_TOKEN_FILE", "~/token")];
    let (error, text) = failure(home.path(), &half).await;
    assert_eq!(
        (error.kind(), text.as_str()),
        (ErrorKind::Configuration, "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not")
    );
    let gone = [("AWS_WEB_IDENTITY_TOKEN_FILE", "~/gone"), ("AWS_ROLE_ARN", "arn:x/one")];
    let (error, text) = failure(home.path(), &gone).await;
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(text.starts_with("the web identity token ~/gone cannot be read: "), "{text}");
}

#[tokio::test]
async fn what_sts_refuses_names_role_profile_and_endpoint() {
    let server = StandIn::start(|asked| {
        let token = asked.header("x-amz-security-token").unwrap_or("none").to_owned();
        (403, refusal("AccessDenied", &format!("User: u is not authorized, token {token}\nmore")))
    })
    .await;
    let home = home(
        "[default]\nrole_arn = arn:x/one\nsource_profile = base\n",
        &format!("[base]\n{BASE}aws_session_token = canary-t\n"),
    );
    let (error, text) = failure(home.path(), &[("AWS_ENDPOINT_URL", &server.url())]).await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::Credentials, Some("AccessDenied")));
    let expected = format!(
        "assuming arn:x/one (~/.aws/config line 2, profile \"default\") with the key BASE: STS at {}: access denied: User: u \
         is not authorized, token *** (403 AccessDenied)",
        server.url()
    );
    assert_eq!(text, expected);
}

#[tokio::test]
async fn an_sts_that_is_not_there_is_a_passing_fault_and_a_wrong_address_is_not() {
    let home = home("[default]\nrole_arn = arn:x/one\nsource_profile = base\n", &format!("[base]\n{BASE}"));
    let gone = StandIn::start(sts).await.url();
    let (error, text) = failure(home.path(), &[("AWS_ENDPOINT_URL_STS", &gone)]).await;
    assert_eq!((error.kind(), error.class()), (ErrorKind::Connection, transship_types::ErrorClass::Transient));
    assert!(text.contains(&format!("STS at {gone} cannot be reached: ")), "{text}");
    for (given, expected) in [
        ("sts.example", "AWS_ENDPOINT_URL_STS: expected http://host[:port] or https://host[:port]"),
        ("http://u:canary@x", "AWS_ENDPOINT_URL_STS: an address must hold no user or password"),
    ] {
        let (error, text) = failure(home.path(), &[("AWS_ENDPOINT_URL_STS", given)]).await;
        assert_eq!((error.kind(), text.as_str()), (ErrorKind::Configuration, expected));
    }
}
