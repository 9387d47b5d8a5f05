//! A bucket full of keys, and ways to list it.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt, stream};
use transship_list::{Error, KeyRange, ListOptions, Result, Side, entries, pieces};
use transship_store::{S3Bucket, S3Credentials, S3Spec};
use transship_testbed::s3::{Fault, Operation, S3Server};
use transship_types::Secret;

pub(crate) const BUCKET: &str = "bucket";

pub(crate) struct Shelf {
    pub(crate) server: S3Server,
    pub(crate) options: ListOptions,
}

impl Shelf {
    pub(crate) async fn with(page: usize, keys: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let server = S3Server::builder().bucket(BUCKET).page_size(page).start().await.unwrap();
        let mut options = ListOptions::default();
        options.retry.first_wait = Duration::from_millis(2);
        let shelf = Self { server, options };
        shelf.put(keys);
        shelf
    }

    pub(crate) fn put(&self, keys: impl IntoIterator<Item = impl AsRef<str>>) {
        for key in keys {
            self.server.store().put_object(BUCKET, key.as_ref(), "");
        }
    }

    pub(crate) fn spoil(&self, fault: Fault) {
        self.server.faults().add(fault.on(Operation::ListObjectsV2));
    }

    pub(crate) fn side(&self, prefix: &str) -> Side {
        Side::new(Arc::new(S3Bucket::open(&self.spec()).unwrap()), prefix)
    }

    pub(crate) fn spec(&self) -> S3Spec {
        let credentials = S3Credentials::Static {
            access_key_id: self.server.access_key().to_owned(),
            secret_access_key: Secret::new(self.server.secret_key()),
            session_token: None,
        };
        S3Spec { endpoint: Some(self.server.endpoint()), ..S3Spec::new(BUCKET, credentials) }
    }

    /// Requests since the last time.
    pub(crate) fn requests(&self) -> u64 {
        let count = self.server.count(Operation::ListObjectsV2);
        self.server.clear_requests();
        count
    }

    /// Sorted on disk, then in order.
    pub(crate) async fn sorted(&self, prefix: &str) -> Result<Vec<String>> {
        let side = self.side(prefix).sorted(&self.options, &std::env::temp_dir()).await?;
        let listed = entries(side, KeyRange::ALL, self.options.clone());
        listed.map_ok(|entry| entry.key.as_str().to_owned()).try_collect().await
    }

    pub(crate) async fn in_order(&self, prefix: &str, range: KeyRange) -> Result<Vec<String>> {
        let listed = entries(self.side(prefix), range, self.options.clone());
        listed.map_ok(|entry| entry.key.as_str().to_owned()).try_collect().await
    }

    /// All pieces side by side; the keys of each in order, the pieces as they end.
    pub(crate) async fn in_pieces(&self, prefix: &str, range: KeyRange) -> Result<Vec<Vec<String>>> {
        let listed = pieces([self.side(prefix)], range, self.options.clone()).map(|piece| async move {
            let [listing] = piece.listings();
            let entries = listing.map_ok(|page| stream::iter(page).map(Ok::<_, Error>)).try_flatten();
            entries.map_ok(|entry| entry.key.as_str().to_owned()).try_collect().await
        });
        listed.buffer_unordered(64).try_collect().await
    }
}
