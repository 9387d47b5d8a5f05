//! What becomes of each key of a deletion.

use transship_store::{ErrorKind, S3Credentials, S3Spec};
use transship_types::{ErrorClass, Key, Secret};

use crate::{
    BUCKET,
    canned::{Canned, reply},
    opened,
};

#[tokio::test]
async fn a_key_that_is_refused_says_why_as_a_whole_reply_would() {
    let error =
        |key: &str, code: &str| format!("<Error><Key>{key}</Key><Code>{code}</Code><Message>no</Message></Error>");
    let codes = [
        ("a", "SlowDown", ErrorKind::Throttled, ErrorClass::Transient),
        ("b", "AccessDenied", ErrorKind::AccessDenied, ErrorClass::Permanent),
        ("c", "InternalError", ErrorKind::Server, ErrorClass::Transient),
    ];
    let told: String = codes.iter().map(|(key, code, ..)| error(key, code)).collect();
    let server = Canned::serve(&[&reply("200 OK", "", &format!("<DeleteResult>{told}</DeleteResult>"))]).await;
    let credentials = S3Credentials::Static {
        access_key_id: "key".to_owned(),
        secret_access_key: Secret::new("secret"),
        session_token: None,
    };
    let (endpoint, region) = (Some(server.endpoint.clone()), Some("us-east-1".to_owned()));
    let bucket = opened(S3Spec { endpoint, region, ..S3Spec::new(BUCKET, credentials) });
    let deleted = bucket.delete(&["a", "b", "c", "d"].map(Key::from)).await.unwrap();
    for (key, code, kind, class) in codes {
        let error = deleted.iter().find(|one| one.key.as_str() == key).unwrap().result.as_ref().unwrap_err();
        assert_eq!((error.kind(), error.class()), (kind, class), "{code}: {error}");
    }
    assert!(deleted.iter().any(|one| one.key.as_str() == "d" && one.result.is_ok()));
    assert_eq!(server.asked().len(), 1, "one request for all");
}
