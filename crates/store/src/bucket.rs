use std::fmt::Debug;

use async_trait::async_trait;
use transship_types::Key;

use crate::{
    Body, Capabilities, CopySource, Cursor, Deleted, Error, GetOptions, GetReply, ListPage, ListRequest, ObjectInfo,
    Part, PartInfo, PutOptions, PutReply, RequestCounts, Result, Tag, UnfinishedUpload, Upload,
};

/// A place that holds objects under keys.
///
/// Every method is one attempt: errors are classified, never retried here. A method that a store cannot do answers
/// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported), and [`Bucket::capabilities`] says so beforehand.
/// A key that the store cannot hold is refused with [`ErrorKind::UnrepresentableKey`](crate::ErrorKind) before
/// anything is sent: never stored under another name.
#[async_trait]
pub trait Bucket: Debug + Send + Sync + 'static {
    /// What this store can do.
    fn capabilities(&self) -> &Capabilities;

    /// Where this is, for people: `s3://bucket at http://127.0.0.1:9000`. Holds no secret.
    fn location(&self) -> &str;

    /// Whether this store could hold an object under `key`, without asking it.
    ///
    /// # Errors
    /// [`ErrorKind::UnrepresentableKey`](crate::ErrorKind::UnrepresentableKey), with the reason.
    fn check_key(&self, key: &Key) -> Result<()>;

    /// What another bucket needs to copy `key` on the server, where this store can be such a source.
    /// Two buckets may copy between each other where their `realm`s (endpoint and credentials) are equal.
    fn copy_source(&self, key: &Key) -> Option<CopySource>;

    /// One page of the listing. `cursor` is `None` for the first page, then [`ListPage::next`] until that is `None`.
    async fn list_page(&self, request: &ListRequest, cursor: Option<Cursor>) -> Result<ListPage>;

    /// What the store knows of one object.
    async fn head(&self, key: &Key) -> Result<ObjectInfo>;

    /// How long part `number` (from 1) of an object is, without reading it.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`](crate::ErrorKind::Unsupported) also where a server takes no notice of the number.
    async fn head_part(&self, key: &Key, number: u32) -> Result<PartInfo>;

    /// Opens one object for reading.
    async fn get(&self, key: &Key, options: &GetOptions) -> Result<GetReply>;

    /// Writes one object, visible only when complete. Streams where `capabilities().streams_bodies`.
    async fn put(&self, key: &Key, body: Body, options: &PutOptions) -> Result<PutReply>;

    /// Starts a multipart upload.
    async fn create_upload(&self, key: &Key, options: &PutOptions) -> Result<Upload>;

    /// Uploads part `number` (from 1). `options` carries the checksum of the part, where one is to be sent.
    async fn put_part(&self, upload: &Upload, number: u32, body: Body, options: &PutOptions) -> Result<Part>;

    /// Makes the object visible, from the parts in order.
    async fn complete_upload(&self, upload: &Upload, parts: &[Part], options: &PutOptions) -> Result<PutReply>;

    /// Drops the parts. Aborting an upload that is gone is success.
    async fn abort_upload(&self, upload: &Upload) -> Result<()>;

    /// Multipart uploads under `prefix` that were neither completed nor aborted.
    async fn list_uploads(&self, prefix: &str) -> Result<Vec<UnfinishedUpload>>;

    /// Copies an object on the server, up to `capabilities().max_copy` bytes; content headers, metadata and tags
    /// travel along, except where `options` sets storage class or encryption.
    async fn copy(&self, source: &CopySource, key: &Key, options: &PutOptions) -> Result<PutReply>;

    /// Fills part `number` from `range` (end exclusive) of another object, on the server.
    async fn copy_part(
        &self,
        source: &CopySource,
        range: std::ops::Range<u64>,
        upload: &Upload,
        number: u32,
    ) -> Result<Part>;

    /// Deletes keys, each with its own outcome, in the order given. A key that is not there counts as deleted.
    async fn delete(&self, keys: &[Key]) -> Result<Vec<Deleted>>;

    /// The tags of an object.
    async fn tags(&self, key: &Key) -> Result<Vec<Tag>>;

    /// Gives an object these tags, and takes all others from it. The object is there already: some stores keep no tags
    /// that a multipart upload is started with.
    async fn put_tags(&self, key: &Key, tags: &[Tag]) -> Result<()>;

    /// How many requests were sent so far, where this bucket can count them.
    fn requests(&self) -> RequestCounts {
        RequestCounts::default()
    }

    /// Looks whether the bucket is there and answers: one small request.
    ///
    /// # Errors
    /// What any other request would meet: missing bucket, wrong credentials, no connection.
    async fn probe(&self) -> Result<()> {
        let request = ListRequest { max_keys: Some(1), ..ListRequest::default() };
        self.list_page(&request, None).await.map(drop).map_err(Error::while_probing)
    }
}
