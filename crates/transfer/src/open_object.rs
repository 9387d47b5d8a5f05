//! An object that has been opened, on its way to all who want it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, future::join_all, stream};
use tokio::sync::oneshot;
use transship_store::{Body, ByteStream, Error, ErrorKind, PutOptions, PutReply, Result, Tag};
use transship_types::{Digest, Strength};
use transship_verify::Hasher;

use crate::{
    CopyOptions, Done, Doubt,
    fanout::fan_out,
    follower::Follower,
    part_md5s::PartMd5s,
    parts::{Approved, Uploaded, Uploader, hash},
    pass::{Landed, Pass, Seen, spread},
    proof::{self, Sent},
    read::Source,
    unpack::gunzip,
    witness::{Reading, Witness, at_most},
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
                let reply = writer.destination.bucket.put(writer.key(), Body::chunks(chunks.clone()), &options).await?;
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
        let body = Body::stream(self.seen.info.size, stream);
        let _unfinished = writer.site.streaming(&*writer.destination.bucket, writer.key());
        let reply = writer.destination.bucket.put(writer.key(), body, &self.options(writer)).await?;
        let sent = match hashed {
            None => None,
            Some(sent) => Some(sent.await.map_err(|_| unread())?),
        };
        self.judge(writer, reply, sent, self.witness.read_again()).await
    }

    /// Parts that are hashed on the way; they become an object only once the source's own digest agrees.
    ///
    /// The parts go out side by side, but come in as one stream, in order: where the new object's ETag cannot be the
    /// source's, only the digest of the whole, computed over all bytes in their order, proves that they are those that
    /// the source holds. Ranges read side by side would have to be read once more for that.
    async fn in_parts(&self, at: usize, stream: ByteStream) -> Result<Done> {
        let writer = &self.pass.writers[at];
        let part_size = self.pass.part_for(writer, self.seen.info.size);
        let most = self.pass.options.largest_part();
        if part_size > most {
            let detail = format!("it takes parts of {part_size} bytes, and there is memory for parts of {most}");
            let location = writer.destination.bucket.location();
            return Err(Error::new(ErrorKind::InvalidRequest, detail).during("write", location, Some(writer.key())));
        }
        let md5s = PartMd5s::of_uploads(1);
        let mut uploader = self.uploader(writer, self.followers[at].clone(), md5s, part_size, part_size);
        uploader.options.metadata.extend(writer.note_of_source(&*self.source().bucket, &self.seen.info));
        let (stream, hashed) = self.checked(stream);
        let approved = async {
            let Reading { md5, doubt } = hashed.await.map_err(|_| unread())?;
            Ok(Approved { md5: Some(md5), doubt })
        };
        let uploaded = uploader.upload(stream, approved).await?;
        self.followers[at].unless_leaving(self.judge_upload(writer, uploaded)).await
    }

    /// One gunzip for all targets that want the content. What was packed is checked against the source's ETag, and
    /// gzip's own CRC and length, before anything becomes visible.
    async fn unpacked(&self, stream: ByteStream, targets: Vec<usize>, follower: Follower) -> Placements {
        let (stream, hashed) = self.checked(stream);
        let packed = hashed.map(|read| read.ok().map(|read| read.doubt)).shared();
        let followers: Vec<_> =
            targets.iter().map(|_| follower.follower().with_patience(self.pass.options.longest_lag)).collect();
        let (pump, streams) = fan_out(gunzip(stream), followers.clone());
        let md5s = PartMd5s::of_uploads(targets.len());
        let uploads = targets.iter().zip(followers).zip(streams).map(|((&at, follower), stream)| {
            let (writer, packed, md5s) = (&self.pass.writers[at], packed.clone(), md5s.clone());
            async move {
                let (first, largest) = (self.pass.part(), self.pass.options.largest_part());
                let uploader = self.uploader(writer, follower.clone(), md5s, first, largest);
                let (stream, md5) = if writer.tells_md5s() { (stream, None) } else { hashed_whole(stream) };
                let approved = async {
                    let doubt = packed.await.ok_or_else(unread)?;
                    Ok(Approved { md5: md5.map(|md5| md5.finish()), doubt })
                };
                let unpack = async {
                    let uploaded = uploader.upload(stream, approved).await?;
                    follower.unless_leaving(self.judge_upload(writer, uploaded)).await
                };
                let location = writer.destination.bucket.location();
                let done = unpack.await.map_err(|e| e.during("unpack to", location, Some(writer.key())));
                (at, writer.lands(Instant::now(), done))
            }
        });
        futures::join!(pump, join_all(uploads)).1
    }

    fn uploader(
        &self,
        writer: &Writer,
        follower: Follower,
        md5s: Arc<PartMd5s>,
        part_size: u64,
        largest_part: u64,
    ) -> Uploader {
        Uploader {
            writer: writer.clone(),
            options: self.options(writer),
            retry: self.pass.options.retry.clone(),
            budget: self.pass.budget.clone(),
            follower,
            md5s,
            part_size,
            largest_part,
        }
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

    async fn judge_upload(&self, writer: &Writer, uploaded: Uploaded) -> Result<Done> {
        let Uploaded { reply, bytes, sent, doubt, in_parts } = uploaded;
        let strength = match proof::destination_agrees(writer, &reply, &sent) {
            Some(strength) => strength,
            None => proof::reread(self.source(), writer, &reply, &sent).await?,
        };
        let verified = at_most(doubt, strength);
        let comparable = writer.destination.bucket.capabilities().etag_may_be_md5;
        let split = in_parts && comparable && !writer.target.unpack;
        Ok(Done::Copied { verified, bytes, etag: reply.etag, on_server: false, split, doubt })
    }

    /// The verdict on a multipart object that was written in the same parts, at this time.
    pub(crate) async fn relayed(&self, at: usize, reply: Result<PutReply>, ended: Instant) -> Landed {
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => return Landed { result: Err(error), at: ended },
        };
        let writer = &self.pass.writers[at];
        if let Some(done) = self.proven(writer, &reply, None) {
            return Landed { result: Ok(done), at: ended };
        }
        let judged = self.judge(writer, reply, None, self.witness.read_again());
        self.followers[at].unless_leaving(judged).await.into()
    }

    /// What the servers' words prove.
    fn proven(&self, writer: &Writer, reply: &PutReply, sent: Option<&Reading>) -> Option<Done> {
        if let Some(strength) = proof::servers_agree(self.witness.etag().as_ref(), writer, reply) {
            return Some(self.whole(strength, reply, None));
        }
        let sent = sent?;
        let strength = proof::destination_agrees(writer, reply, &self.sent(sent))?;
        Some(self.whole(at_most(sent.doubt, strength), reply, sent.doubt))
    }

    fn sent(&self, reading: &Reading) -> Sent {
        Sent::whole(reading.md5.clone(), self.seen.info.size)
    }

    fn whole(&self, verified: Strength, reply: &PutReply, doubt: Option<Doubt>) -> Done {
        let (bytes, etag) = (self.seen.info.size, reply.etag.clone());
        Done::Copied { verified, bytes, etag, on_server: false, split: false, doubt }
    }

    /// The strongest thing that can be said of a copy whose bytes were those of the source: by the servers' words, or
    /// by reading it again, against what was `sent` where it was hashed, or what `otherwise` finds.
    async fn judge(
        &self,
        writer: &Writer,
        reply: PutReply,
        sent: Option<Reading>,
        otherwise: impl Future<Output = Result<Reading>>,
    ) -> Result<Done> {
        if let Some(done) = self.proven(writer, &reply, sent.as_ref()) {
            return Ok(done);
        }
        let sent = match sent {
            Some(sent) => sent,
            None => otherwise.await?,
        };
        if let Some(done) = self.proven(writer, &reply, Some(&sent)) {
            return Ok(done);
        }
        let verified = proof::reread(self.source(), writer, &reply, &self.sent(&sent)).await?;
        Ok(self.whole(verified, &reply, sent.doubt))
    }
}

/// Hashes a stream as it passes.
fn hashed_whole(stream: ByteStream) -> (ByteStream, Option<Passing>) {
    let passing = Passing(Arc::new(Mutex::new(Hasher::md5())));
    let hasher = passing.0.clone();
    let update = move |chunk: &Bytes| hasher.lock().unwrap_or_else(PoisonError::into_inner).update(chunk);
    (stream.inspect_ok(update).boxed(), Some(passing))
}

/// The hasher of a stream that is still passing.
struct Passing(Arc<Mutex<Hasher>>);

impl Passing {
    /// The digest of what has passed.
    fn finish(self) -> Digest {
        let mut hasher = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *hasher, Hasher::md5()).finish()
    }
}

fn unread() -> Error {
    Error::new(ErrorKind::Truncated, "the source was not read to its end")
}
