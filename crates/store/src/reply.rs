use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use transship_types::{Digest, ETag, Entry, Key};

use crate::{ByteStream, Cursor, Error};

/// One page of a listing.
#[derive(Clone, Debug, Default)]
pub struct ListPage {
    /// Objects.
    pub entries: Vec<Entry>,
    /// Common prefixes, where a delimiter was given.
    pub prefixes: Vec<String>,
    /// Where the next page starts; `None` on the last one.
    pub next: Option<Cursor>,
    /// The server is known not to list in the order of the keys' bytes, whatever this page looks like: what lies behind a
    /// key in its order is another thing than what lies behind it in that of bytes.
    pub unordered: bool,
}

/// Content headers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Attributes {
    /// `Content-Type`
    pub content_type: Option<String>,
    /// `Content-Encoding`
    pub content_encoding: Option<String>,
    /// `Content-Disposition`
    pub content_disposition: Option<String>,
    /// `Content-Language`
    pub content_language: Option<String>,
    /// `Cache-Control`
    pub cache_control: Option<String>,
    /// `Expires`, as the server wrote it.
    pub expires: Option<String>,
}

/// What a store knows of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Bytes of the whole object, also where only a range was read.
    pub size: u64,
    /// The entity tag.
    pub etag: Option<ETag>,
    /// When the store last wrote it.
    pub last_modified: OffsetDateTime,
    /// The time of the object that this one was copied from, where it was kept.
    pub modified_at_source: Option<OffsetDateTime>,
    /// Content headers.
    pub attributes: Attributes,
    /// User metadata, names in lower case.
    pub metadata: BTreeMap<String, String>,
    /// Digests of the whole object that the store told unasked.
    pub digests: Vec<Digest>,
    /// How many tags it has.
    pub tag_count: usize,
    /// The storage class, where not the default one.
    pub storage_class: Option<String>,
    /// Encrypted so that its ETag is no MD5 (KMS or a customer's key).
    pub opaque_etag: bool,
    /// How many parts it has, where the store says so.
    pub parts: Option<u32>,
}

/// What a store knows of one part of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartInfo {
    /// Bytes of the part.
    pub length: u64,
    /// The whole object's entity tag: where it is not the expected one, the part is another object's.
    pub etag: Option<ETag>,
    /// How many parts the object has, where the store says so.
    pub parts: Option<u32>,
}

/// An object being read.
pub struct GetReply {
    /// What the store told of it.
    pub info: ObjectInfo,
    /// How many bytes the body will have: the range's, or the object's.
    pub length: u64,
    /// The bytes. A body that ends early is an error at its end, never a short success.
    pub body: ByteStream,
}

impl fmt::Debug for GetReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetReply").field("info", &self.info).field("length", &self.length).finish_non_exhaustive()
    }
}

/// What a store said after a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutReply {
    /// The new object's ETag.
    pub etag: Option<ETag>,
    /// Digests of the whole new object that the server computed and told.
    pub digests: Vec<Digest>,
    /// The server says that the ETag is no MD5 (KMS or a customer's key).
    pub opaque_etag: bool,
}

/// A multipart upload that is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The object to be.
    pub key: Key,
    /// The server's name for the upload.
    pub id: String,
}

/// A part that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// From 1.
    pub number: u32,
    /// The part's ETag.
    pub etag: ETag,
    /// A digest that must be repeated when the upload is completed.
    pub digest: Option<Digest>,
}

/// A multipart upload that someone left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// What to abort.
    pub upload: Upload,
    /// When it was started.
    pub initiated: OffsetDateTime,
}

/// What became of one key of a delete.
#[derive(Debug)]
pub struct Deleted {
    /// The key.
    pub key: Key,
    /// Whether it is gone.
    pub result: Result<(), Error>,
}
