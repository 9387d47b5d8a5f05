use transship_store::{AzureSpec, Body, Bucket, ErrorKind, ListRequest, ObjectStoreBucket, PutOptions};
use transship_types::{Algorithm, ErrorClass, Key, Secret};

use crate::{
    canned::{Canned, reply},
    contract, memory, uploads,
};

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

const EMULATOR_KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A signature for the whole container `objects`:
/// <https://learn.microsoft.com/en-us/rest/api/storageservices/create-service-sas#version-2020-12-06-and-later>.
fn signature(permissions: &str, expiry: &str) -> String {
    use base64::{Engine, prelude::BASE64_STANDARD};
    let fields = [
        permissions,
        "",
        expiry,
        "/blob/devstoreaccount1/objects",
        "",
        "",
        "",
        "2021-08-06",
        "c",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
    ];
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &BASE64_STANDARD.decode(EMULATOR_KEY).unwrap());
    let signed = BASE64_STANDARD.encode(ring::hmac::sign(&key, fields.join("\n").as_bytes()));
    let signed = percent_encoding::utf8_percent_encode(&signed, percent_encoding::NON_ALPHANUMERIC).to_string();
    format!("?sv=2021-08-06&sr=c&sp={permissions}&se={}&sig={signed}", expiry.replace(':', "%3A"))
}

fn signed(sas: &str) -> ObjectStoreBucket {
    let spec = emulated("objects");
    let endpoint = spec.connection_string.unwrap().expose().split(';').next().unwrap().to_owned();
    let text = format!("{endpoint};SharedAccessSignature={sas}");
    let spec =
        AzureSpec { container: "objects".into(), connection_string: Some(Secret::new(text)), ..AzureSpec::default() };
    ObjectStoreBucket::azure(&spec).unwrap()
}

#[tokio::test]
#[ignore = "needs an Azurite"]
async fn a_shared_access_signature_does_what_it_allows_and_never_shows() {
    let bucket = signed(&signature("racwdl", "2099-01-01T00:00:00Z"));
    let key = Key::from("sas/1");
    bucket.put(&key, Body::bytes("x"), &PutOptions::default()).await.unwrap();
    assert_eq!(crate::keys(&bucket, &crate::under("sas/")).await, ["sas/1"]);
    assert_eq!(crate::read(&bucket, "sas/1").await, b"x");
    bucket.delete(std::slice::from_ref(&key)).await.unwrap().remove(0).result.unwrap();

    for (sas, kind) in [
        (signature("r", "2099-01-01T00:00:00Z"), ErrorKind::AccessDenied),
        (signature("racwdl", "2001-01-01T00:00:00Z"), ErrorKind::Credentials),
        (signature("racwdl", "2099-01-01T00:00:00Z").replace("sp=racwdl", "sp=racwd"), ErrorKind::Credentials),
    ] {
        let bucket = signed(&sas);
        let signature = sas.split_once("sig=").unwrap().1;
        for error in [
            bucket.probe().await.unwrap_err(),
            bucket.put(&key, Body::bytes("x"), &PutOptions::default()).await.unwrap_err(),
            bucket.delete(std::slice::from_ref(&key)).await.unwrap().remove(0).result.unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.class()), (kind, ErrorClass::Permanent), "{error}");
            let shown = format!("{error} {error:?} {bucket:?}");
            assert!(!shown.contains(signature) && !shown.contains("sig="), "{shown}");
        }
    }
}

/// A container of an emulator, by the blob endpoint in `TRANSSHIP_TEST_AZURITE`; the container `objects` must be there.
#[allow(clippy::disallowed_methods)] // a test's address comes from outside
fn emulated(container: &str) -> AzureSpec {
    let endpoint = std::env::var("TRANSSHIP_TEST_AZURITE").expect("TRANSSHIP_TEST_AZURITE holds a blob endpoint");
    let text =
        format!("BlobEndpoint={endpoint}/devstoreaccount1;AccountName=devstoreaccount1;AccountKey={EMULATOR_KEY}");
    AzureSpec { container: container.into(), connection_string: Some(Secret::new(text)), ..AzureSpec::default() }
}

#[tokio::test]
#[ignore = "needs an Azurite"]
async fn azurite_keeps_the_contract() {
    let bucket = ObjectStoreBucket::azure(&emulated("objects")).unwrap();
    contract::clear(&bucket).await;
    contract::all(&bucket).await;
    memory::described_objects_come_back(&bucket).await;
    contract::clear(&bucket).await;
    uploads::parts_may_be_sent_in_any_order(&bucket).await;
}

#[tokio::test]
#[ignore = "needs an Azurite"]
async fn every_key_that_is_accepted_is_the_one_that_is_listed() {
    let bucket = ObjectStoreBucket::azure(&emulated("objects")).unwrap();
    let pieces = [
        " ", "  a", "a  ", "%", "%2F", "%2e", "%2E%2E", "%25", "C:", "?", "#", "#1", "+", "a b", "&amp;", "&", "<x>",
        "'", "\"", ";", "=", "@", "\u{85}", "\u{a0}", "e\u{301}", "é", "\u{2028}", "\u{feff}", "\u{fffd}", "\u{e000}",
        "😀", "~", "|", "^", "`", "{}", "[]", "...a", "$",
    ];
    for (n, piece) in pieces.iter().enumerate() {
        for key in [(*piece).to_owned(), format!("{n}/{piece}"), format!("{n}-{piece}/x"), format!("x{n}{piece}x")] {
            let name = Key::from(key.as_str());
            if bucket.check_key(&name).is_err() {
                continue;
            }
            bucket
                .put(&name, Body::bytes("x"), &PutOptions::default())
                .await
                .unwrap_or_else(|e| panic!("{key:?}: {e}"));
            assert_eq!(crate::keys(&bucket, &ListRequest::default()).await, [key.as_str()]);
            assert_eq!(crate::keys(&bucket, &crate::under(&key)).await, [key.as_str()]);
            assert_eq!(crate::read(&bucket, &key).await, b"x", "{key:?}");
            contract::clear(&bucket).await;
        }
    }
}

#[tokio::test]
#[ignore = "needs an Azurite"]
async fn the_server_tells_the_md5_of_what_it_received() {
    let bucket = ObjectStoreBucket::azure(&emulated("objects")).unwrap();
    let reply = bucket.put(&Key::from("digested"), Body::bytes("123456789"), &PutOptions::default()).await.unwrap();
    assert_eq!(reply.digests[0].algorithm, Algorithm::Md5);
    assert_eq!(reply.digests[0].to_string(), "md5:25f9e794323b453885f5181f1b624d0b");
    bucket.delete(&[Key::from("digested")]).await.unwrap();
}

#[tokio::test]
#[ignore = "needs an Azurite"]
async fn refusals_are_told_apart() {
    let missing = ObjectStoreBucket::azure(&emulated("no-such-container")).unwrap();
    let key = Key::from("k");
    for error in [
        missing.probe().await.unwrap_err(),
        missing.head(&key).await.unwrap_err(),
        missing.put(&key, Body::bytes("x"), &PutOptions::default()).await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.status()), (ErrorKind::NoSuchBucket, Some(404)), "{error}");
    }
    let connection =
        emulated("objects").connection_string.unwrap().expose().replace("AccountKey=Eby8", "AccountKey=AAAA");
    let spec = AzureSpec {
        connection_string: Some(Secret::new(connection)),
        container: "objects".into(),
        ..AzureSpec::default()
    };
    let error = ObjectStoreBucket::azure(&spec).unwrap().list_page(&ListRequest::default(), None).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Credentials, ErrorClass::Permanent), "{error}");
}
