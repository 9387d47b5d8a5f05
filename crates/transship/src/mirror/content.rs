//! Comparing what objects hold, where listings cannot tell.

use std::{iter, sync::Arc};

use futures::{FutureExt, Stream, StreamExt, TryStreamExt, future::ready, stream};
use transship_diff::{Reason, Verdict};
use transship_store::{Bucket, GetOptions, RetryOptions, retry};
use transship_types::{Digest, Entry};
use transship_verify::Hasher;

use super::{Change, Compared, Ends, MirrorOptions, change::Found};
use crate::{Result, tasks::apart};

/// When objects of the same size are read to be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// Never: what listings tell has to do.
    #[default]
    AsListed,
    /// By MD5, where each end either tells it, as S3 does in the ETags of objects in one part, or is a disk, whose files
    /// are then read. Of others only the size is compared.
    Hashed,
    /// Always, at both ends.
    Read,
}

/// Settles what listings left open, so many objects at once. The order changes.
pub(super) fn settled(
    found: impl Stream<Item = Result<Vec<Found>>> + Send,
    reader: Arc<Reader>,
    compared: Arc<Compared>,
    at_once: usize,
) -> impl Stream<Item = Result<Vec<Change>>> + Send {
    let settle = move |source, destination| {
        let (reader, compared) = (Arc::clone(&reader), Arc::clone(&compared));
        async move {
            // On a task of its own: who waits for copies before asking for more changes must not hold up its requests, and
            // those of the copies behind them.
            let change = apart("comparing contents", async move { reader.settle(source, destination).await }).await?;
            compared.counts.settles(&change);
            Ok(vec![change])
        }
    };
    let sorted = found.map(move |batch| {
        let (mut sure, mut open) = (Vec::new(), Vec::new());
        let sure = batch.map(|batch| {
            for found in batch {
                match found {
                    Found::Change(change) => sure.push(change),
                    Found::Open { source, destination } => open.push(settle(source, destination).right_future()),
                }
            }
            sure
        });
        stream::iter(iter::once(ready(sure).left_future()).chain(open))
    });
    sorted.flatten().buffer_unordered(at_once.max(1)).try_filter(|batch| ready(!batch.is_empty()))
}

/// Reads objects.
pub(super) struct Reader {
    ends: Ends,
    retry: RetryOptions,
    content: Content,
    immutable: bool,
}

impl Reader {
    pub(super) fn new(ends: &Ends, options: &MirrorOptions) -> Self {
        let retry = options.copy.retry.clone();
        Self { ends: ends.clone(), retry, content: options.content, immutable: options.immutable }
    }

    pub(super) async fn settle(&self, source: Entry, destination: Entry) -> Result<Change> {
        let (here, there) = (&self.ends.source.bucket, &self.ends.destination.bucket);
        let digests = futures::try_join!(self.digest(&**here, &source), self.digest(&**there, &destination));
        let verdict = match digests {
            Ok((one, other)) if one == other => Verdict::Same(Reason::EqualDigests("md5")),
            Ok(_) => Verdict::Differs(Reason::OtherDigest("md5")),
            // An object that cannot be read, or is another one by now, is copied, and what is wrong with it shows then.
            Err(error) if !error.concerns_bucket() => {
                tracing::debug!(%error, "cannot be compared");
                Verdict::Differs(Reason::Unreadable)
            }
            Err(error) => return Err(error.into()),
        };
        Ok(Change::judged(source, destination, verdict, self.immutable))
    }

    /// The MD5 of an object: the store's word, or computed.
    async fn digest(&self, bucket: &dyn Bucket, entry: &Entry) -> Result<Digest, transship_store::Error> {
        match told(bucket, entry).filter(|_| self.content != Content::Read) {
            Some(md5) => Ok(Digest { algorithm: transship_types::Algorithm::Md5, bytes: md5.to_vec() }),
            None => retry(&self.retry, |_| read(bucket, entry)).await,
        }
    }
}

/// The MD5 that a store tells of an object.
fn told(bucket: &dyn Bucket, entry: &Entry) -> Option<[u8; 16]> {
    entry.etag.as_ref().filter(|_| bucket.capabilities().etag_may_be_md5).and_then(|etag| etag.md5())
}

/// Whether an object's MD5 can be had without bringing it from afar; `etags` says whether the bucket's may be digests.
pub(super) fn has_digest(bucket: &dyn Bucket, etags: bool, entry: &Entry) -> bool {
    bucket.capabilities().is_disk() || etags && told(bucket, entry).is_some()
}

async fn read(bucket: &dyn Bucket, entry: &Entry) -> Result<Digest, transship_store::Error> {
    let options = GetOptions { if_match: entry.etag.clone(), ..GetOptions::default() };
    let mut body = bucket.get(&entry.key, &options).await?.body;
    let mut hasher = Hasher::md5();
    while let Some(bytes) = body.try_next().await? {
        hasher.update(&bytes);
        tokio::task::consume_budget().await;
    }
    Ok(hasher.finish())
}
