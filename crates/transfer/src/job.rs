use std::{sync::Arc, time::Duration};

use time::OffsetDateTime;
use transship_store::{Bucket, Encryption, Error};
use transship_types::{ETag, Entry, Key, Strength};

/// A bucket to write to, and how.
#[derive(Clone, Debug)]
pub struct Destination {
    /// The bucket.
    pub bucket: Arc<dyn Bucket>,
    /// Storage class for new objects; the store's default where not given.
    pub storage_class: Option<String>,
    /// Encryption for new objects; the bucket's default where not given.
    pub encryption: Option<Encryption>,
    /// Canned ACL for new objects.
    pub acl: Option<String>,
    /// New objects keep the source's time: as a file's own, or as the metadata `mtime`, as rclone keeps it.
    pub keep_time: bool,
}

impl Destination {
    /// A destination with the store's own defaults.
    pub fn new(bucket: Arc<dyn Bucket>) -> Self {
        Self { bucket, storage_class: None, encryption: None, acl: None, keep_time: false }
    }
}

/// One object to be copied, to one or more places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The object as a listing showed it, under its full key.
    pub source: Entry,
    /// Whether `source` is only a hint: then the first reply decides, and a difference is reported, no conflict.
    pub hint: bool,
    /// Where it goes.
    pub targets: Vec<Target>,
}

/// One place for one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Index of the destination.
    pub destination: usize,
    /// The full key there.
    pub key: Key,
    /// Decompress gzip on the way.
    pub unpack: bool,
    /// Replace an existing object only if it was copied from an older source: its metadata tells.
    pub newest_wins: bool,
}

/// What became of one object.
#[derive(Debug)]
pub struct Copied {
    /// The object as it was when it was read; as listed where it was not read.
    pub source: Entry,
    /// Whether it was another object by then than the one listed.
    pub changed: bool,
    /// How often the source's bytes were read, in whole objects opened.
    pub source_reads: u32,
    /// In the order of the job's targets.
    pub targets: Vec<Placed>,
}

/// What became of one object at one destination.
#[derive(Debug)]
pub struct Placed {
    /// Where it was to go.
    pub target: Target,
    /// What came of it.
    pub result: Result<Done, Failure>,
    /// How often it was tried.
    pub attempts: u32,
    /// From the first attempt's start to the end.
    pub duration: Duration,
    /// What the destination could not keep: `metadata`, `tags`, `content headers`.
    pub not_kept: Vec<&'static str>,
}

/// A success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Written.
    Copied {
        /// How it was verified.
        verified: Strength,
        /// Bytes written.
        bytes: u64,
        /// The new object's ETag.
        etag: Option<ETag>,
        /// The server copied it; no bytes came through here.
        on_server: bool,
        /// It was written in parts of its own, so that the source's ETag did not survive. Where that is a digest, it
        /// stands in the new object's metadata, under `sourceetag`.
        split: bool,
        /// The source's ETag has the form of a digest, and does not bear out the bytes that were read, which two
        /// readings gave.
        doubt: Option<Doubt>,
    },
    /// Left alone: the object there was copied from a source of this time, which is newer, or equal where
    /// [`CopyOptions::leave_equal`](crate::CopyOptions) says so.
    KeptNewer(OffsetDateTime),
}

/// Why the source's ETag does not bear out the bytes that the source sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Doubt {
    /// Nobody tells the parts that it was made of.
    Unconfirmed,
    /// It is another digest: there is damage at the source or before it, or its ETags are no digests.
    Contradicted,
}

/// A failure.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The run is being stopped.
    Cancelled,
    /// This went wrong.
    Error(Arc<Error>),
}
