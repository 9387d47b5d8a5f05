use std::sync::Arc;

use object_store::{ObjectStore, azure::MicrosoftAzure, gcp::GoogleCloudStorage, list::PaginatedListStore, path::Path};
use transship_types::Key;

use super::directory::Directory;
use crate::Result;

/// What holds the objects.
pub(super) enum Backing {
    /// An embedder's store, or memory.
    Plain(Arc<dyn ObjectStore>),
    /// Azure, which lists by pages and deletes in batches.
    Azure(Arc<MicrosoftAzure>),
    /// GCS, which lists by pages.
    Gcs(Arc<GoogleCloudStorage>),
    /// A directory, which is listed by walking it.
    Directory(Directory),
}

impl Backing {
    /// The store for a request that changes nothing.
    pub(super) fn for_reading(&self) -> Result<Arc<dyn ObjectStore>> {
        Ok(match self {
            Self::Plain(store) => Arc::clone(store),
            Self::Azure(store) => Arc::clone(store) as _,
            Self::Gcs(store) => Arc::clone(store) as _,
            Self::Directory(directory) => directory.for_reading()?,
        })
    }

    /// The store for a write: a directory that is not there yet is created.
    pub(super) fn for_writing(&self) -> Result<Arc<dyn ObjectStore>> {
        match self {
            Self::Directory(directory) => Ok(directory.for_writing()?),
            _ => self.for_reading(),
        }
    }

    /// The store's own listing by pages, where it has one.
    pub(super) fn pages(&self) -> Option<&dyn PaginatedListStore> {
        match self {
            Self::Azure(store) => Some(&**store),
            Self::Gcs(store) => Some(&**store),
            Self::Plain(_) | Self::Directory(_) => None,
        }
    }

    /// Checks what only the store itself can know about a key.
    pub(super) fn check_path(&self, key: &Key, path: &Path) -> Result<(), String> {
        match self {
            Self::Directory(directory) => directory.check_path(key.as_str(), path),
            _ => Ok(()),
        }
    }

    pub(super) fn directory(&self) -> Option<&Directory> {
        match self {
            Self::Directory(directory) => Some(directory),
            _ => None,
        }
    }
}
