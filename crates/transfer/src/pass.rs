//! One attempt: the source is read once, and every target that is left gets its bytes.

use bytes::Bytes;
use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, future::join_all};
use tokio::sync::oneshot;
use transship_store::{Body, ByteStream, Error, ErrorKind, ObjectInfo, PutOptions, Result, Tag, retry};
use transship_types::{Digest, ETag, Entry, Strength};
use transship_verify::ETagHasher;

use crate::{
    CopyOptions, Done,
    budget::Budget,
    fanout::{WINDOW_BYTES, fan_out},
    parts::{Uploader, working_set},
    proof,
    read::{Open, Source},
    relay::{self, Relay},
    unpack::gunzip,
    write::Writer,
};

/// What one attempt found and did.
pub(crate) struct Passed {
    /// The object as it was read; `None` where it could not be opened.
    pub(crate) seen: Option<Entry>,
    pub(crate) info: Option<ObjectInfo>,
    pub(crate) changed: bool,
    /// In the order of the writers.
    pub(crate) results: Vec<Result<Done>>,
}

pub(crate) struct Pass<'a> {
    pub(crate) source: &'a Source,
    pub(crate) listed: &'a Entry,
    /// Whether the listed size and ETag are to be held to.
    pub(crate) pinned: bool,
    pub(crate) writers: &'a [Writer],
    pub(crate) options: &'a CopyOptions,
    pub(crate) budget: &'a Budget,
}

impl Pass<'_> {
    pub(crate) async fn run(&self) -> Passed {
        match self.attempt().await {
            Ok(passed) => passed,
            Err(error) => {
                let results = spread(error, self.writers.len());
                Passed { seen: None, info: None, changed: false, results }
            }
        }
    }

    async fn attempt(&self) -> Result<Passed> {
        if let Some(passed) = self.relayed().await? {
            return Ok(passed);
        }
        let share = self.budget.take(self.need(self.listed.size)).await;
        let pin = self.listed.etag.as_ref().filter(|_| self.pinned);
        let Open { info, changed, body } = self.source.open(pin).await?;
        let missing = self.need(info.size).saturating_sub(self.need(self.listed.size));
        let (_shares, body) = match (missing, self.budget.try_take(missing)) {
            (0, _) => (vec![share], body),
            (_, Some(more)) => (vec![share, more], body),
            // It is larger than was listed, and memory is scarce: nobody waits for more while holding some.
            (_, None) => {
                drop((share, body));
                let share = self.budget.take(self.need(info.size)).await;
                (vec![share], self.source.range(0..info.size, info.etag.as_ref()).await?)
            }
        };
        let seen = self.seen(&info);
        let changed = changed || differs(self.listed, &seen);
        let tags = self.tags(&info).await?;
        let flight = Flight { pass: self, info: &info, seen: &seen, tags: &tags };
        let results = if self.fits_memory(info.size) { flight.small(body).await } else { flight.large(body).await };
        Ok(Passed { seen: Some(seen), info: Some(info), changed, results })
    }

    /// Bytes of memory that an object of this size needs to make progress.
    fn need(&self, size: u64) -> u64 {
        if self.fits_memory(size) {
            return size;
        }
        let each =
            |w: &Writer| if self.in_one_put(w, size) { WINDOW_BYTES } else { WINDOW_BYTES + working_set(self.part()) };
        self.writers.iter().map(each).sum()
    }

    fn part(&self) -> u64 {
        self.options.first_part()
    }

    /// Whether the object is read into memory as a whole, and written from there.
    fn fits_memory(&self, size: u64) -> bool {
        size <= self.part() && !self.writers.iter().any(|w| w.target.unpack)
    }

    fn in_one_put(&self, writer: &Writer, size: u64) -> bool {
        let can = writer.destination.bucket.capabilities();
        !writer.target.unpack && can.streams_bodies && size <= self.options.split_above.min(can.max_put)
    }

    fn seen(&self, info: &ObjectInfo) -> Entry {
        Entry {
            key: self.listed.key.clone(),
            size: info.size,
            last_modified: info.last_modified,
            etag: info.etag.clone(),
            storage_class: self.listed.storage_class.clone(),
        }
    }

    async fn tags(&self, info: &ObjectInfo) -> Result<Vec<Tag>> {
        let wanted = self.writers.iter().any(|w| w.destination.bucket.capabilities().tags);
        if info.tag_count == 0 || !wanted {
            return Ok(Vec::new());
        }
        retry(&self.source.retry, |_| self.source.bucket.tags(&self.source.key)).await
    }

    /// Large multipart objects whose part boundaries are known.
    async fn relayed(&self) -> Result<Option<Passed>> {
        let Some(etag) = self.listed.etag.as_ref().filter(|_| self.source.bucket.capabilities().etag_may_be_md5) else {
            return Ok(None);
        };
        let able = |w: &Writer| {
            let can = w.destination.bucket.capabilities();
            !w.target.unpack && can.streams_bodies && can.etag_may_be_md5
        };
        if self.listed.size <= self.part() || !self.writers.iter().all(able) {
            return Ok(None);
        }
        let Some(parts) = relay::boundaries(self.source, etag, self.listed.size).await? else { return Ok(None) };
        let limits = transship_store::MultipartLimits::S3;
        if !(limits.min_part..=limits.max_part).contains(&parts.part_size) {
            return Ok(None);
        }
        let _share = self.budget.take(Relay::working_set(self.writers.len())).await;
        self.source.reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let tags = self.tags(&parts.info).await?;
        let options = Relay::options(self.listed, &parts.info, &tags, self.writers);
        let (source, writers, patience) = (self.source, self.writers, self.options.longest_lag);
        let relay = Relay { source, parts: &parts, writers, options, budget: self.budget, patience };
        let replies = relay.run().await;
        let flight = Flight { pass: self, info: &parts.info, seen: self.listed, tags: &tags };
        let judged = replies.into_iter().zip(writers).map(|(reply, writer)| flight.judge(writer, reply, None));
        let results = join_all(judged).await;
        Ok(Some(Passed { seen: Some(self.listed.clone()), info: Some(parts.info), changed: false, results }))
    }
}

