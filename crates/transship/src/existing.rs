use std::path::Path;

use futures::TryStreamExt;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use transship_list::ListOptions;
use transship_spill::Table;
use transship_store::ErrorKind;
use transship_types::{ETag, Entry, Key};
use transship_verify::same_content;

use crate::{Error, Place, Result, list};

/// What a destination holds already, from one listing.
#[derive(Debug)]
pub struct Existing {
    entries: Table<There>,
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

/// How what is there compares with what copying a source object would give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// Nothing is there, or something else.
    Different,
    /// The same, whatever its age.
    Equal,
    /// Nothing but their ages can be compared, and what is there is not older.
    NotOlder,
    /// Nothing but their ages can be compared, and what is there is older, or its age says nothing.
    Older,
}

#[derive(Debug, Serialize, Deserialize)]
struct There {
    size: u64,
    etag: Option<ETag>,
    #[serde(with = "time::serde::timestamp::nanoseconds")]
    modified: OffsetDateTime,
}

impl Existing {
    /// Lists a destination. One that is not there yet holds nothing. What is too much for memory goes to `work_dir`.
    ///
    /// # Errors
    /// The listing's, and `WorkDir`.
    pub async fn list(place: &Place, options: &ListOptions, work_dir: &Path) -> Result<Self> {
        let mut entries = Table::new(work_dir);
        let mut listing = std::pin::pin!(list(place, options));
        loop {
            match listing.try_next().await {
                Ok(Some(Entry { key, size, last_modified: modified, etag, .. })) => {
                    entries.insert(key.as_str(), &There { size, etag, modified })?;
                }
                Ok(None) => break,
                Err(Error::Store(error)) if error.kind() == ErrorKind::NoSuchBucket => break,
                Err(error) => return Err(error),
            }
        }
        entries.settle()?;
        let can = place.bucket.capabilities();
        let own_times = can.keeps_source_time && !can.metadata;
        Ok(Self { entries, etags_compare: can.etag_may_be_md5, own_times })
    }

    /// Compares what is there under `key` with what copying `source` would give. Size first; then ETags, where both are
    /// digests of the same kind; otherwise the object there must not be older than the source. Of an unpacked object
    /// only its age can be compared. At a shared key the time of writing says nothing: it may have been an older source
    /// that was written later.
    ///
    /// # Errors
    /// `WorkDir`: what was listed cannot be read again.
    pub fn compare(&self, key: &Key, source: &Entry, by: Comparison) -> Result<Likeness> {
        let Some(there) = self.entries.get(key.as_str())? else { return Ok(Likeness::Different) };
        let not_older = there.modified >= source.last_modified && (self.own_times || !by.shared);
        let by_age = if not_older { Likeness::NotOlder } else { Likeness::Older };
        if by.unpacked {
            return Ok(by_age);
        }
        if there.size != source.size {
            return Ok(Likeness::Different);
        }
        let comparable = self.etags_compare && by.etags;
        Ok(match same_content(source.etag.as_ref(), there.etag.as_ref()).filter(|_| comparable) {
            Some(true) => Likeness::Equal,
            Some(false) => Likeness::Different,
            None => by_age,
        })
    }
}
