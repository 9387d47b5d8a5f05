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
    let bucket = ObjectStoreBucket::local(&LocalSpec { root: root.path().into(), ..LocalSpec::default() }).unwrap();
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

/// A body whose bytes come when they are asked for.
fn slow(text: &'static str) -> (tokio::sync::oneshot::Sender<()>, Body) {
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let bytes = stream::once(async move {
        gone.await.map_err(|_| Error::new(ErrorKind::Connection, "the source broke"))?;
        Ok(text.into())
    });
    (go, Body::stream(text.len() as u64, bytes.boxed()))
}

#[tokio::test]
async fn a_part_sent_twice_breaks_the_upload_for_all_who_wait() {
    let bucket = ObjectStoreBucket::memory("broken");
    let upload = bucket.create_upload(&Key::from("k"), &none()).await.unwrap();
    let options = none();
    bucket.put_part(&upload, 1, Body::bytes("1"), &options).await.unwrap();
    let (_never, body) = slow("2");
    let mut second = bucket.put_part(&upload, 2, body, &options);
    assert!((&mut second).now_or_never().is_none());
    let mut third = bucket.put_part(&upload, 3, Body::bytes("3"), &options);
    assert!((&mut third).now_or_never().is_none(), "it waits for the second");
    let twice = bucket.put_part(&upload, 1, Body::bytes("1"), &options).await.unwrap_err();
    assert_eq!((twice.kind(), twice.class()), (ErrorKind::NoSuchUpload, ErrorClass::Transient), "{twice}");
    let waited = third.await.unwrap_err();
    assert_eq!(waited.class(), ErrorClass::Transient, "{waited}");
    assert!(waited.to_string().contains("start anew"), "{waited}");
    bucket.abort_upload(&upload).await.unwrap();
    let gone = bucket.put_part(&upload, 2, Body::bytes("2"), &options).await.unwrap_err();
    assert_eq!((gone.kind(), gone.class()), (ErrorKind::NoSuchUpload, ErrorClass::Permanent), "{gone}");
}

#[tokio::test]
async fn later_parts_wait_for_bytes_that_are_on_their_way_and_for_no_others() {
    let bucket = ObjectStoreBucket::memory("waiting");
    let key = Key::from("k");
    let upload = bucket.create_upload(&key, &none()).await.unwrap();
    let options = none();
    let fourth = bucket.put_part(&upload, 4, Body::bytes("4"), &options).await.unwrap();
    let (go, body) = slow("1");
    let mut first = bucket.put_part(&upload, 1, body, &options);
    assert!((&mut first).now_or_never().is_none());
    let mut second = bucket.put_part(&upload, 2, Body::bytes("2"), &options);
    assert!((&mut second).now_or_never().is_none(), "the first is on its way");
    go.send(()).unwrap();
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    let early = bucket.complete_upload(&upload, &[first.clone(), second.clone()], &options).await.unwrap_err();
    assert_eq!(early.kind(), ErrorKind::InvalidRequest, "{early}");

    let upload = bucket.create_upload(&key, &options).await.unwrap();
    assert_eq!((first.number, second.number, fourth.number), (1, 2, 4));
    let mut parts = Vec::new();
    for (number, text) in [(3, "3"), (2, "2"), (1, "1")] {
        parts.insert(0, bucket.put_part(&upload, number, Body::bytes(text), &options).await.unwrap());
    }
    bucket.complete_upload(&upload, &parts, &options).await.unwrap();
    assert_eq!(read(&bucket, "k").await, b"123");
}

#[tokio::test]
async fn aborting_frees_those_who_wait_for_their_turn() {
    let bucket = ObjectStoreBucket::memory("aborted");
    let upload = bucket.create_upload(&Key::from("k"), &none()).await.unwrap();
    let options = none();
    let (_never, body) = slow("1");
    let mut first = bucket.put_part(&upload, 1, body, &options);
    assert!((&mut first).now_or_never().is_none());
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
