use std::{collections::BTreeMap, fmt, ops::Range, sync::Arc};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use transship_types::{Digest, ETag, Key};

use crate::Attributes;

/// What to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Only keys that start with this text. It need not end in `/`.
    pub prefix: String,
    /// Only keys after this one, in byte order.
    pub start_after: Option<Key>,
    /// Roll keys up at this text behind the prefix (usually `/`) into [`ListPage::prefixes`](crate::ListPage).
    pub delimiter: Option<String>,
    /// At most this many entries a page (1 to 1000); the store's own limit where not given.
    pub max_keys: Option<u32>,
}

/// Where the next page starts: opaque, made by the store that gave it.
#[derive(Clone)]
pub struct Cursor(pub(crate) CursorKind);

#[derive(Clone)]
pub(crate) enum CursorKind {
    /// The server's continuation token.
    Token(String),
    /// A listing that is being read.
    Open(Arc<tokio::sync::Mutex<crate::objects::OpenListing>>),
}

impl Cursor {
    /// A store's own text: who implements [`Bucket`](crate::Bucket) gets it back when the next page is asked for.
    pub fn new(token: impl Into<String>) -> Self {
        Self(CursorKind::Token(token.into()))
    }

    /// That text, or `None` where the cursor was not made of one.
    pub fn token(&self) -> Option<&str> {
        match &self.0 {
            CursorKind::Token(token) => Some(token),
            CursorKind::Open(_) => None,
        }
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            CursorKind::Token(token) => write!(f, "Cursor({token:?})"),
            CursorKind::Open(_) => f.write_str("Cursor(open)"),
        }
    }
}

/// How to read an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GetOptions {
    /// Bytes to read, end exclusive.
    pub range: Option<Range<u64>>,
    /// Read only if the object still has this ETag; otherwise the error's class is `Conflict`.
    pub if_match: Option<ETag>,
    /// Read this part of a multipart object (from 1): its size tells the part boundaries.
    pub part_number: Option<u32>,
}

/// A condition on a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Write whatever is there.
    #[default]
    Always,
    /// Write only if nothing is there.
    IfAbsent,
    /// Write only over the object with this ETag.
    IfMatch(ETag),
}

/// Server-side encryption to ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Encryption {
    /// `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub algorithm: String,
    /// The KMS key, where not the account's own.
    #[serde(default)]
    pub kms_key_id: Option<String>,
}

/// A tag's key and value.
pub type Tag = (String, String);

/// How to write an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// Content type and the other content headers.
    pub attributes: Attributes,
    /// User metadata, names in lower case and without any `x-amz-meta-` before them.
    pub metadata: BTreeMap<String, String>,
    /// Tags.
    pub tags: Vec<Tag>,
    /// Storage class to write into.
    pub storage_class: Option<String>,
    /// Encryption to ask for.
    pub encryption: Option<Encryption>,
    /// Canned ACL to ask for.
    pub acl: Option<String>,
    /// When to write at all.
    pub condition: Condition,
    /// The digest of the body, for the server to check: MD5 travels as `Content-MD5`, others as `x-amz-checksum-*`.
    pub digest: Option<Digest>,
    /// The time of the source object, to be kept as [`ObjectInfo::modified_at_source`](crate::ObjectInfo).
    pub source_time: Option<OffsetDateTime>,
}

/// An object as another bucket of the same realm names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopySource {
    /// Endpoint and credentials, as an opaque name: equal realms can copy on the server.
    pub realm: String,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: Key,
    /// Copy only if the source still has this ETag.
    pub if_match: Option<ETag>,
}
