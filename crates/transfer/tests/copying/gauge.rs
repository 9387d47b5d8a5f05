//! A bucket that counts the bytes that are held between its sources and its ends.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use tokio::sync::watch;
use transship_store::{
    Body, Bucket, ByteStream, Capabilities, CopySource, Cursor, Deleted, GetOptions, GetReply, LONG_BODY, ListPage,
    ListRequest, ObjectInfo, Part, PartInfo, PutOptions, PutReply, Result, Tag, UnfinishedUpload, Upload,
};
use transship_types::Key;

/// The number of what is written as a whole, if it is large: parts begin with 1.
const WHOLE: u32 = 0;

/// How many bytes are held, and how many were at most.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    now: AtomicI64,
    most: AtomicI64,
}

impl Gauge {
    pub(crate) fn now(&self) -> i64 {
        self.now.load(Ordering::SeqCst)
    }

    pub(crate) fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst).try_into().unwrap()
    }

    fn add(&self, bytes: i64) {
        let now = self.now.fetch_add(bytes, Ordering::SeqCst) + bytes;
        self.most.fetch_max(now, Ordering::SeqCst);
    }
}

#[derive(Debug)]
pub(crate) struct Gauged {
    bucket: Arc<dyn Bucket>,
    /// Chunks that were read, as long as anybody holds them.
    pub(crate) read: Arc<Gauge>,
    /// Parts that are being written.
    pub(crate) parts: Gauge,
    /// The numbers of those parts that do not get through.
    held: watch::Sender<Range<u32>>,
}

impl Gauged {
    pub(crate) fn new(bucket: Arc<dyn Bucket>) -> Arc<Self> {
        Arc::new(Self { bucket, read: Arc::default(), parts: Gauge::default(), held: watch::Sender::new(0..0) })
    }

    /// Holds these parts back from now on, and lets all others go.
    pub(crate) fn hold(&self, parts: Range<u32>) {
        self.held.send_replace(parts);
    }

    pub(crate) fn hold_all(&self) {
        self.hold(0..u32::MAX);
    }

    pub(crate) fn let_go(&self) {
        self.hold(0..0);
    }

    async fn passes(&self, part: u32) {
        self.held.subscribe().wait_for(|held| !held.contains(&part)).await.unwrap();
    }
}

/// Bytes that are counted until the last holder has dropped them.
struct Counted(Bytes, Arc<Gauge>);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.1.add(-(self.0.len() as i64));
    }
}

fn counted(gauge: &Arc<Gauge>, bytes: Bytes) -> Bytes {
    gauge.add(bytes.len() as i64);
    Bytes::from_owner(Counted(bytes, gauge.clone()))
}

#[async_trait]
impl Bucket for Gauged {
    async fn get(&self, key: &Key, options: &GetOptions) -> Result<GetReply> {
        let reply = self.bucket.get(key, options).await?;
        let gauge = self.read.clone();
        let body: ByteStream = reply.body.map(move |chunk| chunk.map(|bytes| counted(&gauge, bytes))).boxed();
        Ok(GetReply { body, ..reply })
    }

    fn capabilities(&self) -> &Capabilities {
        self.bucket.capabilities()
    }
    fn location(&self) -> &str {
        self.bucket.location()
    }
    fn check_key(&self, key: &Key) -> Result<()> {
        self.bucket.check_key(key)
    }
    fn copy_source(&self, key: &Key) -> Option<CopySource> {
        self.bucket.copy_source(key)
    }
    async fn list_page(&self, request: &ListRequest, cursor: Option<Cursor>) -> Result<ListPage> {
        self.bucket.list_page(request, cursor).await
    }
    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        self.bucket.head(key).await
    }
    async fn head_part(&self, key: &Key, number: u32) -> Result<PartInfo> {
        self.bucket.head_part(key, number).await
    }
    async fn put(&self, key: &Key, body: Body, options: &PutOptions) -> Result<PutReply> {
        if body.len() > LONG_BODY {
            self.passes(WHOLE).await;
        }
        self.bucket.put(key, body, options).await
    }
    async fn create_upload(&self, key: &Key, options: &PutOptions) -> Result<Upload> {
        self.bucket.create_upload(key, options).await
    }
    async fn put_part(&self, upload: &Upload, number: u32, body: Body, options: &PutOptions) -> Result<Part> {
        let bytes = body.len() as i64;
        self.parts.add(bytes);
        self.passes(number).await;
        let written = self.bucket.put_part(upload, number, body, options).await;
        self.parts.add(-bytes);
        written
    }
    async fn complete_upload(&self, upload: &Upload, parts: &[Part], options: &PutOptions) -> Result<PutReply> {
        self.bucket.complete_upload(upload, parts, options).await
    }
    async fn abort_upload(&self, upload: &Upload) -> Result<()> {
        self.bucket.abort_upload(upload).await
    }
    async fn list_uploads(&self, prefix: &str) -> Result<Vec<UnfinishedUpload>> {
        self.bucket.list_uploads(prefix).await
    }
    async fn copy(&self, source: &CopySource, key: &Key, options: &PutOptions) -> Result<PutReply> {
        self.bucket.copy(source, key, options).await
    }
    async fn copy_part(&self, source: &CopySource, range: Range<u64>, upload: &Upload, number: u32) -> Result<Part> {
        self.passes(number).await;
        self.bucket.copy_part(source, range, upload, number).await
    }
    async fn delete(&self, keys: &[Key]) -> Result<Vec<Deleted>> {
        self.bucket.delete(keys).await
    }
    async fn tags(&self, key: &Key) -> Result<Vec<Tag>> {
        self.bucket.tags(key).await
    }
    async fn put_tags(&self, key: &Key, tags: &[Tag]) -> Result<()> {
        self.bucket.put_tags(key, tags).await
    }
}
