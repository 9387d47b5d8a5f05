//! Keys that come page by page, each page after a while of its own, in a clock that the test drives.

use std::{
    cmp::Ordering,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use async_trait::async_trait;
use time::OffsetDateTime;
use transship_store::{
    Body, Bucket, Capabilities, CopySource, Cursor, Deleted, Error, ErrorKind, GetOptions, GetReply, ListPage,
    ListRequest, MultipartLimits, ObjectInfo, Part, PartInfo, PutOptions, PutReply, Result, Tag, UnfinishedUpload,
    Upload,
};
use transship_types::{Entry, Key};

#[derive(Debug)]
pub(crate) struct SlowBucket {
    keys: Vec<String>,
    page: usize,
    order: Order,
    pace: Pace,
    requests: AtomicU64,
}

/// In which order it lists, and goes on behind a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Bytes,
    /// `a/b` before `a-b`, as SeaweedFS does.
    Folders,
    /// The same, and each page says that it has an order of its own.
    FoldersAndToldSo,
}

impl Order {
    fn before(self, one: &str, other: &str) -> bool {
        match self {
            Self::Bytes => one < other,
            Self::Folders | Self::FoldersAndToldSo => one.split('/').lt(other.split('/')),
        }
    }
}

/// Waits that follow from a seed.
#[derive(Debug)]
pub(crate) struct Pace {
    state: AtomicU64,
    /// The same each time, in place of one that follows from the seed.
    always: Option<Duration>,
}

impl Pace {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed), always: None }
    }

    pub(crate) fn always(wait: Duration) -> Self {
        Self { state: AtomicU64::new(0), always: Some(wait) }
    }

    /// Mostly short, now and then long enough for others to overtake.
    pub(crate) async fn wait(&self) {
        if let Some(wait) = self.always {
            return tokio::time::sleep(wait).await;
        }
        let state = self.state.fetch_add(0x9E37_79B9_7F4A_7C15, Relaxed);
        let mixed = (state ^ (state >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33;
        let wait = if mixed.is_multiple_of(7) { mixed % 200 } else { mixed % 5 };
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
}

impl SlowBucket {
    pub(crate) fn new(keys: impl IntoIterator<Item = String>, page: usize, seed: u64) -> Self {
        Self::in_order(Order::Bytes, keys, page, seed)
    }

    pub(crate) fn in_order(order: Order, keys: impl IntoIterator<Item = String>, page: usize, seed: u64) -> Self {
        let mut keys: Vec<String> = keys.into_iter().collect();
        keys.sort_by(|one, other| if order.before(one, other) { Ordering::Less } else { Ordering::Greater });
        Self { keys, page, order, pace: Pace::new(seed), requests: AtomicU64::new(0) }
    }

    /// Each page takes twice `wait`.
    pub(crate) fn steady(keys: impl IntoIterator<Item = String>, page: usize, wait: Duration) -> Self {
        Self { pace: Pace::always(wait), ..Self::new(keys, page, 0) }
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }
}

fn entry(key: &str) -> Entry {
    let last_modified = OffsetDateTime::UNIX_EPOCH;
    Entry { key: Key::from(key), size: 1, last_modified, etag: None, storage_class: None }
}

fn unsupported<T>() -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, "it can only be listed"))
}

const CAPABILITIES: Capabilities = Capabilities {
    exact_keys: true,
    ordered_listing: true,
    etag_may_be_md5: false,
    streams_bodies: false,
    max_put: 0,
    max_copy: 0,
    max_delete: 1,
    multipart: MultipartLimits::S3,
    content_headers: false,
    metadata: false,
    tags: false,
    conditional_put: false,
    keeps_source_time: false,
    made_by_writing: false,
};

#[async_trait]
impl Bucket for SlowBucket {
    async fn list_page(&self, request: &ListRequest, cursor: Option<Cursor>) -> Result<ListPage> {
        self.requests.fetch_add(1, Relaxed);
        self.pace.wait().await;
        let after = cursor.as_ref().and_then(Cursor::token).or(request.start_after.as_ref().map(Key::as_str));
        let from = after.map_or(0, |after| self.keys.partition_point(|key| !self.order.before(after, key)));
        let mut keys = self.keys[from..].iter().filter(|key| key.starts_with(&request.prefix));
        let entries: Vec<Entry> = keys.by_ref().take(self.page).map(|key| entry(key)).collect();
        let next = entries.last().filter(|_| keys.next().is_some()).map(|last| Cursor::new(last.key.as_str()));
        self.pace.wait().await;
        Ok(ListPage { entries, prefixes: Vec::new(), next, unordered: self.order == Order::FoldersAndToldSo })
    }

    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }
    fn location(&self) -> &str {
        "a slow bucket"
    }
    fn check_key(&self, _: &Key) -> Result<()> {
        Ok(())
    }
    fn copy_source(&self, _: &Key) -> Option<CopySource> {
        None
    }
    async fn head(&self, _: &Key) -> Result<ObjectInfo> {
        unsupported()
    }
    async fn head_part(&self, _: &Key, _: u32) -> Result<PartInfo> {
        unsupported()
    }
    async fn get(&self, _: &Key, _: &GetOptions) -> Result<GetReply> {
        unsupported()
    }
    async fn put(&self, _: &Key, _: Body, _: &PutOptions) -> Result<PutReply> {
        unsupported()
    }
    async fn create_upload(&self, _: &Key, _: &PutOptions) -> Result<Upload> {
        unsupported()
    }
    async fn put_part(&self, _: &Upload, _: u32, _: Body, _: &PutOptions) -> Result<Part> {
        unsupported()
    }
    async fn complete_upload(&self, _: &Upload, _: &[Part], _: &PutOptions) -> Result<PutReply> {
        unsupported()
    }
    async fn abort_upload(&self, _: &Upload) -> Result<()> {
        unsupported()
    }
    async fn list_uploads(&self, _: &str) -> Result<Vec<UnfinishedUpload>> {
        unsupported()
    }
    async fn copy(&self, _: &CopySource, _: &Key, _: &PutOptions) -> Result<PutReply> {
        unsupported()
    }
    async fn copy_part(&self, _: &CopySource, _: std::ops::Range<u64>, _: &Upload, _: u32) -> Result<Part> {
        unsupported()
    }
    async fn delete(&self, _: &[Key]) -> Result<Vec<Deleted>> {
        unsupported()
    }
    async fn tags(&self, _: &Key) -> Result<Vec<Tag>> {
        unsupported()
    }
    async fn put_tags(&self, _: &Key, _: &[Tag]) -> Result<()> {
        unsupported()
    }
}
