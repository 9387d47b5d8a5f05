/// What a store can do, known without asking it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Any UTF-8 text of up to 1024 bytes is a key of its own.
    pub exact_keys: bool,
    /// Listings come in the order of the keys' bytes.
    pub ordered_listing: bool,
    /// An ETag with the shape of an MD5 may be compared with an MD5 (a mismatch still proves nothing: KMS).
    pub etag_may_be_md5: bool,
    /// [`put`](crate::Bucket::put) sends its body as it arrives. Otherwise the body is gathered in memory first.
    pub streams_bodies: bool,
    /// The largest object that one [`put`](crate::Bucket::put) may write, in bytes.
    pub max_put: u64,
    /// The largest object that one [`copy`](crate::Bucket::copy) may copy, in bytes; 0 where it cannot.
    pub max_copy: u64,
    /// The limits of multipart uploads.
    pub multipart: MultipartLimits,
    /// Content type, encoding and the like are kept.
    pub content_headers: bool,
    /// User metadata is kept.
    pub metadata: bool,
    /// Tags are kept.
    pub tags: bool,
    /// [`Condition`](crate::Condition) is honoured on writes.
    pub conditional_put: bool,
    /// The object's own time can be set, so that `ObjectInfo::modified_at_source` survives.
    pub keeps_source_time: bool,
}

/// The limits of multipart uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MultipartLimits {
    /// The smallest part, in bytes, except for the last.
    pub min_part: u64,
    /// The largest part, in bytes.
    pub max_part: u64,
    /// How many parts an object may have.
    pub max_parts: u32,
}

impl MultipartLimits {
    /// S3's: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>.
    pub const S3: Self = Self { min_part: 5 << 20, max_part: 5 << 30, max_parts: 10_000 };
}
