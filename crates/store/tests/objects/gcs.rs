use std::time::Duration;

use futures::TryStreamExt;
use transship_store::{
    Body, Bucket, Condition, Error, ErrorKind, GcsSpec, GetOptions, ListRequest, ObjectStoreBucket, PutOptions,
};
use transship_types::{ETag, ErrorClass, Key, Secret};

use crate::canned::{Canned, reply};

fn spec() -> GcsSpec {
    GcsSpec { bucket: "bucket".into(), anonymous: true, ..GcsSpec::default() }
}

fn at(server: &Canned) -> ObjectStoreBucket {
    ObjectStoreBucket::gcs(&GcsSpec { endpoint: Some(server.endpoint.clone()), ..spec() }).unwrap()
}

const OBJECT: &str = "ETag: \"e\"\r\nLast-Modified: Fri, 31 Dec 1999 23:59:59 GMT\r\nx-goog-generation: 7\r\n";

#[tokio::test]
async fn an_unreachable_endpoint_is_one_clear_line() {
    let bucket = ObjectStoreBucket::gcs(&GcsSpec { endpoint: Some("http://127.0.0.1:1/".into()), ..spec() }).unwrap();
    let error = bucket.list_page(&ListRequest::default(), None).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Connection, ErrorClass::Transient));
    let line = error.to_string();
    assert!(line.starts_with("list gs://bucket at http://127.0.0.1:1: cannot connect: "), "{line}");
    assert_eq!(bucket.requests().total(), 1, "one attempt");
}

#[tokio::test]
async fn a_server_that_is_busy_is_asked_once_and_its_wait_is_told() {
    let busy = reply("503 Service Unavailable", "Retry-After: 7\r\n", "<Error><Code>SlowDown</Code></Error>");
    let server = Canned::serve(&[&busy]).await;
    let (bucket, key) = (at(&server), Key::from("a"));
    let errors: [Error; 4] = [
        bucket.head(&key).await.unwrap_err(),
        bucket.get(&key, &GetOptions::default()).await.unwrap_err(),
        bucket.put(&key, Body::bytes("x"), &PutOptions::default()).await.unwrap_err(),
        bucket.list_page(&ListRequest::default(), None).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!((error.kind(), error.class()), (ErrorKind::Throttled, ErrorClass::Transient), "{error}");
        assert_eq!((error.status(), error.retry_after()), (Some(503), Some(Duration::from_secs(7))));
    }
    assert_eq!(server.asked().len(), 4, "no retries of its own");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = reply("307 Temporary Redirect", "Location: http://127.0.0.1:1/\r\n", "");
    let server = Canned::serve(&[&elsewhere]).await;
    let error = at(&server).head(&Key::from("a")).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.class(), error.status()),
        (ErrorKind::InvalidRequest, ErrorClass::Permanent, Some(307))
    );
}

#[tokio::test]
async fn stored_bytes_come_as_they_are_with_the_servers_digests() {
    let stored = reply(
        "200 OK",
        &format!(
            "{OBJECT}Content-Encoding: gzip\r\nx-goog-hash: crc32c=4waSgw==,md5=JfnnlDI7RTiF9RgfG2JNCw==\r\nx-goog-meta-mtime: 1.5\r\n"
        ),
        "123456789",
    );
    let server = Canned::serve(&[&stored]).await;
    let reply = at(&server).get(&Key::from("a b/ü"), &GetOptions::default()).await.unwrap();
    assert_eq!(reply.info.attributes.content_encoding.as_deref(), Some("gzip"));
    assert_eq!(reply.info.modified_at_source.unwrap().unix_timestamp_nanos(), 1_500_000_000);
    let digests: Vec<_> = reply.info.digests.iter().map(ToString::to_string).collect();
    assert_eq!(digests, ["crc32c:e3069283", "md5:25f9e794323b453885f5181f1b624d0b"]);
    assert_eq!(reply.body.try_collect::<Vec<_>>().await.unwrap().concat(), b"123456789");
    let asked = server.asked().remove(0).to_lowercase();
    assert!(asked.starts_with("get /bucket/a%20b%2f%c3%bc http/1.1\r\n"), "{asked}");
    assert!(asked.contains("accept-encoding: gzip"), "{asked}");
}

#[tokio::test]
async fn a_body_that_ends_early_is_an_error() {
    let half = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n{OBJECT}\r\n1234");
    let server = Canned::serve(&[&half]).await;
    let reply = at(&server).get(&Key::from("a"), &GetOptions::default()).await.unwrap();
    let error = reply.body.try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Transient, "{error}");
    assert!(error.to_string().starts_with("read gs://bucket at http://127.0.0.1:"), "{error}");
    assert_eq!(server.asked().len(), 1, "not read again behind the caller's back");
}

#[tokio::test]
async fn an_object_that_would_be_listed_under_another_name_stops_the_listing() {
    let page = "<ListBucketResult><Contents><Key>dir/</Key><Size>0</Size><LastModified>2020-01-01T00:00:00Z</LastModified>\
                <ETag>e</ETag></Contents></ListBucketResult>";
    let server = Canned::serve(&[&reply("200 OK", "", page)]).await;
    let error = at(&server).list_page(&ListRequest::default(), None).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::UnrepresentableKey, ErrorClass::Permanent), "{error}");
    assert!(error.to_string().contains("holds \"dir/\""), "{error}");
}

#[tokio::test]
async fn writing_over_one_version_compares_generations() {
    let head = reply("200 OK", OBJECT, "");
    let server = Canned::serve(&[&head, &head]).await;
    let only = |etag| PutOptions { condition: Condition::IfMatch(ETag::new(etag)), ..PutOptions::default() };
    let key = Key::from("a");
    at(&server).put(&key, Body::bytes("x"), &only("e")).await.unwrap();
    assert!(server.asked()[1].contains("x-goog-if-generation-match: 7"), "{}", server.asked()[1]);
    let error = at(&server).put(&key, Body::bytes("x"), &only("other")).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Conflict, "{error}");
    assert_eq!(server.asked().len(), 3, "nothing was written");
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
