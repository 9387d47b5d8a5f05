use std::sync::atomic::{AtomicU64, Ordering};

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
    /// How many keys one request deletes.
    pub max_delete: usize,
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
    /// A bucket that is not there yet is made with the first object.
    pub made_by_writing: bool,
}

impl Capabilities {
    /// Whether this is a directory: its files have their sources' times for their own, and nothing else beside them.
    pub fn is_disk(&self) -> bool {
        self.keeps_source_time && !self.metadata
    }
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

/// How many requests a bucket has sent, by verb. Buckets that leave the sending to a library count nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts {
    /// Reads and listings.
    pub get: u64,
    /// Looks at single objects.
    pub head: u64,
    /// Writes, parts and server-side copies.
    pub put: u64,
    /// Starts and ends of multipart uploads, bulk deletes.
    pub post: u64,
    /// Deletes and aborts.
    pub delete: u64,
}

impl RequestCounts {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.get + self.head + self.put + self.post + self.delete
    }
}

/// Counts requests as they are sent.
#[derive(Debug, Default)]
pub(crate) struct Tally([AtomicU64; 5]);

impl Tally {
    pub(crate) fn count(&self, method: &http::Method) {
        let at = match method.as_str() {
            "GET" => 0,
            "HEAD" => 1,
            "PUT" => 2,
            "POST" => 3,
            _ => 4,
        };
        self.0[at].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn counts(&self) -> RequestCounts {
        let [get, head, put, post, delete] = self.0.each_ref().map(|n| n.load(Ordering::Relaxed));
        RequestCounts { get, head, put, post, delete }
    }
}
