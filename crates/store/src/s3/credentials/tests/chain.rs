use std::collections::BTreeMap;

use transship_types::Secret;

use super::{chain, failure, home, keys, stand_in::*};
use crate::{ErrorKind, S3Credentials, S3Spec, s3::credentials::Credentials};

const PAIR: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "ENV"), ("AWS_SECRET_ACCESS_KEY", "canary")];
const PROFILES: &str = "[default]\naws_access_key_id = FILE\naws_secret_access_key = canary\n";

fn of(credentials: S3Credentials) -> crate::Result<Credentials> {
    Credentials::new(&credentials, &S3Spec::new("b", S3Credentials::Anonymous))
}

#[tokio::test]
async fn no_keys_and_given_keys_stand_alone() {
    let anonymous = of(S3Credentials::Anonymous).unwrap();
    assert_eq!(anonymous.keys().await.unwrap(), None);
    let given = of(S3Credentials::Static {
        access_key_id: "AK".into(),
        secret_access_key: Secret::new("s"),
        session_token: None,
    })
    .unwrap();
    let found = given.keys().await.unwrap().unwrap();
    assert_eq!((found.access_key_id.as_str(), &found.session_token, found.expires), ("AK", &None, None));
    assert!(!given.refresh(&found).await, "there are no others");
    assert_eq!((given.region(), given.endpoint()), (None, None));
}

#[tokio::test]
async fn keys_in_the_environment_win_over_a_named_profile() {
    let home = home("", PROFILES);
    let variables = [&PAIR[..], &[("AWS_PROFILE", "default"), ("AWS_SESSION_TOKEN", "t")]].concat();
    let found = keys(home.path(), &variables).await.unwrap();
    assert_eq!((found.access_key_id.as_str(), found.session_token.clone()), ("ENV", Some(Secret::new("t"))));
    assert_eq!(keys(home.path(), &[("AWS_ACCESS_KEY_ID", "")]).await.unwrap().access_key_id, "FILE");
}

#[tokio::test]
async fn half_a_pair_names_the_other_half() {
    let home = home("", PROFILES);
    for (variable, expected) in [
        (PAIR[0], "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not"),
        (PAIR[1], "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not"),
    ] {
        let error = chain(home.path(), &[variable]).unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Configuration, expected));
    }
}

fn with_expiration(time: &str) -> Vec<(&'static str, &str)> {
    [&PAIR[..], &[("AWS_CREDENTIAL_EXPIRATION", time)]].concat()
}

#[tokio::test]
async fn keys_in_the_environment_may_say_when_they_expire() {
    let home = home("", "");
    let later = in_seconds(900);
    assert!(keys(home.path(), &with_expiration(&later)).await.unwrap().expires.is_some());
    let (error, text) = failure(home.path(), &with_expiration("2020-01-02T03:04:05Z")).await;
    assert_eq!(error.kind(), ErrorKind::ExpiredToken);
    assert_eq!(text, "the AWS key ENV expired at 2020-01-02 3:04:05.0 +00:00:00");
    let (error, text) = failure(home.path(), &with_expiration("soon")).await;
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(text, "AWS_CREDENTIAL_EXPIRATION = \"soon\": expected a time such as 2030-01-02T03:04:05Z");
}

#[tokio::test]
async fn nothing_found_is_one_line_that_lists_what_was_looked_at() {
    let home = home("", "");
    let (error, text) = failure(home.path(), &[]).await;
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert_eq!(
        text,
        "no AWS credentials: AWS_ACCESS_KEY_ID is not set; there is no profile \"default\"; ~/.aws/credentials does not \
         exist; ~/.aws/config does not exist; AWS_WEB_IDENTITY_TOKEN_FILE is not set; neither \
         AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor _FULL_URI is set; instance metadata is off \
         (AWS_EC2_METADATA_DISABLED)"
    );
    let nothing = [("AWS_EC2_METADATA_DISABLED".to_owned(), Secret::new("true"))];
    let error = of(S3Credentials::Chain(BTreeMap::from(nothing))).unwrap().keys().await.unwrap_err().to_string();
    assert!(error.contains("~/.aws/credentials is unknown, as HOME is not set"), "{error}");
}

#[tokio::test]
async fn everything_configured_comes_before_instance_metadata() {
    let metadata = StandIn::start(|_| (200, document("IMDS", 3600))).await;
    let container = StandIn::start(|_| (200, document("ECS", 3600))).await;
    let home = home("", PROFILES);
    let (imds, ecs) = (metadata.url(), container.url());
    let both = [("AWS_EC2_METADATA_SERVICE_ENDPOINT", imds.as_str()), ("AWS_CONTAINER_CREDENTIALS_FULL_URI", &ecs)];
    assert_eq!(keys(home.path(), &both).await.unwrap().access_key_id, "FILE");
    let bare = super::home("", "");
    assert_eq!(keys(bare.path(), &both).await.unwrap().access_key_id, "ECS");
    assert_eq!(metadata.asked().len(), 0);
}

#[tokio::test]
async fn instance_metadata_that_does_not_answer_is_the_last_thing_named() {
    let home = home("", "");
    let gone = {
        let stand_in = StandIn::start(|_| (200, String::new())).await;
        stand_in.url()
    };
    let (error, text) = failure(home.path(), &[("AWS_EC2_METADATA_SERVICE_ENDPOINT", &gone)]).await;
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(text.contains(&format!("; instance metadata at {gone} cannot be reached: ")), "{text}");
}
