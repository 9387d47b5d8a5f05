//! An object that has been opened, on its way to all who want it.

mod judging;
mod uploads;

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, future::join_all, stream};
use tokio::sync::oneshot;
use transship_store::{Body, ByteStream, Error, ErrorKind, PutOptions, Result, Tag};

use crate::{
    CopyOptions, Done,
    fanout::fan_out,
    follower::Follower,
    parts::hash,
    pass::{Landed, Pass, Seen, spread},
    read::Source,
    witness::{Reading, Witness},
    write::Writer,
};

pub(crate) struct OpenObject<'a> {
    pub(crate) pass: &'a Pass<'a>,
    /// One for each writer.
    pub(crate) followers: &'a [Follower],
    pub(crate) seen: &'a Seen,
    pub(crate) tags: &'a [Tag],
    pub(crate) witness: Arc<Witness>,
}

/// Outcomes, each with the index of its writer.
type Placements = Vec<(usize, Landed)>;

impl OpenObject<'_> {
    fn options(&self, writer: &Writer) -> PutOptions {
        writer.options(&self.seen.entry, &self.seen.info, self.tags)
    }

    fn source(&self) -> &Source {
        self.pass.source
    }

    /// Whether the two servers' ETags will prove the copy, as far as can be known beforehand.
    fn is_provable(&self, writer: &Writer) -> bool {
        self.witness.etag().is_some_and(|etag| etag.md5().is_some()) && writer.tells_md5s()
    }

    /// Read into memory, then written everywhere at once.
    pub(crate) async fn small(&self, body: ByteStream) -> Vec<Landed> {
        let writers = self.pass.writers;
        let read = async {
            let chunks: Vec<Bytes> = body.try_collect().await?;
            let provable = writers.iter().all(|w| self.is_provable(w));
            let sent = if provable { None } else { Some(self.hash(&chunks).await?) };
            Ok((chunks, sent))
        };
        let (chunks, sent) = match read.await {
            Ok(read) => read,
            Err(error) => return spread(error, writers.len()),
        };
        let (chunks, sent, bandwidth) = (&chunks, &sent, &self.pass.options.bandwidth);
        join_all(writers.iter().zip(self.followers).map(|(writer, follower)| async move {
            let options = PutOptions { digest: sent.as_ref().map(|s| s.md5.clone()), ..self.options(writer) };
            let (begun, waited) = (writer.begins(), bandwidth.waited());
            let write = async {
                let body = self.pass.budget.watched(Body::chunks(chunks.clone()));
                let reply = writer.destination.bucket.put(writer.key(), body, &options).await?;
                self.judge(writer, reply, sent.clone(), self.hash(chunks)).await
            };
            let written = follower.unless_leaving(write).await;
            // What the limit on bandwidth held back is no silence.
            writer.lands(begun + bandwidth.waited().saturating_sub(waited), written)
        }))
        .await
    }

    async fn hash(&self, chunks: &[Bytes]) -> Result<Reading> {
        let (mut hasher, chunks) = (self.witness.hasher(), chunks.to_vec());
        let hashed = hash(move || {
            chunks.iter().for_each(|c| hasher.update(c));
            hasher
        });
        self.witness.confirm(hashed.await?).await
    }

    /// Streams through: one read, a bounded window for each consumer.
    pub(crate) async fn large(&self, body: ByteStream) -> Vec<Landed> {
        let writers = self.pass.writers;
        let (packed, plain): (Vec<usize>, Vec<usize>) = (0..writers.len()).partition(|at| writers[*at].target.unpack);
        let mut followers: Vec<_> = plain.iter().map(|at| self.followers[*at].clone()).collect();
        let unpacking = self.unpacking(&packed);
        followers.extend(unpacking.clone());
        let (pump, mut streams) = fan_out(body, followers);
        let mut work: Vec<BoxFuture<'_, Placements>> = Vec::new();
        if let Some(follower) = unpacking
            && let Some(stream) = streams.pop()
        {
            work.push(self.unpacked(stream, packed, follower).boxed());
        }
        for (at, stream) in plain.into_iter().zip(streams) {
            let write = async move {
                let done = self.plain(at, stream).await;
                vec![(at, writers[at].lands(Instant::now(), done))]
            };
            work.push(write.boxed());
        }
        let mut landed: Vec<_> = futures::join!(pump, join_all(work)).1.into_iter().flatten().collect();
        landed.sort_by_key(|(at, _)| *at);
        landed.into_iter().map(|(_, landed)| landed).collect()
    }

    /// All targets that unpack follow the reading as one. They find out among themselves first who holds them up.
    fn unpacking(&self, packed: &[usize]) -> Option<Follower> {
        let CopyOptions { longest_lag, bandwidth, .. } = self.pass.options;
        let patience = longest_lag.saturating_mul(1 + u32::from(packed.len() > 1));
        (!packed.is_empty()).then(|| Follower::new(&self.source().stop, patience, bandwidth))
    }

    async fn plain(&self, at: usize, stream: ByteStream) -> Result<Done> {
        let writer = &self.pass.writers[at];
        if self.pass.in_one_put(writer, self.seen.info.size) {
            self.followers[at].unless_leaving(self.one_put(writer, stream)).await
        } else {
            self.in_parts(at, stream).await
        }
    }

    /// A single request whose body streams. It is hashed only where the servers cannot prove the copy.
    async fn one_put(&self, writer: &Writer, stream: ByteStream) -> Result<Done> {
        let (stream, hashed) = if self.is_provable(writer) {
            (stream, None)
        } else {
            let (stream, hashed) = self.checked(stream);
            (stream, Some(hashed))
        };
        let body = self.pass.budget.watched(Body::stream(self.seen.info.size, stream));
        let _unfinished = writer.site.streaming(&*writer.destination.bucket, writer.key());
        let reply = writer.destination.bucket.put(writer.key(), body, &self.options(writer)).await?;
        let sent = match hashed {
            None => None,
            Some(sent) => Some(sent.await.map_err(|_| unread())?),
        };
        self.judge(writer, reply, sent, self.witness.read_again()).await
    }

    /// Hashes a stream as it passes, and holds back its last bytes until the source's own digest agrees: without them
    /// nobody can make an object of the rest. The digest comes out then.
    fn checked(&self, stream: ByteStream) -> (ByteStream, oneshot::Receiver<Reading>) {
        let (sender, receiver) = oneshot::channel();
        let witness = self.witness.clone();
        let start = (stream, self.seen.info.size, Some((witness.hasher(), sender)));
        let checked = stream::try_unfold(start, move |(mut stream, left, mut hashing)| {
            let witness = witness.clone();
            async move {
                let Some(chunk) = stream.try_next().await? else { return Ok(None) };
                let left = left.saturating_sub(chunk.len() as u64);
                if let Some((hasher, _)) = &mut hashing {
                    hasher.update(&chunk);
                }
                if left == 0
                    && let Some((hasher, sender)) = hashing.take()
                {
                    let _ = sender.send(witness.confirm(hasher).await?);
                }
                Ok(Some((chunk, (stream, left, hashing))))
            }
        });
        (checked.boxed(), receiver)
    }
}

fn unread() -> Error {
    Error::new(ErrorKind::Truncated, "the source was not read to its end")
}
