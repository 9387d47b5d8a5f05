use std::collections::BTreeMap;

use transship_types::Secret;

use super::{Credentials, home, stand_in::*};
use crate::{Error, ProxySpec, S3Credentials, S3Spec};

const ROLE: &str = "[default]\nrole_arn = arn:x/one\ncredential_source = Environment\n";

/// The keys of a role that is assumed at a name only the proxy knows.
async fn assumed_through(proxy: &str, no_proxy: &str) -> Result<String, Error> {
    let home = home(ROLE, "");
    let variables = [
        ("HOME", home.path().to_str().unwrap()),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_PROFILE", "default"),
        ("AWS_ACCESS_KEY_ID", "BASE"),
        ("AWS_SECRET_ACCESS_KEY", "canary"),
        ("AWS_ENDPOINT_URL_STS", "http://sts.invalid"),
    ];
    let chain: BTreeMap<_, _> = variables.map(|(name, value)| (name.to_owned(), Secret::new(value))).into();
    let proxy = ProxySpec { http: Some(Secret::new(proxy)), https: None, no_proxy: no_proxy.to_owned() };
    let spec = S3Spec { proxy, ..S3Spec::new("bucket", S3Credentials::Chain(chain)) };
    let keys = Credentials::new(&spec.credentials, &spec)?.keys().await?;
    Ok(keys.expect("a chain signs").access_key_id.clone())
}

#[tokio::test]
async fn a_role_is_assumed_through_the_proxy() {
    let proxy = StandIn::start(|_| (200, assumed("one", 3600))).await;
    let address = proxy.url().replace("http://", "http://canary:pass@");
    assert_eq!(assumed_through(&address, "").await.unwrap(), "one");
    let asked = &proxy.asked()[0];
    assert_eq!(asked.path, "http://sts.invalid/");
    assert!(asked.header("proxy-authorization").is_some());
    let error = assumed_through(&address, "sts.invalid").await.unwrap_err().to_string();
    assert!(!error.contains("proxy") && proxy.asked().len() == 1, "{error}");
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_without_its_password() {
    let error = assumed_through("http://canary:pass@127.0.0.1:1", "").await.unwrap_err();
    let line = error.to_string();
    assert!(line.contains("(through the proxy http://127.0.0.1:1) cannot be reached"), "{line}");
    assert!(!format!("{error:?}{line}").contains("canary"), "{error:?}");
}
