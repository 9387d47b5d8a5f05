//! Azure's own traits, on the emulator.

use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use transship_store::{AzureSpec, Body, Bucket, BucketSpec, ErrorKind, ListRequest, ObjectStoreBucket, PutOptions};
use transship_testbed::servers::{Server, ServerKind};
use transship_types::{ErrorClass, Key, Secret};

use crate::{contract, keys, memory, read, under, uploads};

struct Azurite {
    server: Server,
    container: String,
}

/// One server for all: it takes its time to start.
#[tokio::test]
async fn azurite_keeps_the_contract_and_has_its_own_traits() -> anyhow::Result<()> {
    let Some(server) = Server::start_or_skip(ServerKind::Azurite, "Azure's own traits").await? else { return Ok(()) };
    let container = format!("objects-{}", time::OffsetDateTime::now_utc().unix_timestamp());
    server.create_bucket(&container).await?;
    let azurite = Azurite { server, container };
    let bucket = azurite.by_key();
    contract::all(&bucket).await;
    memory::described_objects_come_back(&bucket).await;
    contract::clear(&bucket).await;
    uploads::parts_may_be_sent_in_any_order(&bucket).await;
    every_key_that_is_accepted_is_the_one_that_is_listed(&bucket).await;
    the_server_tells_the_md5_of_what_it_received(&bucket).await;
    refusals_are_told_apart(&azurite).await;
    a_signature_does_what_it_allows_and_never_shows(&azurite).await;
    a_connection_string_is_enough(&azurite).await;
    a_foreign_name_is_never_shown_as_another(&azurite).await;
    Ok(())
}

impl Azurite {
    fn spec(&self) -> AzureSpec {
        match self.server.bucket_spec(&self.container) {
            BucketSpec::Azure(spec) => spec,
            other => panic!("{other:?}"),
        }
    }

    fn by_key(&self) -> ObjectStoreBucket {
        ObjectStoreBucket::azure(&self.spec()).unwrap()
    }

    /// A signature for the whole container:
    /// <https://learn.microsoft.com/en-us/rest/api/storageservices/create-service-sas#version-2020-12-06-and-later>.
    fn signature(&self, permissions: &str, expiry: &str) -> String {
        let resource = format!("/blob/{}/{}", self.spec().account, self.container);
        let version = "2021-08-06";
        let fields = [permissions, "", expiry, &resource, "", "", "", version, "c", "", "", "", "", "", "", ""];
        let secret = BASE64_STANDARD.decode(self.spec().key.unwrap().expose()).unwrap();
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
        let signed = BASE64_STANDARD.encode(ring::hmac::sign(&key, fields.join("\n").as_bytes()));
        let signed = utf8_percent_encode(&signed, NON_ALPHANUMERIC);
        format!("?sv={version}&sr=c&sp={permissions}&se={}&sig={signed}", expiry.replace(':', "%3A"))
    }

    fn by_signature(&self, sas: &str) -> ObjectStoreBucket {
        let spec = AzureSpec { key: None, sas: Some(Secret::new(sas)), ..self.spec() };
        ObjectStoreBucket::azure(&spec).unwrap()
    }
}

async fn every_key_that_is_accepted_is_the_one_that_is_listed(bucket: &dyn Bucket) {
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
            assert_eq!(keys(bucket, &ListRequest::default()).await, [key.as_str()]);
            assert_eq!(keys(bucket, &under(&key)).await, [key.as_str()]);
            assert_eq!(read(bucket, &key).await, b"x", "{key:?}");
            contract::clear(bucket).await;
        }
    }
}

async fn the_server_tells_the_md5_of_what_it_received(bucket: &dyn Bucket) {
    let key = Key::from("digested");
    let reply = bucket.put(&key, Body::bytes("123456789"), &PutOptions::default()).await.unwrap();
    let digests: Vec<_> = reply.digests.iter().map(ToString::to_string).collect();
    assert_eq!(digests, ["md5:25f9e794323b453885f5181f1b624d0b"]);
    // Joining parts is told with the digest of the list of parts, which is none of the object.
    let upload = bucket.create_upload(&key, &PutOptions::default()).await.unwrap();
    let part = bucket.put_part(&upload, 1, Body::bytes("123456789"), &PutOptions::default()).await.unwrap();
    let reply = bucket.complete_upload(&upload, &[part], &PutOptions::default()).await.unwrap();
    assert_eq!(reply.digests, []);
    contract::clear(bucket).await;
}

