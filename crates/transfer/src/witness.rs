//! What the source itself says of the bytes that were read.

use std::sync::{Arc, atomic::Ordering};

use futures::TryStreamExt;
use tokio::sync::OnceCell;
use transship_store::{Error, ErrorKind, ObjectInfo, Result};
use transship_types::{Digest, ETag, Strength};
use transship_verify::{Claim, ETagHasher};

use crate::{Doubt, layout::Layout, proof, read::Source};

/// The bytes that the source sends.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) md5: Digest,
    /// Two readings gave these same bytes, and the source's ETag does not bear them out.
    pub(crate) doubt: Option<Doubt>,
}

/// What a copy of doubtful bytes is worth, whatever the destination says: they are what was read, twice.
pub(crate) fn at_most(doubt: Option<Doubt>, strength: Strength) -> Strength {
    if doubt.is_some() { strength.max(Strength::Reread) } else { strength }
}

/// One object of the source, which its ETag bears out, or a second reading.
#[derive(Debug)]
pub(crate) struct Witness {
    source: Source,
    info: ObjectInfo,
    layout: Layout,
    /// The second reading: one for all who need it.
    again: OnceCell<Reading>,
}

impl Witness {
    pub(crate) fn new(source: &Source, info: &ObjectInfo, layout: Layout) -> Arc<Self> {
        Arc::new(Self { source: source.clone(), info: info.clone(), layout, again: OnceCell::new() })
    }

    /// The source's own ETag, where it can be a digest.
    pub(crate) fn etag(&self) -> Option<ETag> {
        proof::source_etag(&*self.source.bucket, &self.info)
    }

    /// For the first reading.
    pub(crate) fn hasher(&self) -> ETagHasher {
        self.layout.hasher(self.etag().as_ref(), self.info.size)
    }

    /// Checks the bytes that were read against the source's own digest. Where they disagree they are read again: some
    /// servers give ETags that only look like a digest, or hide the parts that it was made of, and two equal readings
    /// tell that from damage on the way.
    ///
    /// # Errors
    /// `DigestMismatch`, where a second reading gives other bytes than the first one.
    pub(crate) async fn confirm(&self, hasher: ETagHasher) -> Result<Reading> {
        let (claim, md5) = hasher.finish_with_md5();
        if claim != Claim::Unproven {
            return Ok(Reading { md5, doubt: None });
        }
        tracing::debug!(key = %self.source.key, "the source's ETag is not that of what was read: reading again");
        let read = async || self.read(&self.exact_layout().await).await;
        let again = self.again.get_or_try_init(read).await?;
        if again.md5 == md5 {
            return Ok(again.clone());
        }
        let (detail, location) = ("two readings of the source gave different bytes", self.source.bucket.location());
        Err(Error::new(ErrorKind::DigestMismatch, detail).during("read", location, Some(&self.source.key)))
    }

    /// Reads the source again, for bytes that were not hashed when they were read first.
    pub(crate) async fn read_again(&self) -> Result<Reading> {
        self.again.get_or_try_init(|| self.read(&self.layout)).await.cloned()
    }

    async fn read(&self, layout: &Layout) -> Result<Reading> {
        let body = self.source.again().range(0..self.info.size, self.info.etag.as_ref()).await?;
        let hasher = layout.thorough_hasher(self.etag().as_ref(), self.info.size);
        let hash = |mut hasher: ETagHasher, chunk: bytes::Bytes| async move {
            hasher.update(&chunk);
            Ok(hasher)
        };
        let (claim, md5) = body.try_fold(hasher, hash).await?.finish_with_md5();
        let doubt = if claim == Claim::Unproven { Some(self.doubt(layout).await) } else { None };
        Ok(Reading { md5, doubt })
    }

    async fn exact_layout(&self) -> Layout {
        match Layout::exact(&self.source, &self.info).await {
            Layout::Unknown => self.layout.clone(),
            exact => exact,
        }
    }

    /// Why the ETag does not bear out the bytes, which were hashed in these parts.
    async fn doubt(&self, hashed: &Layout) -> Doubt {
        let is_whole = self.etag().is_some_and(|etag| etag.md5().is_some());
        let is_exact = match hashed {
            Layout::Unknown => false,
            Layout::LikeTheFirst(_) => hashed.agrees_with(&Layout::exact(&self.source, &self.info).await),
            Layout::Exact(_) => true,
        };
        if !is_whole && !is_exact {
            return Doubt::Unconfirmed;
        }
        let (key, location) = (&self.source.key, self.source.bucket.location());
        if self.source.contradicts.swap(true, Ordering::Relaxed) {
            tracing::debug!(%key, location, "the source's ETag is not the MD5 of what it sends");
        } else {
            tracing::warn!(
                %key, location,
                "the source's ETag is not the MD5 of what it sends, twice: there is damage at the source or before it, \
                 or its ETags are no digests. The report has a note on every such object"
            );
        }
        Doubt::Contradicted
    }
}
