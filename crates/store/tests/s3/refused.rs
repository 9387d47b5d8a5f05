//! Refusals that a bucket learns from, told with a body and without one.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use futures::future::join_all;
use http::Method;
use transship_store::{ErrorKind, GetOptions, RetryOptions, S3Credentials, S3Spec, retry};
use transship_testbed::s3::{Effect, Fault, LoggedRequest, Operation, S3Server, S3ServerBuilder, WrongRegion};
use transship_types::{ErrorClass, Key, Secret};

use crate::{BUCKET, opened, spec};

const AT_ONCE: usize = 32;

async fn server(builder: S3ServerBuilder) -> S3Server {
    let server = builder.bucket(BUCKET).start().await.unwrap();
    server.put_object(BUCKET, "k", "bytes");
    server
}

fn twice() -> RetryOptions {
    RetryOptions { attempts: 2, ..RetryOptions::default() }
}

/// Each of many requests that are refused side by side gets through with its second try, whatever its method.
async fn all_get_through(server: &S3Server) {
    // Long enough for all to be signed before the first is refused.
    let hold = Effect::Delay(Duration::from_millis(500));
    server.faults().add(Fault::new(hold).times(2 * AT_ONCE as u64));
    let (bucket, key) = (opened(spec(server)), Key::from("k"));
    let looks = join_all((0..AT_ONCE).map(|_| async { retry(&twice(), |_| bucket.head(&key)).await.map(drop) }));
    let options = GetOptions::default();
    let reads =
        join_all((0..AT_ONCE).map(|_| async { retry(&twice(), |_| bucket.get(&key, &options)).await.map(drop) }));
    let (looks, reads) = futures::join!(looks, reads);
    let failed: Vec<_> = looks.into_iter().chain(reads).filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{} of {}: {}", failed.len(), 2 * AT_ONCE, failed[0]);
}

/// First tries; what is asked to learn why a look was refused is a GET of one byte.
fn refused(server: &S3Server) -> usize {
    let refused = |request: &&LoggedRequest| request.status != Some(200) && request.header("range").is_none();
    server.requests().iter().filter(refused).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_that_meet_a_wrong_region_at_once_all_get_through() {
    for answer in [WrongRegion::Refuse, WrongRegion::Redirect] {
        let server = server(S3Server::builder().region("eu-zurich-1").wrong_region(answer)).await;
        all_get_through(&server).await;
        assert_eq!(refused(&server), 2 * AT_ONCE);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_that_meet_another_clock_at_once_all_get_through() {
    for seconds in [3600, -3600] {
        let server = server(S3Server::builder()).await;
        server.set_clock_offset(seconds);
        all_get_through(&server).await;
        assert_eq!(refused(&server), 2 * AT_ONCE);
    }
}

#[tokio::test]
async fn a_look_that_is_refused_without_a_word_learns_the_region_from_the_header() {
    for answer in [WrongRegion::Refuse, WrongRegion::Redirect, WrongRegion::Deny] {
        let server = server(S3Server::builder().region("eu-zurich-1").wrong_region(answer)).await;
        let bucket = opened(spec(&server));
        let error = bucket.head(&Key::from("k")).await.unwrap_err();
        assert_eq!((error.kind(), error.class()), (ErrorKind::WrongRegion, ErrorClass::Transient), "{answer:?}");
        assert_eq!(bucket.head(&Key::from("k")).await.unwrap().size, 5, "{answer:?}");
        assert_eq!(server.count_of_method(&Method::HEAD), server.requests().len(), "nothing else is asked");

        let given = opened(S3Spec { region: Some("us-west-2".to_owned()), ..spec(&server) });
        let error = given.head(&Key::from("k")).await.unwrap_err();
        assert_eq!((error.kind(), error.class()), (ErrorKind::WrongRegion, ErrorClass::Permanent), "{answer:?}");
        let said = error.to_string();
        assert!(said.contains("eu-zurich-1") && said.contains("us-west-2"), "{said}");
    }
}

fn session(key: &str) -> S3Credentials {
    let session_token = Some(Secret::new(format!("token of {key}")));
    S3Credentials::Static { access_key_id: key.to_owned(), secret_access_key: Secret::new("secret"), session_token }
}

fn write_profile(file: &Path, key: &str) {
    let keys =
        format!("aws_access_key_id = {key}\naws_secret_access_key = secret\naws_session_token = token of {key}\n");
    fs::write(file, format!("[default]\n{keys}")).unwrap();
}

/// The credentials of a profile that another program renews.
fn profile(file: &Path) -> S3Credentials {
    let variable = ("AWS_SHARED_CREDENTIALS_FILE".to_owned(), Secret::new(file.to_str().unwrap()));
    S3Credentials::Chain(BTreeMap::from([variable]))
}

#[tokio::test]
async fn a_look_with_an_expired_token_is_told_so_and_fetches_new_keys() {
    let server = server(S3Server::builder()).await;
    let (folder, key) = (tempfile::tempdir().unwrap(), Key::from("k"));
    let file = folder.path().join("credentials");
    server.add_session_key("OLD", "secret", "token of OLD");
    server.add_session_key("NEW", "secret", "token of NEW");
    write_profile(&file, "OLD");
    let bucket = opened(S3Spec { credentials: profile(&file), ..spec(&server) });
    assert_eq!(bucket.head(&key).await.unwrap().size, 5);

    server.expire_session("OLD");
    write_profile(&file, "NEW");
    let error = bucket.head(&key).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::ExpiredToken, ErrorClass::Transient), "{error}");
    assert_eq!(bucket.head(&key).await.unwrap().size, 5);

    let fixed = opened(S3Spec { credentials: session("OLD"), ..spec(&server) });
    let error = fixed.head(&key).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::ExpiredToken, ErrorClass::Permanent), "{error}");
}

#[tokio::test]
async fn a_look_with_a_wrong_clock_or_wrong_keys_is_told_so() {
    let server = server(S3Server::builder()).await;
    let credentials = S3Credentials::Static {
        access_key_id: server.access_key().to_owned(),
        secret_access_key: Secret::new("wrong"),
        session_token: None,
    };
    let stranger = opened(S3Spec { credentials, ..spec(&server) });
    assert_eq!(stranger.head(&Key::from("k")).await.unwrap_err().kind(), ErrorKind::Credentials);
    server.set_clock_offset(7200);
    let error = opened(spec(&server)).head(&Key::from("k")).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::ClockSkew, ErrorClass::Transient), "{error}");
}

#[tokio::test]
async fn a_look_that_is_denied_stays_denied() {
    let server = server(S3Server::builder()).await;
    let bucket = opened(spec(&server));
    server.faults().add(Fault::answer(403, "AccessDenied").on(Operation::HeadObject));
    let error = bucket.head(&Key::from("k")).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::AccessDenied, ErrorClass::Permanent), "{error}");
}
