use transship_store::{Bucket, ErrorKind, GcsSpec, ListRequest, ObjectStoreBucket};
use transship_types::{ErrorClass, Secret};

fn spec() -> GcsSpec {
    GcsSpec { bucket: "bucket".into(), anonymous: true, ..GcsSpec::default() }
}

#[tokio::test]
async fn an_unreachable_endpoint_is_one_clear_line() {
    let bucket = ObjectStoreBucket::gcs(&GcsSpec { endpoint: Some("http://127.0.0.1:1/".into()), ..spec() }).unwrap();
    let error = bucket.list_page(&ListRequest::default(), None).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Connection, ErrorClass::Transient));
    let line = error.to_string();
    assert!(line.starts_with("list gs://bucket at http://127.0.0.1:1: cannot connect: "), "{line}");
    assert_eq!(bucket.requests().total(), 1, "one attempt");
}

#[test]
fn what_is_wrong_is_said_and_what_is_secret_is_not() {
    let canary = || Some(Secret::new(r#"{"private_key":"CANARY","client_email":"x"}"#));
    for (spec, why) in [
        (GcsSpec { anonymous: false, ..spec() }, "no GCS credentials"),
        (GcsSpec { bucket: "../x".into(), ..spec() }, "no name of a GCS bucket"),
        (GcsSpec { endpoint: Some("https://user:CANARY@x".into()), ..spec() }, "endpoint"),
        (GcsSpec { anonymous: false, service_account_key: canary(), ..spec() }, "not valid"),
        (
            GcsSpec {
                anonymous: false,
                service_account_key: canary(),
                service_account_path: Some("f".into()),
                ..spec()
            },
            "twice",
        ),
        (GcsSpec { anonymous: false, service_account_path: Some("/no/such/file".into()), ..spec() }, "/no/such/file"),
    ] {
        let error = ObjectStoreBucket::gcs(&spec).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(why), "{error}");
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
    }
}
