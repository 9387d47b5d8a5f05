//! Anything that implements [`object_store::ObjectStore`].

/// A bucket of an [`object_store::ObjectStore`].
#[derive(Debug)]
pub struct ObjectStoreBucket;

/// A listing that is being read.
pub(crate) struct OpenListing;
