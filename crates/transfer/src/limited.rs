//! A bucket whose objects are read and written at a limited rate.

use std::{fmt, ops::Range, sync::Arc};

use async_trait::async_trait;
use transship_store::{
    Body, Bucket, Capabilities, CopySource, Cursor, Deleted, GetOptions, GetReply, ListPage, ListRequest, ObjectInfo,
    Pace, Part, PartInfo, PutOptions, PutReply, RequestCounts, Result, Tag, UnfinishedUpload, Upload,
};
use transship_types::Key;

pub(crate) struct Limited {
    pub(crate) inner: Arc<dyn Bucket>,
    /// For what is written.
    pub(crate) up: Pace,
    /// For what is read.
    pub(crate) down: Pace,
}

impl fmt::Debug for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Bucket for Limited {
    async fn get(&self, key: &Key, options: &GetOptions) -> Result<GetReply> {
        let reply = self.inner.get(key, options).await?;
        Ok(GetReply { body: (self.down)(reply.body), ..reply })
    }

    async fn put(&self, key: &Key, body: Body, options: &PutOptions) -> Result<PutReply> {
        self.inner.put(key, body.paced(Arc::clone(&self.up)), options).await
    }

    async fn put_part(&self, upload: &Upload, number: u32, body: Body, options: &PutOptions) -> Result<Part> {
        self.inner.put_part(upload, number, body.paced(Arc::clone(&self.up)), options).await
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    fn location(&self) -> &str {
        self.inner.location()
    }

    fn check_key(&self, key: &Key) -> Result<()> {
        self.inner.check_key(key)
    }

    fn copy_source(&self, key: &Key) -> Option<CopySource> {
        self.inner.copy_source(key)
    }

    async fn list_page(&self, request: &ListRequest, cursor: Option<Cursor>) -> Result<ListPage> {
        self.inner.list_page(request, cursor).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        self.inner.head(key).await
    }

    async fn head_part(&self, key: &Key, number: u32) -> Result<PartInfo> {
        self.inner.head_part(key, number).await
    }

    async fn create_upload(&self, key: &Key, options: &PutOptions) -> Result<Upload> {
        self.inner.create_upload(key, options).await
    }

    async fn complete_upload(&self, upload: &Upload, parts: &[Part], options: &PutOptions) -> Result<PutReply> {
        self.inner.complete_upload(upload, parts, options).await
    }

    async fn abort_upload(&self, upload: &Upload) -> Result<()> {
        self.inner.abort_upload(upload).await
    }

    async fn list_uploads(&self, prefix: &str) -> Result<Vec<UnfinishedUpload>> {
        self.inner.list_uploads(prefix).await
    }

    async fn copy(&self, source: &CopySource, key: &Key, options: &PutOptions) -> Result<PutReply> {
        self.inner.copy(source, key, options).await
    }

    async fn copy_part(&self, source: &CopySource, range: Range<u64>, upload: &Upload, number: u32) -> Result<Part> {
        self.inner.copy_part(source, range, upload, number).await
    }

    async fn delete(&self, keys: &[Key]) -> Result<Vec<Deleted>> {
        self.inner.delete(keys).await
    }

    async fn tags(&self, key: &Key) -> Result<Vec<Tag>> {
        self.inner.tags(key).await
    }

    async fn put_tags(&self, key: &Key, tags: &[Tag]) -> Result<()> {
        self.inner.put_tags(key, tags).await
    }

    fn requests(&self) -> RequestCounts {
        self.inner.requests()
    }

    async fn probe(&self) -> Result<()> {
        self.inner.probe().await
    }
}
