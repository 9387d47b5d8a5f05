use std::fmt;

use transship_store::{Encryption, Location};

use crate::{ConfigError, Origin, Result};

/// What a remote, typed on the command line, means.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Remote {
    /// As it was typed, but for the values of options.
    pub name: String,
    /// Where it is.
    pub place: RemotePlace,
    /// The one object that the path may name instead of a folder: nothing where the path ends in `/`, names a whole
    /// bucket, or is a local one.
    pub object: Option<String>,
    /// How objects are to be written there.
    pub write: WriteOptions,
    /// Options that were said and have no effect, for the log.
    pub ignored: Vec<Ignored>,
    /// What is legal and most likely not meant, one line each, for the log.
    pub warnings: Vec<String>,
}

/// Where a remote is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RemotePlace {
    /// A bucket, container or directory, and a prefix in it.
    At(Box<Location>),
    /// `source:` alone: all buckets.
    AllBuckets,
}

impl Remote {
    /// The bucket and the prefix.
    ///
    /// # Errors
    /// The remote names all buckets.
    pub fn location(&self) -> Result<&Location> {
        match &self.place {
            RemotePlace::At(location) => Ok(location),
            RemotePlace::AllBuckets => {
                let expected = format!("{}bucket or {0}bucket/path", self.name);
                Err(ConfigError::new(format!("{:?} names no bucket", self.name)).expected(expected))
            }
        }
    }
}

/// How objects are to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WriteOptions {
    /// The canned ACL to ask for.
    pub acl: Option<String>,
    /// The storage class to write into.
    pub storage_class: Option<String>,
    /// The encryption to ask for.
    pub encryption: Option<Encryption>,
    /// Bytes of a part of a multipart upload.
    pub chunk_size: Option<u64>,
    /// From how many bytes on an object is uploaded in parts; `u64::MAX`: never.
    pub upload_cutoff: Option<u64>,
    /// The bucket is neither looked at nor created before it is written to.
    pub no_check_bucket: bool,
}

/// An option that has no effect, and who said it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Its name.
    pub option: String,
    /// Who said it.
    pub origin: Origin,
}

/// `list_chunk (rclone.conf:7)`
impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.option, self.origin)
    }
}
