//! An object as the server holds it.

use super::checksums::ObjectChecksums;
use super::content::Content;
use bytes::Bytes;
use md5::{Digest, Md5};
use std::collections::BTreeMap;
use std::sync::OnceLock;
use time::OffsetDateTime;

/// What travels with an object besides its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// `Content-Type`; S3 answers `binary/octet-stream` where none was given.
    pub content_type: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// `Content-Disposition`.
    pub content_disposition: Option<String>,
    /// `Content-Language`.
    pub content_language: Option<String>,
    /// `Cache-Control`.
    pub cache_control: Option<String>,
    /// `Expires`, to the second.
    pub expires: Option<OffsetDateTime>,
    /// `x-amz-meta-*`, names without the prefix, in lower case.
    pub metadata: BTreeMap<String, String>,
    /// Tags, in the order given.
    pub tags: Vec<(String, String)>,
    /// Storage class; `None` is `STANDARD`.
    pub storage_class: Option<String>,
    /// `x-amz-server-side-encryption`, such as `AES256`. With `aws:kms` the ETag is no MD5, as on AWS.
    pub encryption: Option<String>,
    /// The KMS key's id, where one was given.
    pub kms_key: Option<String>,
}

impl Attributes {
    pub(crate) fn is_kms(&self) -> bool {
        self.encryption.as_deref().is_some_and(|kind| kind.starts_with("aws:kms"))
    }
}

/// One object: bytes, ETag, time, attributes.
#[derive(Debug, Clone)]
pub struct StoredObject {
    pub(crate) content: Content,
    etag: OnceLock<String>,
    pub(crate) part_sizes: Vec<u64>,
    pub(crate) checksums: ObjectChecksums,
    /// When it was written; the server's time of arrival unless set.
    pub modified: Option<OffsetDateTime>,
    /// Headers, metadata, tags, storage class, encryption.
    pub attributes: Attributes,
}

impl StoredObject {
    /// An object of one part that holds `bytes`.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self::from_content(Content::held(vec![bytes.into()]))
    }

    /// An object uploaded in parts: its ETag is the MD5 of the parts' MD5s, with the number of parts.
    pub fn in_parts(parts: Vec<Bytes>) -> Self {
        let digests: Vec<[u8; 16]> = parts.iter().map(|part| Md5::digest(part).into()).collect();
        let part_sizes = parts.iter().map(|part| part.len() as u64).collect();
        let etag = multipart_etag(&digests);
        Self { part_sizes, ..Self::from_content(Content::held(parts)) }.with_etag(etag)
    }

    /// An object of `size` bytes that are generated at each read instead of being held. Its MD5 is computed at the
    /// first request that needs it, which takes seconds for gigabytes, unless given through
    /// [`with_etag`](Self::with_etag).
    #[must_use]
    pub fn synthetic(size: u64, seed: u64) -> Self {
        Self::from_content(Content::generated(size, seed))
    }

    /// The same, as if it had been uploaded in parts of so many bytes.
    #[must_use]
    pub fn synthetic_in_parts(size: u64, part: u64, seed: u64) -> Self {
        let content = Content::generated(size, seed);
        let starts = (0..size.div_ceil(part)).map(|n| n * part);
        let parts: Vec<_> = starts.map(|start| content.slice(start..(start + part).min(size))).collect();
        let digests: Vec<[u8; 16]> = parts.iter().filter_map(Content::md5).collect();
        let part_sizes = parts.iter().map(Content::size).collect();
        Self { part_sizes, ..Self::from_content(content) }.with_etag(multipart_etag(&digests))
    }

    pub(crate) fn from_content(content: Content) -> Self {
        Self {
            content,
            etag: OnceLock::new(),
            part_sizes: Vec::new(),
            checksums: ObjectChecksums::default(),
            modified: None,
            attributes: Attributes::default(),
        }
    }

    /// Sets the ETag, without quotes, whatever the bytes say.
    #[must_use]
    pub fn with_etag(mut self, etag: impl Into<String>) -> Self {
        self.etag = OnceLock::from(etag.into());
        self
    }

    /// Sets the time of writing.
    #[must_use]
    pub fn modified_at(mut self, modified: OffsetDateTime) -> Self {
        self.modified = Some(modified);
        self
    }

    /// Sets headers, metadata, tags, storage class and encryption.
    #[must_use]
    pub fn with_attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// Length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.content.size()
    }

    /// ETag without quotes.
    pub fn etag(&self) -> &str {
        self.etag.get_or_init(|| hex::encode(self.content.md5().unwrap_or_default()))
    }

    /// The bytes; `None` where the server digests bodies and drops them.
    #[must_use]
    pub fn bytes(&self) -> Option<Bytes> {
        self.content.to_bytes()
    }

    /// Sizes of the parts it was uploaded in; empty for an object written by one PUT.
    #[must_use]
    pub fn part_sizes(&self) -> &[u64] {
        &self.part_sizes
    }

    pub(crate) fn modified(&self) -> OffsetDateTime {
        self.modified.unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

/// S3's ETag of a multipart object: MD5 over the parts' MD5s, a dash, the number of parts.
pub(crate) fn multipart_etag(digests: &[[u8; 16]]) -> String {
    let mut digest = Md5::new();
    digests.iter().for_each(|part| digest.update(part));
    format!("{}-{}", hex::encode(digest.finalize()), digests.len())
}

/// What SSE-KMS answers: 32 hexadecimal digits that are not the MD5 of the bytes.
pub(crate) fn kms_etag(md5: [u8; 16]) -> String {
    let mut digest = Md5::new();
    digest.update(md5);
    digest.update(b"encrypted with a key of the server's");
    hex::encode(digest.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_those_that_md5sum_prints() {
        assert_eq!(StoredObject::new("hello").etag(), "5d41402abc4b2a76b9719d911017c592");
        // The MD5 sums of `hello` and of `world`, as 32 bytes, through md5sum once more.
        let parts = StoredObject::in_parts(vec!["hello".into(), "world".into()]);
        let generated = StoredObject::synthetic_in_parts(2500, 1000, 7);
        let bytes = generated.bytes().unwrap();
        let held = StoredObject::in_parts((0..3).map(|n| bytes.slice(n * 1000..(n * 1000 + 1000).min(2500))).collect());
        assert_eq!((generated.etag(), generated.part_sizes()), (held.etag(), held.part_sizes()));
        assert_eq!(parts.etag(), "065947336a2f2a95ba8899f3675c3be6-2");
    }
}
