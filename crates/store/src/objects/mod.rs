//! Anything that implements [`object_store::ObjectStore`].

mod azure;
mod backing;
mod bucket;
mod connection_string;
mod deleting;
mod digest;
mod directory;
mod failure;
mod files;
mod gcs;
mod keys;
mod listed_names;
mod listing;
mod memory;
mod metered;
mod open_listing;
mod reading;
mod refusal;
mod steps;
mod transport;
mod unfinished;
mod uploads;
mod walk;
mod wanted;
mod writing;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use object_store::{ObjectStore, path::Path};
use transship_types::Key;

pub(crate) use self::open_listing::OpenListing;
pub use self::unfinished::is_unfinished_file_of;
use self::{
    backing::{Backing, Held},
    keys::Rules,
    uploads::Uploads,
};
use crate::{
    AzureSpec, Capabilities, Error, ErrorKind, GcsSpec, LocalSpec, MultipartLimits, Result, capabilities::Tally,
};

/// A bucket of an [`object_store::ObjectStore`]: Azure, GCS, a directory, memory, or an embedder's own.
///
/// Keys that `object_store`'s paths cannot carry exactly (`a//b`, `a/`, `..`, control characters) are refused before
/// anything is sent, and so is what the store behind would change. Where Azure or GCS hold such an object already,
/// listing fails and names it, rather than showing it under another object's name.
///
/// What `object_store` cannot do is not done here either: digests are checked before bytes are sent, not by the
/// server; `Expires`, tags, ACLs and encryption are not written; a part of a multipart upload cannot be sent twice,
/// so that a failed part fails the upload, with an error of class `Transient` for a whole new attempt.
///
/// **Directories**: any name in UTF-8 is a key. Files are written under `name.1.transship-part` and renamed when complete,
/// not synced to the disk; their time is set right after the rename. Content headers, metadata and tags are not kept. A
/// directory whose last file is deleted goes with it, other empty directories stay. Nothing is read, written or deleted
/// through a symbolic link; [`Links`](crate::Links) says what else there is for reading. Listing leaves out, with a
/// warning, sockets, pipes and devices, and unfinished writes. It fails where a directory is no longer what it was.
pub struct ObjectStoreBucket {
    backing: Backing,
    rules: Rules,
    location: String,
    /// Only this very bucket can copy from itself.
    realm: String,
    capabilities: Capabilities,
    uploads: Uploads,
    tally: Arc<Tally>,
}

impl ObjectStoreBucket {
    /// A bucket of an embedder's own store. `name` is for people, and must hold no secret.
    ///
    /// The store is taken to keep content headers and metadata and to support conditional writes, to list in no
    /// order, and not to copy; [`with_capabilities`](Self::with_capabilities) says otherwise. Its own retries should
    /// be off: whoever calls a bucket retries.
    pub fn new(store: Arc<dyn ObjectStore>, name: &str) -> Self {
        let capabilities = Capabilities {
            exact_keys: false,
            ordered_listing: false,
            etag_may_be_md5: false,
            streams_bodies: false,
            max_put: 5 << 30,
            max_copy: 0,
            max_delete: 1,
            multipart: MultipartLimits::S3,
            content_headers: true,
            metadata: true,
            tags: false,
            conditional_put: true,
            keeps_source_time: true,
            made_by_writing: false,
        };
        Self::assemble(Backing::Plain(store), Rules::Plain, name.to_owned(), capabilities, Arc::default())
    }

    /// The same bucket, with what its owner knows of it.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// An Azure container. Only the credentials of `spec` are used, never those of the machine.
    ///
    /// # Errors
    /// `Configuration`, saying what is wrong and never what it says.
    pub fn azure(spec: &AzureSpec) -> Result<Self> {
        azure::open(spec)
    }

    /// A GCS bucket. Only the credentials of `spec` are used, never those of the machine.
    ///
    /// # Errors
    /// `Configuration`, saying what is wrong and never what it says.
    pub fn gcs(spec: &GcsSpec) -> Result<Self> {
        gcs::open(spec)
    }

    /// A directory.
    ///
    /// # Errors
    /// `Configuration` where a file is in its place, `AccessDenied` or `Io` where it cannot be created.
    pub fn local(spec: &LocalSpec) -> Result<Self> {
        directory::open(spec)
    }

    /// A store in this process's memory. Equal names are one store, as long as the process lives.
    pub fn memory(name: &str) -> Self {
        memory::open(name)
    }

    fn assemble(
        backing: Backing,
        rules: Rules,
        location: String,
        capabilities: Capabilities,
        tally: Arc<Tally>,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let realm = format!("{location} #{}", NEXT.fetch_add(1, Ordering::Relaxed));
        Self { backing, rules, location, realm, capabilities, uploads: Uploads::default(), tally }
    }

    fn path(&self, key: &Key) -> Result<Path> {
        self.rules.path(key.as_str()).map_err(|reason| Error::new(ErrorKind::UnrepresentableKey, reason))
    }

    fn check(&self, key: &Key) -> Result<()> {
        match self.backing.held() {
            Held::Directory(directory) => directory.check_key(key.as_str()),
            Held::Store(_) => self.path(key).map(drop),
        }
    }
}

/// Neither the store's own `Debug` nor its credentials.
impl fmt::Debug for ObjectStoreBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStoreBucket").field("location", &self.location).finish_non_exhaustive()
    }
}
