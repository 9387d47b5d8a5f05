use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{ETag, Key};

/// One object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The exact key.
    pub key: Key,
    /// Bytes.
    pub size: u64,
    /// When the store says the object was last written. Most stores keep whole seconds.
    #[serde(with = "time::serde::rfc3339")]
    pub last_modified: OffsetDateTime,
    /// The entity tag, where the listing holds one.
    #[serde(rename = "e_tag", default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<ETag>,
    /// The storage class, where the listing holds one (`STANDARD`, `GLACIER`, ...).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
}
