//! Stores that are reached through an HTTP proxy.

use std::net::{SocketAddr, TcpListener};

use transship_store::{Body, Bucket, ErrorKind, GcsSpec, GetOptions, ObjectStoreBucket, ProxySpec, PutOptions, S3Spec};
use transship_testbed::s3::S3Server;
use transship_types::{ErrorClass, Key, Secret};

use crate::{BUCKET, forwarder::Forwarder, opened, spec};

/// `canary:pass`, as the header has it.
const LOGIN: &str = "Proxy-Authorization: Basic Y2FuYXJ5OnBhc3M=";

fn address(server: &S3Server) -> SocketAddr {
    server.endpoint().split_once("://").unwrap().1.parse().unwrap()
}

/// For addresses of both kinds.
fn through(proxy: SocketAddr) -> ProxySpec {
    let address = Some(Secret::new(format!("http://canary:pass@{proxy}")));
    ProxySpec { http: address.clone(), https: address, no_proxy: String::new() }
}

/// The server under a name that only the proxy knows.
fn named(server: &S3Server, scheme: &str, proxy: ProxySpec) -> S3Spec {
    let endpoint = format!("{scheme}://store.invalid:{}", address(server).port());
    S3Spec { endpoint: Some(endpoint), proxy, ..spec(server) }
}

async fn write_and_read(bucket: &dyn Bucket) {
    for key in ["k", "a/../b//./c", "ü %2F?#+"] {
        let key = Key::from(key);
        bucket.put(&key, Body::bytes("bytes"), &PutOptions::default()).await.unwrap();
        assert_eq!(bucket.get(&key, &GetOptions::default()).await.unwrap().info.size, 5);
    }
}

#[tokio::test]
async fn an_https_store_is_reached_through_a_tunnel_that_hides_the_requests() {
    let server = S3Server::builder().bucket(BUCKET).base_domain("store.invalid").tls().start().await.unwrap();
    let proxy = Forwarder::to(address(&server), Some(LOGIN)).await;
    let authority = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(authority.path(), server.authority_pem().unwrap()).unwrap();
    let spec = S3Spec { ca_bundle: Some(authority.path().into()), ..named(&server, "https", through(proxy.address)) };
    write_and_read(&*opened(spec)).await;
    let (heads, port) = (proxy.heads(), address(&server).port());
    let connect = format!("CONNECT store.invalid:{port} HTTP/1.1\r\n");
    assert!(!heads.is_empty() && heads.iter().all(|head| head.starts_with(&connect)), "{heads:?}");
    assert_eq!(server.requests().len(), 6);
    assert!(server.requests().iter().all(|request| request.header("proxy-authorization").is_none()));
    assert_eq!(server.keys(BUCKET).len(), 3);
}

#[tokio::test]
async fn an_http_store_is_reached_by_requests_that_name_it() {
    let server = S3Server::builder().bucket(BUCKET).start().await.unwrap();
    let proxy = Forwarder::to(address(&server), Some(LOGIN)).await;
    let bucket = opened(named(&server, "http", through(proxy.address)));
    write_and_read(&*bucket).await;
    let (heads, port) = (proxy.heads(), address(&server).port());
    assert!(heads[0].starts_with(&format!("PUT http://store.invalid:{port}/{BUCKET}/k HTTP/1.1\r\n")), "{heads:?}");
    let mut keys = server.keys(BUCKET);
    keys.sort();
    assert_eq!(keys, ["a/../b//./c", "k", "ü %2F?#+"]);
    assert!(server.requests().iter().all(|request| request.header("proxy-authorization").is_some()), "with each");
}

