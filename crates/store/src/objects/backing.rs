use std::sync::Arc;

use object_store::{ObjectStore, azure::MicrosoftAzure, gcp::GoogleCloudStorage, list::PaginatedListStore};

use super::directory::Directory;

/// What holds the objects.
pub(super) enum Backing {
    /// An embedder's store, or memory.
    Plain(Arc<dyn ObjectStore>),
    /// Azure, which lists by pages and deletes in batches.
    Azure(Arc<MicrosoftAzure>),
    /// GCS, which lists by pages.
    Gcs(Arc<GoogleCloudStorage>),
    /// A directory, which is listed by walking it.
    Directory(Arc<Directory>),
}

/// What to ask.
pub(super) enum Held<'a> {
    Directory(&'a Arc<Directory>),
    Store(Arc<dyn ObjectStore>),
}

impl Backing {
    pub(super) fn held(&self) -> Held<'_> {
        match self {
            Self::Plain(store) => Held::Store(Arc::clone(store)),
            Self::Azure(store) => Held::Store(Arc::clone(store) as _),
            Self::Gcs(store) => Held::Store(Arc::clone(store) as _),
            Self::Directory(directory) => Held::Directory(directory),
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
}
