//! Buckets over `object_store`, each through the same contract, and each store's own traits.

// Lints spare tests, but not what tests share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod azure;
mod azurite;
mod canned;
mod contract;
mod directory;
mod gcs;
mod memory;
mod uploads;

use bytes::Bytes;
use futures::TryStreamExt;
use transship_store::{Body, Bucket, ListRequest, PutOptions};
use transship_types::{Entry, Key};

/// Writes an object with default options.
async fn put(bucket: &dyn Bucket, key: &str, content: &'static [u8]) {
    bucket.put(&Key::from(key), Body::bytes(content), &PutOptions::default()).await.unwrap();
}

/// Reads a whole object.
async fn read(bucket: &dyn Bucket, key: &str) -> Vec<u8> {
    let reply = bucket.get(&Key::from(key), &Default::default()).await.unwrap();
    reply.body.try_collect::<Vec<Bytes>>().await.unwrap().concat()
}

/// Lists page after page.
async fn list(bucket: &dyn Bucket, request: &ListRequest) -> (Vec<Entry>, Vec<String>) {
    let (mut entries, mut prefixes, mut cursor) = (Vec::new(), Vec::new(), None);
    loop {
        let page = bucket.list_page(request, cursor).await.unwrap();
        let most = request.max_keys.unwrap_or(1000) as usize;
        assert!(page.entries.len() + page.prefixes.len() <= most, "a page is no longer than asked");
        entries.extend(page.entries);
        prefixes.extend(page.prefixes);
        cursor = page.next;
        if cursor.is_none() {
            return (entries, prefixes);
        }
    }
}

async fn keys(bucket: &dyn Bucket, request: &ListRequest) -> Vec<String> {
    list(bucket, request).await.0.into_iter().map(|entry| entry.key.as_str().to_owned()).collect()
}

fn under(prefix: &str) -> ListRequest {
    ListRequest { prefix: prefix.into(), ..ListRequest::default() }
}
