//! Reading the source: pinned to one version of the object, resumed where a connection broke.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio_util::sync::CancellationToken;
use transship_store::{
    Bucket, ByteStream, Error, ErrorKind, Failures, GetOptions, GetReply, ObjectInfo, Result, RetryOptions,
};
use transship_types::{ETag, ErrorClass, Key};

/// A source object that is being copied.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) bucket: Arc<dyn Bucket>,
    pub(crate) key: Key,
    pub(crate) retry: RetryOptions,
    /// Fires when reading must end, some time after the run was cancelled.
    pub(crate) stop: CancellationToken,
    pub(crate) reads: Arc<AtomicU32>,
    /// Whether it turned out to be another object while it was read.
    pub(crate) changed: Arc<AtomicBool>,
    /// Bytes that arrived, of all objects of the copier: what a progress bar shows.
    pub(crate) arrived: Arc<AtomicU64>,
    /// The same of large objects, for whoever decides how many of them are read at once.
    pub(crate) moved: Option<Arc<AtomicU64>>,
    /// Whether its server is known to take no notice of part numbers.
    pub(crate) hides_parts: Arc<AtomicBool>,
    /// Whether its server was seen to send other bytes than its ETag says.
    pub(crate) contradicts: Arc<AtomicBool>,
}

/// An open object: what is known of it, and its bytes.
pub(crate) struct Open {
    pub(crate) info: ObjectInfo,
    /// Whether it is another object than the one that was listed.
    pub(crate) changed: bool,
    pub(crate) body: ByteStream,
}

impl Source {
    /// Opens the whole object. `listed` is what it should be: where it is not any more, the object that is there now
    /// is opened instead, and `changed` says so. The returned info is what every later read is pinned to.
    pub(crate) async fn open(&self, listed: Option<&ETag>) -> Result<Open> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let pinned = GetOptions { if_match: listed.cloned(), ..GetOptions::default() };
        let (reply, changed) = match self.get(&pinned).await {
            Err(error) if error.kind() == ErrorKind::PreconditionFailed && listed.is_some() => {
                (self.get(&GetOptions::default()).await?, true)
            }
            other => (other?, false),
        };
        let info = reply.info.clone();
        let whole = 0..info.size;
        Ok(Open { info, changed, body: self.resuming(reply, whole) })
    }

    /// Opens a range of the object that was opened before.
    pub(crate) async fn range(&self, range: Range<u64>, pinned: Option<&ETag>) -> Result<ByteStream> {
        if range.is_empty() {
            return Ok(stream::empty().boxed());
        }
        let options = GetOptions { range: Some(range.clone()), if_match: pinned.cloned(), ..GetOptions::default() };
        let reply = self.rest(&options).await?;
        Ok(self.resuming(reply, range))
    }

    /// The first part of the object, and what is known of the whole.
    pub(crate) async fn first_part(&self, pinned: &ETag) -> Result<GetReply> {
        let options = GetOptions { part_number: Some(1), if_match: Some(pinned.clone()), ..GetOptions::default() };
        self.if_parts_are_told(self.get(&options)).await
    }

    /// How long a part of the object is, counted from 1, without reading it. `None`: nobody tells.
    pub(crate) async fn part_length(&self, number: u32, pinned: &ETag) -> Option<u64> {
        let head = insist(&self.retry, |_| self.bucket.head_part(&self.key, number));
        let part = self.if_parts_are_told(self.unless_stopped(head)).await.ok()?;
        part.etag.is_none_or(|etag| etag == *pinned).then_some(part.length)
    }

    /// A server that once took no notice of a part's number is not asked again.
    async fn if_parts_are_told<T>(&self, question: impl Future<Output = Result<T>>) -> Result<T> {
        if self.hides_parts.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Unsupported, "this store does not tell parts"));
        }
        let answer = question.await;
        if answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unsupported) {
            self.hides_parts.store(true, Ordering::Relaxed);
        }
        answer
    }

    /// The same source, for bytes that are read again: they are no progress.
    pub(crate) fn again(&self) -> Self {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Self { arrived: Arc::default(), ..self.clone() }
    }

    async fn get(&self, options: &GetOptions) -> Result<GetReply> {
        self.unless_stopped(insist(&self.retry, |_| self.bucket.get(&self.key, options))).await
    }

    /// More of the object that was opened before.
    async fn rest(&self, options: &GetOptions) -> Result<GetReply> {
        let reply = self.get(options).await;
        if reply.as_ref().is_err_and(|error| error.kind() == ErrorKind::PreconditionFailed) {
            self.changed.store(true, Ordering::Relaxed);
        }
        reply
    }

    /// Does `work` unless the copy must end first.
    pub(crate) async fn unless_stopped<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            result = work => result,
            () = self.stop.cancelled() => Err(cancelled()),
        }
    }

    /// The reply's bytes; where they break off, the rest is asked for again, pinned to the same version.
    pub(crate) fn resuming(&self, reply: GetReply, range: Range<u64>) -> ByteStream {
        let pinned = reply.info.etag.clone();
        let state = Resuming { source: self.clone(), body: reply.body, range, pinned, failures: Failures::default() };
        stream::unfold(Some(state), |state| async {
            let mut state = state?;
            match state.next().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(state))),
                Ok(None) => None,
                Err(error) => Some((Err(exhausted(error)), None)),
            }
        })
        .boxed()
    }
}

