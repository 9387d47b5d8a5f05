//! Servers that take a request and fall silent.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use transship_store::{Body, ErrorKind, PutOptions, S3Spec};
use transship_testbed::s3::{Effect, Fault, Operation, S3Server};
use transship_types::Key;

use crate::{BUCKET, opened, spec};

#[tokio::test]
async fn a_server_that_takes_a_body_and_never_answers_is_given_up_after_one_limit_of_silence() {
    let limit = Duration::from_secs(3);
    let server = S3Server::builder().bucket(BUCKET).start().await.unwrap();
    let hits = server.faults().add(Fault::new(Effect::Delay(Duration::from_secs(600))));
    let bucket = opened(S3Spec { read_timeout: limit, ..spec(&server) });
    let (key, options) = (Key::from("k"), PutOptions::default());
    let put = bucket.put(&key, Body::bytes("bytes"), &options);
    tokio::select! {
        put = put => assert_eq!(put.unwrap_err().kind(), ErrorKind::Timeout),
        () = tokio::time::sleep(limit.mul_f64(1.8)) => panic!("the silence was waited for twice"),
    }
    assert_eq!(hits.count(), 1);
}

#[tokio::test]
async fn a_body_that_is_slow_to_come_is_no_silence_of_the_server() {
    let limit = Duration::from_millis(500);
    let server = S3Server::builder().bucket(BUCKET).start().await.unwrap();
    let bucket = opened(S3Spec { read_timeout: limit, ..spec(&server) });
    let slow = stream::iter(["by", "tes"]).then(move |text| async move {
        tokio::time::sleep(limit * 5).await;
        Ok(Bytes::from(text))
    });
    bucket.put(&Key::from("k"), Body::stream(5, slow.boxed()), &PutOptions::default()).await.unwrap();
    assert_eq!(server.count(Operation::PutObject), 1);
}