async fn refusals_are_told_apart(azurite: &Azurite) {
    let spec = AzureSpec { container: "no-such-container".into(), ..azurite.spec() };
    let missing = ObjectStoreBucket::azure(&spec).unwrap();
    let key = Key::from("k");
    for error in [
        missing.probe().await.unwrap_err(),
        missing.head(&key).await.unwrap_err(),
        missing.put(&key, Body::bytes("x"), &PutOptions::default()).await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.status()), (ErrorKind::NoSuchBucket, Some(404)), "{error}");
    }
    let spec = AzureSpec { key: Some(Secret::new("d3Jvbmc=")), ..azurite.spec() };
    let error = ObjectStoreBucket::azure(&spec).unwrap().list_page(&ListRequest::default(), None).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::Credentials, ErrorClass::Permanent), "{error}");
}

async fn a_signature_does_what_it_allows_and_never_shows(azurite: &Azurite) {
    let (all, later) = ("racwdl", "2099-01-01T00:00:00Z");
    let bucket = azurite.by_signature(&azurite.signature(all, later));
    let key = Key::from("sas/1");
    bucket.put(&key, Body::bytes("x"), &PutOptions::default()).await.unwrap();
    assert_eq!(keys(&bucket, &under("sas/")).await, ["sas/1"]);
    assert_eq!(read(&bucket, "sas/1").await, b"x");
    bucket.delete(std::slice::from_ref(&key)).await.unwrap().remove(0).result.unwrap();

    for (sas, kind) in [
        (azurite.signature("r", later), ErrorKind::AccessDenied),
        (azurite.signature(all, "2001-01-01T00:00:00Z"), ErrorKind::Credentials),
        (azurite.signature(all, later).replace("sp=racwdl", "sp=racwd"), ErrorKind::Credentials),
    ] {
        let bucket = azurite.by_signature(&sas);
        let secret = sas.split_once("sig=").unwrap().1;
        for error in [
            bucket.probe().await.unwrap_err(),
            bucket.put(&key, Body::bytes("x"), &PutOptions::default()).await.unwrap_err(),
            bucket.delete(std::slice::from_ref(&key)).await.unwrap().remove(0).result.unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.class()), (kind, ErrorClass::Permanent), "{error}");
            let shown = format!("{error} {error:?} {bucket:?}");
            assert!(!shown.contains(secret) && !shown.contains("sig="), "{shown}");
        }
    }
}

async fn a_connection_string_is_enough(azurite: &Azurite) {
    let AzureSpec { account, container, key, endpoint, .. } = azurite.spec();
    let (key, endpoint) = (key.unwrap(), endpoint.unwrap());
    for text in [
        format!("AccountName={account};AccountKey={};BlobEndpoint={endpoint}", key.expose()),
        format!("BlobEndpoint={endpoint};SharedAccessSignature={}", azurite.signature("rl", "2099-01-01T00:00:00Z")),
    ] {
        let connection_string = Some(Secret::new(text));
        let spec = AzureSpec { container: container.clone(), connection_string, ..AzureSpec::default() };
        ObjectStoreBucket::azure(&spec).unwrap().probe().await.unwrap();
    }
}

/// Another tool writes `dir/`: shown as `dir`, a delete would hit another object.
async fn a_foreign_name_is_never_shown_as_another(azurite: &Azurite) {
    let spec = azurite.spec();
    let host = azurite.server.endpoint().trim_start_matches("http://").to_owned();
    let sas = azurite.signature("racwdl", "2099-01-01T00:00:00Z");
    let request = format!(
        "PUT /{}/{}/dir/{sas} HTTP/1.1\r\nHost: {host}\r\nx-ms-blob-type: BlockBlob\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        spec.account, azurite.container,
    );
    let mut connection = TcpStream::connect(&host).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    connection.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 201"), "{reply}");
    for request in [ListRequest::default(), under("dir"), under("dir/")] {
        let error = azurite.by_key().list_page(&request, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnrepresentableKey, "{error}");
        assert!(error.to_string().contains("holds \"dir/\""), "{error}");
    }
}
