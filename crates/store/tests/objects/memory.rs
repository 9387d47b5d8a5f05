use std::sync::Arc;

use time::macros::datetime;
use transship_store::{Attributes, Body, Bucket, CopySource, ErrorKind, ListRequest, ObjectStoreBucket, PutOptions};
use transship_types::Key;

use crate::{contract, keys, put, read};

#[tokio::test]
async fn memory_keeps_the_contract() {
    contract::all(&ObjectStoreBucket::memory("contract")).await;
}

#[tokio::test]
async fn an_embedders_store_keeps_the_contract_as_far_as_its_order_goes() {
    let store = Arc::new(object_store::memory::InMemory::new());
    let bucket = ObjectStoreBucket::new(store, "embedded");
    assert!(!bucket.capabilities().ordered_listing);
    contract::all(&bucket).await;
}

#[tokio::test]
async fn equal_names_are_one_store() {
    put(&ObjectStoreBucket::memory("shared"), "a", b"1").await;
    assert_eq!(read(&ObjectStoreBucket::memory("shared"), "a").await, b"1");
    assert_eq!(keys(&ObjectStoreBucket::memory("another"), &ListRequest::default()).await, [""; 0]);
}

#[tokio::test]
async fn headers_metadata_and_time_travel() {
    described_objects_come_back(&ObjectStoreBucket::memory("described")).await;
}

/// For stores that keep all of it.
pub(crate) async fn described_objects_come_back(bucket: &dyn Bucket) {
    let options = PutOptions {
        attributes: Attributes {
            content_type: Some("text/csv".into()),
            content_encoding: Some("identity".into()),
            content_disposition: Some("attachment".into()),
            content_language: Some("de".into()),
            cache_control: Some("no-cache".into()),
            expires: None,
        },
        metadata: [("owner".to_owned(), "me & you".to_owned())].into(),
        source_time: Some(datetime!(2020-01-02 03:04:05.123456789 UTC)),
        ..PutOptions::default()
    };
    let key = Key::from("described");
    bucket.put(&key, Body::bytes("x"), &options).await.unwrap();
    let upload = bucket.create_upload(&Key::from("parts"), &options).await.unwrap();
    let part = bucket.put_part(&upload, 1, Body::bytes("x"), &PutOptions::default()).await.unwrap();
    bucket.complete_upload(&upload, &[part], &PutOptions::default()).await.unwrap();
    for key in [key, Key::from("parts")] {
        let info = bucket.head(&key).await.unwrap();
        assert_eq!(info.attributes, options.attributes);
        assert_eq!(info.metadata.get("owner"), options.metadata.get("owner"));
        assert_eq!(info.modified_at_source, options.source_time);
    }
}

#[tokio::test]
async fn a_copy_stays_in_its_bucket_and_checks_its_source() {
    let bucket = ObjectStoreBucket::memory("copies");
    put(&bucket, "a", b"1").await;
    let source = bucket.copy_source(&Key::from("a")).unwrap();
    let to = Key::from("b");
    bucket.copy(&source, &to, &PutOptions::default()).await.unwrap();
    assert_eq!(read(&bucket, "b").await, b"1");

    let stale = CopySource { if_match: Some(transship_types::ETag::new("x")), ..source.clone() };
    let error = bucket.copy(&stale, &to, &PutOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PreconditionFailed, "{error}");
    let elsewhere = ObjectStoreBucket::memory("copies-elsewhere");
    let error = elsewhere.copy(&source, &to, &PutOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
}
