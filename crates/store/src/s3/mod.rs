//! S3, Ceph, OCI, MinIO and the like, spoken directly, so that every key arrives byte for byte.

#[cfg(feature = "bench")]
pub mod bench;
mod client;
mod connect;
mod copy;
mod credentials;
mod delete;
mod encode;
mod endpoint;
mod failure;
mod headers;
mod learned;
mod list;
mod message;
mod multipart;
mod object;
mod sign;
mod transmit;
mod xml;

use async_trait::async_trait;
use transship_types::Key;

use self::client::Client;
pub(crate) use self::headers::{SOURCE_TIME, format_source_time, parse_source_time};
use crate::{
    Body, Bucket, Capabilities, CopySource, Cursor, Deleted, Error, ErrorKind, GetOptions, GetReply, ListPage,
    ListRequest, MultipartLimits, ObjectInfo, Part, PartInfo, PutOptions, PutReply, RequestCounts, Result, S3Spec, Tag,
    UnfinishedUpload, Upload,
};

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const MAX_KEY_BYTES: usize = 1024;

/// A bucket of S3, Ceph, OCI, MinIO or the like.
///
/// Clones of the `Arc` share one pool of connections. A bucket learns its region and the server's clock from the
/// first refusal, where the user did not give them.
#[derive(Debug)]
pub struct S3Bucket {
    client: Client,
    capabilities: Capabilities,
}

impl S3Bucket {
    /// Opens a bucket. Nothing is sent yet.
    ///
    /// # Errors
    /// `Configuration`, naming what cannot work: endpoint, bucket name, CA bundle, credentials.
    pub fn open(spec: &S3Spec) -> Result<Self> {
        let capabilities = Capabilities {
            exact_keys: true,
            ordered_listing: true,
            etag_may_be_md5: true,
            streams_bodies: true,
            max_put: 5 << 30,
            max_copy: 5 << 30,
            max_delete: delete::KEYS_A_REQUEST,
            multipart: MultipartLimits::S3,
            content_headers: true,
            metadata: true,
            tags: true,
            conditional_put: true,
            keeps_source_time: true,
            made_by_writing: false,
        };
        Ok(Self { client: Client::new(spec)?, capabilities })
    }
}

#[async_trait]
impl Bucket for S3Bucket {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn location(&self) -> &str {
        self.client.location()
    }

    fn check_key(&self, key: &Key) -> Result<()> {
        let length = key.as_str().len();
        let why = match length {
            0 => "S3 has no object without a name".to_owned(),
            1..=MAX_KEY_BYTES => return Ok(()),
            _ => format!("S3 keys have at most {MAX_KEY_BYTES} bytes, this one has {length}"),
        };
        Err(Error::new(ErrorKind::UnrepresentableKey, why).during("write", self.location(), Some(key)))
    }

    fn copy_source(&self, key: &Key) -> Option<CopySource> {
        let (realm, bucket) = (self.client.realm().to_owned(), self.client.bucket().to_owned());
        Some(CopySource { realm, bucket, key: key.clone(), if_match: None })
    }

    fn requests(&self) -> RequestCounts {
        self.client.requests()
    }

    async fn list_page(&self, request: &ListRequest, cursor: Option<Cursor>) -> Result<ListPage> {
        list::page(&self.client, request, cursor).await
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        object::head(&self.client, key).await
    }

    async fn head_part(&self, key: &Key, number: u32) -> Result<PartInfo> {
        object::head_part(&self.client, key, number).await
    }

    async fn get(&self, key: &Key, options: &GetOptions) -> Result<GetReply> {
        object::get(&self.client, key, options).await
    }

    async fn put(&self, key: &Key, body: Body, options: &PutOptions) -> Result<PutReply> {
        self.check_key(key)?;
        object::put(&self.client, key, body, options).await
    }

    async fn create_upload(&self, key: &Key, options: &PutOptions) -> Result<Upload> {
        self.check_key(key)?;
        multipart::create(&self.client, key, options).await
    }

    async fn put_part(&self, upload: &Upload, number: u32, body: Body, options: &PutOptions) -> Result<Part> {
        multipart::put_part(&self.client, upload, number, body, options).await
    }

    async fn complete_upload(&self, upload: &Upload, parts: &[Part], options: &PutOptions) -> Result<PutReply> {
        multipart::complete(&self.client, upload, parts, options).await
    }

    async fn abort_upload(&self, upload: &Upload) -> Result<()> {
        multipart::abort(&self.client, upload).await
    }

    async fn list_uploads(&self, prefix: &str) -> Result<Vec<UnfinishedUpload>> {
        multipart::list(&self.client, prefix).await
    }

    async fn copy(&self, source: &CopySource, key: &Key, options: &PutOptions) -> Result<PutReply> {
        self.check_key(key)?;
        copy::object(&self.client, source, key, options).await
    }

    async fn copy_part(
        &self,
        source: &CopySource,
        range: std::ops::Range<u64>,
        upload: &Upload,
        number: u32,
    ) -> Result<Part> {
        copy::part(&self.client, source, range, upload, number).await
    }

    async fn delete(&self, keys: &[Key]) -> Result<Vec<Deleted>> {
        delete::many(&self.client, keys).await
    }

    async fn tags(&self, key: &Key) -> Result<Vec<Tag>> {
        object::tags(&self.client, key).await
    }

    async fn put_tags(&self, key: &Key, tags: &[Tag]) -> Result<()> {
        object::put_tags(&self.client, key, tags).await
    }
}