#[tokio::test]
async fn this_machine_and_what_is_excepted_are_reached_directly() {
    let server = S3Server::builder().bucket(BUCKET).start().await.unwrap();
    let proxy = Forwarder::to(address(&server), None).await;
    write_and_read(&*opened(S3Spec { proxy: through(proxy.address), ..spec(&server) })).await;
    for excepted in ["store.invalid", ".invalid", "other.example, invalid", "*"] {
        let spec = ProxySpec { no_proxy: excepted.to_owned(), ..through(proxy.address) };
        let error = opened(named(&server, "http", spec)).probe().await.unwrap_err();
        assert!(error.to_string().contains("cannot connect: "), "{error}");
    }
    assert_eq!(proxy.heads(), [""; 0]);
    for other in ["tore.invalid", "127.0.0.1", "store.invalid.example"] {
        let spec = ProxySpec { no_proxy: other.to_owned(), ..through(proxy.address) };
        opened(named(&server, "http", spec)).probe().await.unwrap();
    }
    assert_eq!(proxy.heads().len(), 3);
}

#[tokio::test]
async fn a_proxy_that_is_wrong_is_named_without_its_password() {
    let server = S3Server::builder().bucket(BUCKET).start().await.unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let strict = Forwarder::to(address(&server), Some("Proxy-Authorization: Basic other")).await;
    for scheme in ["http", "https"] {
        let refused = opened(named(&server, scheme, through(closed))).probe().await.unwrap_err();
        let line = refused.to_string();
        assert_eq!((refused.kind(), refused.class()), (ErrorKind::Connection, ErrorClass::Transient), "{line}");
        assert!(line.contains(&format!("cannot connect to the proxy http://{closed}: Connection refused")), "{line}");
        let stranger = opened(named(&server, scheme, through(strict.address))).probe().await.unwrap_err();
        assert_eq!((stranger.kind(), stranger.class()), (ErrorKind::Connection, ErrorClass::Permanent), "{stranger}");
        let said = format!("the proxy http://{} does not accept the login", strict.address);
        assert!(stranger.to_string().contains(&said), "{stranger}");
        assert!(!format!("{refused:?} {refused} {stranger:?} {stranger}").contains("canary"));
    }
    // A server that takes no CONNECT.
    let error = opened(named(&server, "https", through(address(&server)))).probe().await.unwrap_err();
    let said = format!("the proxy http://{} does not connect to store.invalid:", address(&server));
    assert!(error.to_string().contains(&said), "{error}");
}

#[test]
fn an_address_that_is_no_proxy_is_found_out_at_once_and_not_repeated() {
    for bad in ["https://canary:pass@proxy.example", "socks5://canary@proxy.example", "http://", "canary canary"] {
        let proxy = ProxySpec { https: Some(Secret::new(bad)), ..ProxySpec::default() };
        let spec = S3Spec { proxy, ..S3Spec::new(BUCKET, transship_store::S3Credentials::Anonymous) };
        assert!(!format!("{spec:?}").contains("canary"));
        let error = transship_store::open(&transship_store::BucketSpec::S3(spec)).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        let line = error.to_string();
        assert!(line.contains("the proxy for https addresses") && !line.contains("canary"), "{bad}: {line}");
    }
}

#[tokio::test]
async fn other_stores_are_reached_through_a_proxy_too() {
    let server = S3Server::builder().bucket(BUCKET).start().await.unwrap();
    let proxy = Forwarder::to(address(&server), Some(LOGIN)).await;
    let gcs = |proxy| {
        let endpoint = Some("http://gcs.invalid".to_owned());
        ObjectStoreBucket::gcs(&GcsSpec {
            bucket: BUCKET.into(),
            anonymous: true,
            endpoint,
            proxy,
            ..GcsSpec::default()
        })
    };
    // What is at the proxy's other end speaks another tongue; that it was asked is what counts.
    let _ = gcs(through(proxy.address)).unwrap().head(&Key::from("k")).await;
    assert!(proxy.heads()[0].starts_with(&format!("HEAD http://gcs.invalid/{BUCKET}/k HTTP/1.1\r\n")));
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = gcs(through(closed)).unwrap().head(&Key::from("k")).await.unwrap_err();
    assert!(error.to_string().contains(&format!("cannot connect to the proxy http://{closed}: ")), "{error}");
}