struct Resuming {
    source: Source,
    body: ByteStream,
    /// What is still to come.
    range: Range<u64>,
    pinned: Option<ETag>,
    /// Breaks since the last byte arrived.
    failures: Failures,
}

impl Resuming {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let next = tokio::select! {
                biased;
                next = self.body.next() => next,
                () = self.source.stop.cancelled() => return Err(cancelled()),
            };
            match next {
                Some(Ok(chunk)) => {
                    self.range.start += chunk.len() as u64;
                    let counters = [Some(&self.source.arrived), self.source.moved.as_ref()];
                    counters.into_iter().flatten().for_each(|counter| {
                        counter.fetch_add(chunk.len() as u64, Ordering::Relaxed);
                    });
                    self.failures = Failures::default();
                    return Ok(Some(chunk));
                }
                None if self.range.is_empty() => return Ok(None),
                None => {
                    let error = Error::truncated(self.range.end, self.range.start);
                    self.reopen(error.during("read", self.source.bucket.location(), Some(&self.source.key))).await?;
                }
                Some(Err(error)) => self.reopen(error).await?,
            }
        }
    }

    async fn reopen(&mut self, error: Error) -> Result<()> {
        self.failures.add();
        let Some(wait) = self.source.retry.wait(&self.failures, &error) else { return Err(error) };
        // Without an ETag the rest could be of another version: only the first byte may be asked for again.
        if self.pinned.is_none() && self.range.start > 0 {
            return Err(error);
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = self.source.stop.cancelled() => return Err(cancelled()),
        }
        let options =
            GetOptions { range: Some(self.range.clone()), if_match: self.pinned.clone(), ..GetOptions::default() };
        self.body = self.source.rest(&options).await?.body;
        Ok(())
    }
}

/// Repeats one request as often as it may be. An error that comes out was tried often enough: nobody further out must
/// start the whole object over for its sake.
pub(crate) async fn insist<T, F>(policy: &RetryOptions, operation: impl FnMut(u32) -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    transship_store::retry(policy, operation).await.map_err(exhausted)
}

/// An error that was already answered by trying again is no reason to try again.
pub(crate) fn exhausted(error: Error) -> Error {
    if error.class() == ErrorClass::Transient { error.with_class(ErrorClass::Permanent) } else { error }
}

/// The error of everything that ends because the run is being stopped.
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Timeout, "stopped").with_class(ErrorClass::Cancelled)
}
