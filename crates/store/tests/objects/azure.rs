use transship_store::{AzureSpec, Body, Bucket, ErrorKind, ObjectStoreBucket, PutOptions};
use transship_types::{ErrorClass, Key, Secret};

use crate::canned::{Canned, reply};

fn spec() -> AzureSpec {
    AzureSpec { account: "account".into(), container: "container".into(), ..AzureSpec::default() }
}

#[test]
fn what_is_wrong_is_said_and_what_is_secret_is_not() {
    let canary = || Some(Secret::new("CANARY!"));
    for (spec, why) in [
        (spec(), "no Azure credentials"),
        (AzureSpec { key: canary(), ..spec() }, "not base64"),
        (AzureSpec { sas: canary(), ..spec() }, "no `sig`"),
        (AzureSpec { client_secret: canary(), ..spec() }, "no client id and no tenant id"),
        (
            AzureSpec { client_secret: canary(), client_id: Some("a b".into()), tenant_id: Some("t".into()), ..spec() },
            "client id \"a b\"",
        ),
        (AzureSpec { container: "..".into(), ..spec() }, "no name of an Azure container"),
        (AzureSpec { account: "evil.host/".into(), ..spec() }, "no name of an Azure storage account"),
        (AzureSpec { endpoint: Some("https://x/?sig=CANARY".into()), ..spec() }, "more than a host"),
        (AzureSpec { endpoint: Some("ftp://x".into()), ..spec() }, "neither http"),
        (AzureSpec { connection_string: Some(Secret::new("CANARY0")), ..spec() }, "part 1"),
        (
            AzureSpec { connection_string: Some(Secret::new("AccountName=other;AccountKey=CANARY")), ..spec() },
            "the location names \"account\", the connection string \"other\"",
        ),
        (
            AzureSpec { sas: canary(), endpoint: Some("https://other.blob.core.windows.net".into()), ..spec() },
            "the location names \"account\", the endpoint is that of \"other\"",
        ),
    ] {
        let error = ObjectStoreBucket::azure(&spec).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(error.to_string().contains(why), "{error}");
        assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
    }
}

#[tokio::test]
async fn neither_key_nor_signature_nor_secret_shows_when_nothing_works() {
    let endpoint = || Some("http://127.0.0.1:1".to_owned());
    for spec in [
        AzureSpec { sas: Some(Secret::new("?sv=1&sr=c&sig=CANARY%2Fx")), endpoint: endpoint(), ..spec() },
        AzureSpec { key: Some(Secret::new("Q0FOQVJZ")), endpoint: endpoint(), ..spec() },
    ] {
        let bucket = ObjectStoreBucket::azure(&spec).unwrap();
        let key = Key::from("k");
        let upload = bucket.create_upload(&key, &PutOptions::default()).await.unwrap();
        let errors = [
            bucket.probe().await.unwrap_err(),
            bucket.head(&key).await.unwrap_err(),
            bucket.get(&key, &Default::default()).await.unwrap_err(),
            bucket.put(&key, Body::bytes("x"), &PutOptions::default()).await.unwrap_err(),
            bucket.delete(std::slice::from_ref(&key)).await.unwrap().remove(0).result.unwrap_err(),
            bucket.put_part(&upload, 1, Body::bytes("x"), &PutOptions::default()).await.unwrap_err(),
        ];
        for error in errors {
            assert_eq!((error.kind(), error.class()), (ErrorKind::Connection, ErrorClass::Transient), "{error}");
            let shown = format!("{error} {error:?} {bucket:?} {spec:?}");
            for secret in ["CANARY", "Q0FOQVJZ", "sig="] {
                assert!(!shown.contains(secret), "{shown}");
            }
        }
    }
}

#[test]
fn names_that_azure_would_change_are_refused() {
    let bucket = ObjectStoreBucket::azure(&AzureSpec { key: Some(Secret::new("a2V5")), ..spec() }).unwrap();
    assert_eq!(bucket.location(), "az://account/container");
    for key in ["a\\b", "a.", "dir./x", "x\u{ffff}"] {
        assert_eq!(bucket.check_key(&Key::from(key)).unwrap_err().kind(), ErrorKind::UnrepresentableKey, "{key}");
    }
}

#[tokio::test]
async fn metadata_that_azure_cannot_name_is_an_error_before_anything_is_sent() {
    let bucket = ObjectStoreBucket::azure(&AzureSpec { key: Some(Secret::new("a2V5")), ..spec() }).unwrap();
    for (name, value) in [("x-y", "v"), ("1st", "v"), ("fine", "line\nbreak"), ("fine", "ü"), ("fine", " v")] {
        let options = PutOptions { metadata: [(name.to_owned(), value.to_owned())].into(), ..PutOptions::default() };
        let error = bucket.put(&Key::from("k"), Body::bytes("x"), &options).await.unwrap_err();
        assert_eq!((error.kind(), error.class()), (ErrorKind::InvalidRequest, ErrorClass::Permanent));
        assert!(error.to_string().contains(name), "{error}");
    }
    assert_eq!(bucket.requests().total(), 0);
}

#[tokio::test]
async fn a_failed_batch_fails_each_of_its_deletes_and_a_head_keeps_its_code() {
    let busy = reply("503 Busy", "x-ms-error-code: ServerBusy\r\nRetry-After: 3\r\n", "");
    let gone = reply("404 Gone", "x-ms-error-code: ContainerNotFound\r\n", "");
    let server = Canned::serve(&[&busy, &gone]).await;
    let spec = AzureSpec { key: Some(Secret::new("a2V5")), endpoint: Some(server.endpoint.clone()), ..spec() };
    let bucket = ObjectStoreBucket::azure(&spec).unwrap();
    let deleted = bucket.delete(&["a", "b//", "c"].map(Key::from)).await.unwrap();
    let kinds: Vec<_> = deleted.into_iter().map(|d| d.result.unwrap_err().kind()).collect();
    assert_eq!(kinds, [ErrorKind::Throttled, ErrorKind::UnrepresentableKey, ErrorKind::Throttled]);
    assert_eq!(server.asked().len(), 1);
    let error = bucket.head(&Key::from("a")).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::NoSuchBucket, Some("ContainerNotFound")), "{error}");
}
