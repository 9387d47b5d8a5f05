use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use transship_types::{ETag, Entry, Key, Outcome, Strength};

use crate::seconds;

/// What became of one source object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectReport {
    /// The source's key.
    pub key: Key,
    /// Bytes at the source, where they were learned.
    pub size: Option<u64>,
    /// When the source was last written, where it was learned.
    #[serde(with = "time::serde::rfc3339::option", default)]
    pub last_modified: Option<OffsetDateTime>,
    /// The source's entity tag, where it has one.
    pub e_tag: Option<ETag>,
    /// The object that was read was not the one in the listing any more; size, time and tag are those of what was read.
    pub changed_since_listing: bool,
    /// How many times the source's bytes were requested: 0 where it was copied on the server or not at all.
    pub source_reads: u32,
    /// Each destination's outcome.
    pub destinations: Vec<DestinationReport>,
}

/// What became of one object at one destination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DestinationReport {
    /// The destination's name, as in [`Header::destinations`](crate::Header).
    pub destination: String,
    /// The key there, where it could be told.
    pub key: Option<Key>,
    /// What became of it; `verified`, `reason` or `error` stand beside it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Why it was to be copied or deleted, where that was decided by comparing both ends: `not there yet`, `another ETag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// What was replaced or deleted there, as it was listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Former>,
    /// Where what was replaced or deleted there is kept, below the place of the backup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_as: Option<Key>,
    /// Bytes of the object that was written there: 0 where none was.
    pub bytes: u64,
    /// Attempts, the first included: 0 where nothing was tried.
    pub attempts: u32,
    /// From the first attempt's start to the last one's end.
    #[serde(rename = "seconds", with = "seconds")]
    pub duration: Duration,
    /// What else a reader should know: metadata that the store could not keep, an object written in other parts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// An object that was replaced or deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Former {
    /// Bytes.
    pub size: u64,
    /// When it was last written.
    #[serde(with = "time::serde::rfc3339")]
    pub last_modified: OffsetDateTime,
    /// Its entity tag.
    pub e_tag: Option<ETag>,
}

impl From<&Entry> for Former {
    fn from(entry: &Entry) -> Self {
        Self { size: entry.size, last_modified: entry.last_modified, e_tag: entry.etag.clone() }
    }
}

/// An object's outcome over all its destinations: the worst one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It was all there, or there was nowhere to bring it.
    Skipped,
    /// Would be written somewhere: the run was a dry one.
    Planned,
    /// Would be deleted somewhere: the run was a dry one.
    PlannedDeletion,
    /// Deleted somewhere, and all right everywhere.
    Deleted,
    /// Written somewhere, and all right everywhere.
    Copied,
    /// Not finished somewhere, because the run was being stopped.
    Cancelled,
    /// Failed somewhere.
    Failed,
}

impl ObjectReport {
    /// An object of which only the key is known.
    pub fn new(key: Key) -> Self {
        Self {
            key,
            size: None,
            last_modified: None,
            e_tag: None,
            changed_since_listing: false,
            source_reads: 0,
            destinations: Vec::new(),
        }
    }

    /// The worst outcome over all destinations.
    pub fn verdict(&self) -> Verdict {
        self.destinations.iter().map(DestinationReport::verdict).max().unwrap_or(Verdict::Skipped)
    }
}

impl From<&Entry> for ObjectReport {
    fn from(entry: &Entry) -> Self {
        Self {
            size: Some(entry.size),
            last_modified: Some(entry.last_modified),
            e_tag: entry.etag.clone(),
            ..Self::new(entry.key.clone())
        }
    }
}

impl DestinationReport {
    /// An outcome, with nothing written and nothing tried yet.
    pub fn new(destination: impl Into<String>, key: impl Into<Option<Key>>, outcome: Outcome) -> Self {
        Self {
            destination: destination.into(),
            key: key.into(),
            outcome,
            because: None,
            was: None,
            kept_as: None,
            bytes: 0,
            attempts: 0,
            duration: Duration::ZERO,
            notes: Vec::new(),
        }
    }

    /// The outcome without its details. One that this version does not know is a failure.
    pub fn verdict(&self) -> Verdict {
        match &self.outcome {
            Outcome::Copied { .. } => Verdict::Copied,
            Outcome::Skipped { .. } => Verdict::Skipped,
            Outcome::Cancelled => Verdict::Cancelled,
            Outcome::Planned => Verdict::Planned,
            Outcome::PlannedDeletion => Verdict::PlannedDeletion,
            Outcome::Deleted => Verdict::Deleted,
            _ => Verdict::Failed,
        }
    }

    pub(crate) fn verified(&self) -> Option<Strength> {
        match &self.outcome {
            Outcome::Copied { verified } => Some(*verified),
            _ => None,
        }
    }
}
