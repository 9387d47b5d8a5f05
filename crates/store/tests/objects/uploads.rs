use std::sync::Arc;

use futures::{FutureExt, StreamExt, future::join_all, stream};
use tempfile::TempDir;
use transship_store::{
    Body, Bucket, Condition, Error, ErrorKind, ListRequest, LocalSpec, ObjectStoreBucket, PutOptions,
};
use transship_types::{ErrorClass, Key};

use crate::{keys, read};

fn none() -> PutOptions {
    PutOptions::default()
}

#[tokio::test]
async fn memory_joins_parts_in_order() {
    parts_may_be_sent_in_any_order(&ObjectStoreBucket::memory("uploads")).await;
}

#[tokio::test]
async fn a_directory_joins_parts_in_order() {
    let root = TempDir::new().unwrap();
    let bucket = ObjectStoreBucket::local(&LocalSpec { root: root.path().into(), create: false }).unwrap();
    parts_may_be_sent_in_any_order(&bucket).await;
}

pub(crate) async fn parts_may_be_sent_in_any_order(bucket: &dyn Bucket) {
    let key = Key::from("joined");
    let upload = bucket.create_upload(&key, &none()).await.unwrap();
    assert_eq!(keys(bucket, &ListRequest::default()).await, [""; 0], "not visible yet");
    let texts = ["one ", "two ", "three ", "four"];
    let sending = [4, 2, 3, 1].map(|n: u32| {
        let (options, upload) = (none(), &upload);
        async move { bucket.put_part(upload, n, Body::bytes(texts[n as usize - 1]), &options).await.unwrap() }
    });
    let mut parts = join_all(sending).await;
    parts.sort_by_key(|part| part.number);
    let too_few = bucket.complete_upload(&upload, &parts[..3], &none()).await.unwrap_err();
    assert_eq!(too_few.kind(), ErrorKind::InvalidRequest, "{too_few}");

    let upload = bucket.create_upload(&key, &none()).await.unwrap();
    let mut parts = Vec::new();
    for n in 1..=4 {
        parts.push(bucket.put_part(&upload, n, Body::bytes(texts[n as usize - 1]), &none()).await.unwrap());
    }
    let written = bucket.complete_upload(&upload, &parts, &none()).await.unwrap();
    assert_eq!(read(bucket, "joined").await, b"one two three four");
    assert_eq!(bucket.head(&key).await.unwrap().etag, written.etag);
    let again = bucket.complete_upload(&upload, &parts, &none()).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NoSuchUpload, "{again}");
    bucket.abort_upload(&upload).await.unwrap();
    bucket.delete(&[key]).await.unwrap();
}

#[tokio::test]
async fn a_part_that_was_given_up_breaks_the_upload_for_all_who_wait() {
    let bucket = Arc::new(ObjectStoreBucket::memory("broken"));
    let upload = bucket.create_upload(&Key::from("k"), &none()).await.unwrap();
    let waiting = {
        let (bucket, upload) = (Arc::clone(&bucket), upload.clone());
        tokio::spawn(async move { bucket.put_part(&upload, 3, Body::bytes("3"), &none()).await })
    };
    bucket.put_part(&upload, 1, Body::bytes("1"), &none()).await.unwrap();
    assert!(!waiting.is_finished());
    let twice = bucket.put_part(&upload, 1, Body::bytes("1"), &none()).await.unwrap_err();
    assert_eq!((twice.kind(), twice.class()), (ErrorKind::NoSuchUpload, ErrorClass::Transient), "{twice}");
    let waited = waiting.await.unwrap().unwrap_err();
    assert_eq!(waited.class(), ErrorClass::Transient, "{waited}");
    let late = bucket.put_part(&upload, 2, Body::bytes("2"), &none()).await.unwrap_err();
    assert!(late.to_string().contains("start anew"), "{late}");
    bucket.abort_upload(&upload).await.unwrap();
    let gone = bucket.put_part(&upload, 2, Body::bytes("2"), &none()).await.unwrap_err();
    assert_eq!((gone.kind(), gone.class()), (ErrorKind::NoSuchUpload, ErrorClass::Permanent), "{gone}");
}

#[tokio::test]
async fn aborting_frees_those_who_wait_for_their_turn() {
    let bucket = ObjectStoreBucket::memory("aborted");
    let upload = bucket.create_upload(&Key::from("k"), &none()).await.unwrap();
    let options = none();
    let mut waiting = bucket.put_part(&upload, 2, Body::bytes("2"), &options);
    assert!((&mut waiting).now_or_never().is_none());
    bucket.abort_upload(&upload).await.unwrap();
    assert_eq!(waiting.await.unwrap_err().kind(), ErrorKind::NoSuchUpload);
}

#[tokio::test]
async fn a_part_whose_source_breaks_does_not_use_up_its_turn() {
    let bucket = ObjectStoreBucket::memory("source-breaks");
    let upload = bucket.create_upload(&Key::from("k"), &none()).await.unwrap();
    let broken = stream::iter([Err(Error::new(ErrorKind::Connection, "gone"))]).boxed();
    bucket.put_part(&upload, 1, Body::stream(1, broken), &none()).await.unwrap_err();
    let part = bucket.put_part(&upload, 1, Body::bytes("1"), &none()).await.unwrap();
    bucket.complete_upload(&upload, &[part], &none()).await.unwrap();
    assert_eq!(read(&bucket, "k").await, b"1");
}

#[tokio::test]
async fn conditions_on_uploads_are_refused_rather_than_forgotten() {
    let bucket = ObjectStoreBucket::memory("conditional");
    let options = PutOptions { condition: Condition::IfAbsent, ..none() };
    let error = bucket.create_upload(&Key::from("k"), &options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}
