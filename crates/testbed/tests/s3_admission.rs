//! Who is let in: keys, tokens, regions, clocks, and TLS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's helpers may panic")]

mod raw;

use raw::{RawReply, read_reply, request};
use std::sync::Arc;
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use transship_testbed::s3::{S3Server, WrongRegion};

fn code(reply: &RawReply) -> (u16, String) {
    (reply.status(), reply.element("Code").unwrap_or_default())
}

#[tokio::test]
async fn only_the_right_key_and_secret_get_in() {
    let server = S3Server::builder().key("AK", "SK").bucket("src").start().await.unwrap();
    let list = request(&server, "GET", "src", "").query("list-type", "2");
    assert_eq!(list.send(&server).await.status(), 200);
    let mut stranger = list.clone();
    stranger.access_key = "nobody".into();
    assert_eq!(code(&stranger.send(&server).await), (403, "InvalidAccessKeyId".into()));
    let mut wrong = list.clone();
    wrong.secret_key = "wrong".into();
    assert_eq!(code(&wrong.send(&server).await), (403, "SignatureDoesNotMatch".into()));

    let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(b"GET /src HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    assert_eq!(code(&read_reply(&mut stream, "GET", None).await), (403, "AccessDenied".into()));
}

#[tokio::test]
async fn a_temporary_key_needs_its_token_until_it_expires() {
    let server = S3Server::builder().bucket("src").session_key("TEMP", "SK", "token").start().await.unwrap();
    let mut list = request(&server, "GET", "src", "").query("list-type", "2");
    (list.access_key, list.secret_key) = ("TEMP".into(), "SK".into());
    assert_eq!(code(&list.send(&server).await), (400, "InvalidToken".into()));
    list.token = Some("other".into());
    assert_eq!(code(&list.send(&server).await), (400, "InvalidToken".into()));
    list.token = Some("token".into());
    assert_eq!(list.send(&server).await.status(), 200);
    server.expire_session("TEMP");
    assert_eq!(code(&list.send(&server).await), (400, "ExpiredToken".into()));
    server.add_session_key("TEMP", "SK", "renewed");
    list.token = Some("renewed".into());
    assert_eq!(list.send(&server).await.status(), 200);
    assert!(server.requests().iter().all(|request| request.header("x-amz-security-token").is_none()));
}

#[tokio::test]
async fn a_request_for_another_region_is_told_the_right_one() {
    for (mode, status, error) in [
        (WrongRegion::Refuse, 400, "AuthorizationHeaderMalformed"),
        (WrongRegion::Redirect, 301, "PermanentRedirect"),
        (WrongRegion::Accept, 200, ""),
    ] {
        let server = S3Server::builder().region("eu-central-1").wrong_region(mode).bucket("src").start().await.unwrap();
        let right = request(&server, "GET", "src", "").query("list-type", "2");
        assert_eq!(right.send(&server).await.status(), 200);
        let mut wrong = right.clone();
        wrong.region = "us-east-1".into();
        let reply = wrong.send(&server).await;
        assert_eq!(code(&reply), (status, error.into()), "{mode:?}");
        if mode != WrongRegion::Accept {
            assert_eq!(reply.header("x-amz-bucket-region"), Some("eu-central-1"));
            assert_eq!(reply.element("Region").as_deref(), Some("eu-central-1"));
        }
    }
}

#[tokio::test]
async fn the_bucket_says_where_it_is() {
    let server = S3Server::builder().region("eu-central-1").bucket("src").start().await.unwrap();
    let head = request(&server, "HEAD", "src", "").send(&server).await;
    assert_eq!((head.status(), head.header("x-amz-bucket-region")), (200, Some("eu-central-1")));
    let location = request(&server, "GET", "src", "").query("location", "").send(&server).await;
    assert!(location.text().contains(">eu-central-1</LocationConstraint>"), "{}", location.text());
    assert_eq!(request(&server, "HEAD", "none", "").send(&server).await.status(), 404);
}

#[tokio::test]
async fn a_clock_more_than_fifteen_minutes_off_is_refused() {
    let server = S3Server::builder().bucket("src").start().await.unwrap();
    let list = request(&server, "GET", "src", "").query("list-type", "2");
    for (offset, status) in [(0, 200), (800, 200), (-800, 200), (1000, 403), (-3600, 403)] {
        server.set_clock_offset(offset);
        let reply = list.send(&server).await;
        assert_eq!(reply.status(), status, "{offset} s");
        if status == 403 {
            assert_eq!(reply.element("Code").as_deref(), Some("RequestTimeTooSkewed"));
            assert!(reply.header("date").is_some() && reply.element("ServerTime").is_some());
        }
    }
}

#[tokio::test]
async fn buckets_are_created_and_deleted_by_the_rules() {
    let server = S3Server::builder().start().await.unwrap();
    let bucket = |method| request(&server, method, "new", "");
    assert_eq!(bucket("PUT").send(&server).await.status(), 200);
    assert_eq!(code(&bucket("PUT").send(&server).await), (409, "BucketAlreadyOwnedByYou".into()));
    server.put_object("new", "k", "1");
    assert_eq!(code(&bucket("DELETE").send(&server).await), (409, "BucketNotEmpty".into()));
    assert!(server.remove_object("new", "k"));
    assert_eq!(bucket("DELETE").send(&server).await.status(), 204);
    assert_eq!(code(&request(&server, "GET", "new", "k").send(&server).await), (404, "NoSuchBucket".into()));
}

#[tokio::test]
async fn a_client_that_trusts_the_authority_can_speak_tls_and_no_other() {
    let server = S3Server::builder().bucket("src").base_domain("localhost").tls().start().await.unwrap();
    assert!(server.endpoint().starts_with("https://127.0.0.1:"));
    let connect = async |roots: RootCertStore, name: &'static str| {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name).unwrap(), stream).await
    };
    assert!(connect(RootCertStore::empty(), "127.0.0.1").await.is_err());
    for name in ["127.0.0.1", "localhost", "src.localhost"] {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(server.authority_pem().unwrap().as_bytes()).unwrap()).unwrap();
        let mut stream = connect(roots, name).await.unwrap();
        let put = request(&server, "PUT", "src", name).body("over TLS");
        stream.write_all(&put.to_bytes(&server)).await.unwrap();
        assert_eq!(read_reply(&mut stream, "PUT", None).await.status(), 200);
        assert_eq!(server.object("src", name).unwrap().size(), 8);
    }
}

#[tokio::test]
async fn a_dropped_server_stops() {
    let server = S3Server::builder().start().await.unwrap();
    let address = server.address();
    assert!(tokio::net::TcpStream::connect(address).await.is_ok());
    drop(server);
    tokio::task::yield_now().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
