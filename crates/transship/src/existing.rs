use std::collections::HashMap;

use futures::TryStreamExt;
use transship_store::{Result, RetryOptions};
use transship_types::{ETag, Entry, Key};
use transship_verify::same_content;

use crate::{Place, list};

/// What a destination holds already, from one listing: about 100 bytes an object.
#[derive(Clone, Debug, Default)]
pub struct Existing {
    entries: HashMap<Key, There>,
    etags_compare: bool,
    /// The listing's times are those of the sources, as files have them.
    own_times: bool,
}

/// What a source object can be compared by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The source's ETags may be digests.
    pub etags: bool,
    /// The object would be unpacked on its way.
    pub unpacked: bool,
    /// Several sources share the key, and the newest one wins.
    pub shared: bool,
}

#[derive(Clone, Debug)]
struct There {
    size: u64,
    etag: Option<ETag>,
    modified: time::OffsetDateTime,
}

impl Existing {
    /// Lists a destination. One that is not there yet holds nothing.
    ///
    /// # Errors
    /// The listing's.
    pub async fn list(place: &Place, policy: &RetryOptions) -> Result<Self> {
        let mut entries = HashMap::new();
        let mut listing = std::pin::pin!(list(place, policy));
        loop {
            match listing.try_next().await {
                Ok(Some(Entry { key, size, last_modified: modified, etag, .. })) => {
                    entries.insert(key, There { size, etag, modified });
                }
                Ok(None) => break,
                Err(error) if error.kind() == transship_store::ErrorKind::NoSuchBucket => break,
                Err(error) => return Err(error),
            }
        }
        let can = place.bucket.capabilities();
        let own_times = can.keeps_source_time && !can.metadata;
        Ok(Self { entries, etags_compare: can.etag_may_be_md5, own_times })
    }

    /// Whether what is there under `key` is what copying `source` would give. Size first; then ETags, where both are
    /// digests of the same kind; otherwise the object there must not be older than the source. Of an unpacked object
    /// only its age can be compared. At a shared key the time of writing says nothing: it may have been an older source
    /// that was written later.
    pub fn holds(&self, key: &Key, source: &Entry, by: Comparison) -> bool {
        let Some(there) = self.entries.get(key) else { return false };
        let not_older = there.modified >= source.last_modified && (self.own_times || !by.shared);
        if by.unpacked {
            return not_older;
        }
        let comparable = self.etags_compare && by.etags;
        let same = same_content(source.etag.as_ref(), there.etag.as_ref()).filter(|_| comparable);
        there.size == source.size && same.unwrap_or(not_older)
    }
}