/// Outcomes, each with the index of its writer.
type Placements = Vec<(usize, Result<Done>)>;

/// An object that has been opened.
struct Flight<'a> {
    pass: &'a Pass<'a>,
    info: &'a ObjectInfo,
    seen: &'a Entry,
    tags: &'a [Tag],
}

impl Flight<'_> {
    fn options(&self, writer: &Writer) -> PutOptions {
        writer.options(self.seen, self.info, self.tags)
    }

    fn source(&self) -> &Source {
        self.pass.source
    }

    /// Whether the source's ETag is the MD5 of the whole, so that a destination's can be held against it.
    fn source_md5(&self) -> Option<ETag> {
        proof::source_etag(&*self.source().bucket, self.info).filter(|e| e.md5().is_some())
    }

    /// Read into memory, then written everywhere at once.
    async fn small(&self, body: ByteStream) -> Vec<Result<Done>> {
        let chunks: Vec<Bytes> = match body.try_collect().await {
            Ok(chunks) => chunks,
            Err(error) => return spread(error, self.pass.writers.len()),
        };
        let provable = |w: &Writer| self.source_md5().is_some() && w.destination.bucket.capabilities().etag_may_be_md5;
        let md5 = if self.pass.writers.iter().all(provable) {
            None
        } else {
            match self.hash(&chunks).await {
                Ok(md5) => Some(md5),
                Err(error) => return spread(error, self.pass.writers.len()),
            }
        };
        let (chunks, md5) = (&chunks, md5.as_ref());
        join_all(self.pass.writers.iter().map(|writer| async move {
            let options = PutOptions { digest: md5.cloned(), ..self.options(writer) };
            let bucket = &writer.destination.bucket;
            let reply = bucket.put(writer.key(), Body::chunks(chunks.clone()), &options).await;
            self.judge(writer, reply, md5).await
        }))
        .await
    }

    async fn hash(&self, chunks: &[Bytes]) -> Result<Digest> {
        let mut hasher = self.hasher();
        chunks.iter().for_each(|c| hasher.update(c));
        proof::source_agrees(self.source(), self.info, hasher).await
    }

    fn hasher(&self) -> ETagHasher {
        ETagHasher::new(proof::source_etag(&*self.source().bucket, self.info).as_ref(), self.info.size)
    }

    /// Streams through: one read, a bounded window for each consumer.
    async fn large(&self, body: ByteStream) -> Vec<Result<Done>> {
        let writers = self.pass.writers;
        let packed: Vec<usize> = (0..writers.len()).filter(|at| writers[*at].target.unpack).collect();
        let plain: Vec<usize> = (0..writers.len()).filter(|at| !writers[*at].target.unpack).collect();
        let readers = plain.len() + usize::from(!packed.is_empty());
        let (pump, mut streams) = fan_out(body, readers, self.pass.options.longest_lag);
        let mut work: Vec<BoxFuture<'_, Placements>> = Vec::new();
        if !packed.is_empty()
            && let Some(stream) = streams.pop()
        {
            work.push(self.unpacked(stream, packed).boxed());
        }
        for (at, stream) in plain.into_iter().zip(streams) {
            let one_put = self.pass.in_one_put(&writers[at], self.info.size);
            work.push(
                async move {
                    let done = if one_put { self.one_put(at, stream).await } else { self.in_parts(at, stream).await };
                    vec![(at, done)]
                }
                .boxed(),
            );
        }
        let mut results: Vec<_> = futures::join!(pump, join_all(work)).1.into_iter().flatten().collect();
        results.sort_by_key(|(at, _)| *at);
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// A single request whose body streams. It is hashed only where the servers cannot prove the copy.
    async fn one_put(&self, at: usize, stream: ByteStream) -> Result<Done> {
        let writer = &self.pass.writers[at];
        let provable = self.source_md5().is_some() && writer.destination.bucket.capabilities().etag_may_be_md5;
        let (stream, hashed) = if provable {
            (stream, None)
        } else {
            let (stream, hashed) = self.hashing(stream);
            (stream, Some(hashed))
        };
        let body = Body::stream(self.info.size, stream);
        let reply = writer.destination.bucket.put(writer.key(), body, &self.options(writer)).await?;
        let md5 = match hashed {
            None => None,
            Some(hasher) => Some(self.approved(hasher).await?),
        };
        self.judge(writer, Ok(reply), md5.as_ref()).await
    }

    /// Parts that are hashed on the way; they become an object only once the source's own digest agrees.
    async fn in_parts(&self, at: usize, stream: ByteStream) -> Result<Done> {
        let writer = &self.pass.writers[at];
        let (stream, hashed) = self.hashing(stream);
        let approve = async { self.approved(hashed).await.map(drop) };
        let uploaded = self.uploader(writer).upload(stream, approve).await?;
        self.judge_upload(writer, uploaded).await
    }

    /// One gunzip for all targets that want the content. What was packed is checked against the source's ETag, and
    /// gzip's own CRC and length, before anything becomes visible.
    async fn unpacked(&self, stream: ByteStream, targets: Vec<usize>) -> Placements {
        let (stream, hashed) = self.hashing(stream);
        let (pump, streams) = fan_out(gunzip(stream), targets.len(), self.pass.options.longest_lag);
        let approved =
            async { self.approved(hashed).await.map(drop).map_err(|e| (e.kind(), e.class(), e.to_string())) }.shared();
        let uploads = targets.iter().zip(streams).map(|(&at, stream)| {
            let writer = &self.pass.writers[at];
            let approve =
                approved.clone().map(|a| a.map_err(|(kind, class, words)| Error::new(kind, words).with_class(class)));
            async move {
                let done = match self.uploader(writer).upload(stream, approve).await {
                    Ok(uploaded) => self.judge_upload(writer, uploaded).await,
                    Err(error) => {
                        Err(error.during("unpack to", writer.destination.bucket.location(), Some(writer.key())))
                    }
                };
                (at, done)
            }
        });
        futures::join!(pump, join_all(uploads)).1
    }

    fn uploader(&self, writer: &Writer) -> Uploader {
        let options = self.pass.options;
        Uploader {
            bucket: writer.destination.bucket.clone(),
            key: writer.key().clone(),
            options: self.options(writer),
            retry: options.retry.clone(),
            budget: self.pass.budget.clone(),
            part_size: self.pass.part(),
            largest_part: options.largest_part(),
        }
    }

    /// Hashes a stream as it passes; the hasher comes out with the last byte. Whoever sends a body of known length
    /// never asks for what comes after it, so the end of the stream is no sign to wait for.
    fn hashing(&self, stream: ByteStream) -> (ByteStream, oneshot::Receiver<ETagHasher>) {
        let (sender, receiver) = oneshot::channel();
        let mut hashing = Some((self.hasher(), sender));
        let mut left = self.info.size;
        let hashed = stream.map(move |chunk| {
            if let (Ok(bytes), Some((hasher, _))) = (&chunk, &mut hashing) {
                hasher.update(bytes);
                left = left.saturating_sub(bytes.len() as u64);
            }
            if left == 0
                && let Some((hasher, sender)) = hashing.take()
            {
                let _ = sender.send(hasher);
            }
            chunk
        });
        (hashed.boxed(), receiver)
    }

    async fn approved(&self, hasher: oneshot::Receiver<ETagHasher>) -> Result<Digest> {
        let hasher =
            hasher.await.map_err(|_| Error::new(ErrorKind::Truncated, "the source was not read to its end"))?;
        proof::source_agrees(self.source(), self.info, hasher).await
    }

    async fn judge_upload(&self, writer: &Writer, uploaded: crate::parts::Uploaded) -> Result<Done> {
        let etag = uploaded.reply.etag.clone();
        let in_parts = uploaded.expected.is_some() && etag == uploaded.expected && !uploaded.reply.opaque_etag;
        let verified = if in_parts {
            Strength::MultipartEtag
        } else if let Some(strength) = proof::destination_agrees(writer, &uploaded.reply, &uploaded.md5) {
            strength
        } else {
            proof::reread(self.source(), writer, &uploaded.reply, &uploaded.md5).await?
        };
        Ok(Done::Copied { verified, bytes: uploaded.bytes, etag, on_server: false })
    }

    /// The strongest thing that can be said of a copy whose bytes were those of the source.
    async fn judge(
        &self,
        writer: &Writer,
        reply: Result<transship_store::PutReply>,
        md5: Option<&Digest>,
    ) -> Result<Done> {
        let reply = reply?;
        let agreed = proof::servers_agree(self.source(), self.info, writer, &reply)
            .or_else(|| proof::destination_agrees(writer, &reply, md5?));
        let verified = match (agreed, md5) {
            (Some(strength), _) => strength,
            (None, Some(md5)) => proof::reread(self.source(), writer, &reply, md5).await?,
            (None, None) => {
                let md5 = proof::digest_of_source(self.source(), self.info).await?;
                proof::reread(self.source(), writer, &reply, &md5).await?
            }
        };
        Ok(Done::Copied { verified, bytes: self.info.size, etag: reply.etag, on_server: false })
    }
}

fn differs(listed: &Entry, seen: &Entry) -> bool {
    let etags = listed.etag.as_ref().zip(seen.etag.as_ref());
    listed.size != seen.size || etags.is_some_and(|(a, b)| a != b)
}

/// One error for several: errors are not clonable, so the others get its words and class.
fn spread<T>(error: Error, count: usize) -> Vec<Result<T>> {
    let (kind, class, words) = (error.kind(), error.class(), error.to_string());
    let mut results: Vec<Result<T>> = vec![Err(error)];
    results.extend((1..count).map(|_| Err(Error::new(kind, words.clone()).with_class(class))));
    results.truncate(count);
    results
}
