//! A stream of bytes as one upload: in one request where it is short, in parts side by side where it is not.

use std::sync::Arc;

use bytes::Bytes;
use futures::{TryStreamExt, stream::FuturesUnordered};
use transship_store::{
    Body, Bucket, ByteStream, Error, ErrorKind, ObjectInfo, Part, PutOptions, PutReply, Result, RetryOptions, Upload,
    retry,
};
use transship_types::{Digest, ETag, Key};
use transship_verify::{Hasher, PartDigests};

use crate::budget::{Budget, Share};

/// Parts of one object under way at once, at most.
const PARTS_AT_ONCE: usize = 8;

/// Parts of one size after which the next ones are twice as large: with 10,000 parts, objects of unknown length may
/// grow to terabytes while the first parts stay small.
const PARTS_OF_A_SIZE: usize = 1000;

/// How to upload.
#[derive(Clone, Debug)]
pub(crate) struct Uploader {
    pub(crate) bucket: Arc<dyn Bucket>,
    pub(crate) key: Key,
    pub(crate) options: PutOptions,
    pub(crate) retry: RetryOptions,
    pub(crate) budget: Budget,
    /// Bytes of the first part.
    pub(crate) part_size: u64,
    /// Bytes of the largest part.
    pub(crate) largest_part: u64,
}

/// What came of an upload.
pub(crate) struct Uploaded {
    pub(crate) reply: PutReply,
    pub(crate) bytes: u64,
    /// MD5 of everything that was sent.
    pub(crate) md5: Digest,
    /// The `md5-N` ETag that the object must have, where it was written in parts and they were hashed.
    pub(crate) expected: Option<ETag>,
}

/// What an uploader holds at the least: the part that is filled and the one that is under way.
pub(crate) fn working_set(part_size: u64) -> u64 {
    2 * part_size
}

/// The memory that a part occupies.
enum Room {
    /// One half of the working set, which the caller holds.
    WorkingSet,
    /// Taken besides, because it was free.
    #[allow(dead_code)] // held, not read: it is given back when dropped
    Extra(Share),
}

struct Chunks {
    chunks: Vec<Bytes>,
    bytes: u64,
}

impl Uploader {
    /// Uploads everything, then asks `approve` - which sees the end of the bytes - before the object becomes visible.
    /// The caller holds [`working_set`] of the budget. Nothing is left behind after an error.
    pub(crate) async fn upload<A>(&self, stream: ByteStream, approve: A) -> Result<Uploaded>
    where
        A: Future<Output = Result<()>>,
    {
        let mut filler = Filler::new(stream);
        let first = filler.fill(self.part_size).await?;
        if first.bytes < self.part_size {
            approve.await?;
            return self.put(first, filler.whole.finish()).await;
        }
        let upload = retry(&self.retry, |_| self.bucket.create_upload(&self.key, &self.options)).await?;
        let run = async {
            let (parts, digests, bytes) = self.parts(&upload, first, &mut filler).await?;
            approve.await?;
            let expected = (!digests.is_empty()).then(|| PartDigests::combine(&digests));
            let reply = self.complete(&upload, &parts, expected.as_ref()).await?;
            Ok((reply, bytes, expected))
        };
        match run.await {
            Ok((reply, bytes, expected)) => Ok(Uploaded { reply, bytes, md5: filler.whole.finish(), expected }),
            Err(error) => {
                abort(&*self.bucket, &self.retry, &upload).await;
                Err(error)
            }
        }
    }

    async fn put(&self, content: Chunks, md5: Digest) -> Result<Uploaded> {
        let options = PutOptions { digest: Some(md5.clone()), ..self.options.clone() };
        let put = |_| self.bucket.put(&self.key, Body::chunks(content.chunks.clone()), &options);
        let reply = retry(&self.retry, put).await?;
        Ok(Uploaded { reply, bytes: content.bytes, md5, expected: None })
    }

    /// Fills and uploads part after part; at most [`PARTS_AT_ONCE`], and only while the budget has room.
    async fn parts(
        &self,
        upload: &Upload,
        first: Chunks,
        filler: &mut Filler,
    ) -> Result<(Vec<Part>, Vec<[u8; 16]>, u64)> {
        let (mut done, mut under_way) = (Vec::new(), FuturesUnordered::new());
        let (mut content, mut room, mut number, mut bytes) = (first, Room::WorkingSet, 0, 0);
        let mut second = Some(Room::WorkingSet);
        while content.bytes > 0 {
            number += 1;
            bytes += content.bytes;
            self.check_number(number, bytes)?;
            let size = self.size_of(number + 1);
            let last = content.bytes < self.size_of(number);
            under_way.push(self.part(upload, number, content, room));
            if last {
                break;
            }
            room = loop {
                let extra = if under_way.len() < PARTS_AT_ONCE { self.budget.try_take(size) } else { None };
                if let Some(free) = second.take().or(extra.map(Room::Extra)) {
                    break free;
                }
                if let Some((part, digest, free)) = under_way.try_next().await? {
                    done.push((part, digest));
                    break free;
                }
            };
            content = filler.fill(size).await?;
        }
        while let Some((part, digest, _)) = under_way.try_next().await? {
            done.push((part, digest));
        }
        done.sort_by_key(|(part, _)| part.number);
        let (parts, digests): (Vec<_>, Vec<_>) = done.into_iter().unzip();
        Ok((parts, digests.into_iter().collect::<Option<_>>().unwrap_or_default(), bytes))
    }

    fn check_number(&self, number: u32, bytes: u64) -> Result<()> {
        let most = self.bucket.capabilities().multipart.max_parts;
        if number <= most {
            return Ok(());
        }
        let detail = format!("the object is larger than {most} parts can hold: more than {bytes} bytes");
        Err(Error::new(ErrorKind::InvalidRequest, detail).during("write", self.bucket.location(), Some(&self.key)))
    }

    /// The size of part `number` (from 1).
    fn size_of(&self, number: u32) -> u64 {
        let doublings = ((number as usize - 1) / PARTS_OF_A_SIZE).min(32);
        (self.part_size << doublings).min(self.largest_part).max(self.part_size)
    }

    async fn part(
        &self,
        upload: &Upload,
        number: u32,
        content: Chunks,
        room: Room,
    ) -> Result<(Part, Option<[u8; 16]>, Room)> {
        let comparable = self.bucket.capabilities().etag_may_be_md5;
        let md5 = if comparable { Some(hash(content.chunks.clone()).await?) } else { None };
        let options = PutOptions { digest: md5.clone(), ..PutOptions::default() };
        let send = |_| self.bucket.put_part(upload, number, Body::chunks(content.chunks.clone()), &options);
        let part = retry(&self.retry, send).await?;
        Ok((part, md5.and_then(|d| d.bytes.try_into().ok()), room))
    }

    async fn complete(&self, upload: &Upload, parts: &[Part], expected: Option<&ETag>) -> Result<PutReply> {
        complete(&*self.bucket, &self.retry, upload, parts, &self.options, expected).await
    }
}

/// Completes an upload. When the reply was lost, a later attempt finds no upload any more: then the object itself
/// tells whether it is the expected one. Some servers (Ceph 16) do not tell the new ETag: then the object does.
pub(crate) async fn complete(
    bucket: &dyn Bucket,
    policy: &RetryOptions,
    upload: &Upload,
    parts: &[Part],
    options: &PutOptions,
    expected: Option<&ETag>,
) -> Result<PutReply> {
    let attempt = |n: u32| async move {
        match bucket.complete_upload(upload, parts, options).await {
            Err(error) if n > 1 => match bucket.head(&upload.key).await {
                Ok(info) if info.etag.is_some() && info.etag.as_ref() == expected => Ok(there(info)),
                _ => Err(error),
            },
            other => other,
        }
    };
    let reply = retry(policy, attempt).await?;
    if reply.etag.is_some() || !bucket.capabilities().etag_may_be_md5 {
        return Ok(reply);
    }
    Ok(there(retry(policy, |_| bucket.head(&upload.key)).await?))
}

fn there(info: ObjectInfo) -> PutReply {
    PutReply { etag: info.etag, digests: info.digests, opaque_etag: info.opaque_etag }
}

/// Drops an upload's parts; what cannot be dropped is said, not fatal.
pub(crate) async fn abort(bucket: &dyn Bucket, policy: &RetryOptions, upload: &Upload) {
    if let Err(error) = retry(policy, |_| bucket.abort_upload(upload)).await {
        tracing::warn!(%error, upload = upload.id, "an unfinished upload was left behind");
    }
}

/// Hashing a part takes a core for some milliseconds: not one of those that serve connections.
async fn hash(chunks: Vec<Bytes>) -> Result<Digest> {
    let hashing = tokio::task::spawn_blocking(move || {
        let mut hasher = Hasher::md5();
        chunks.iter().for_each(|c| hasher.update(c));
        hasher.finish()
    });
    hashing.await.map_err(|e| Error::new(ErrorKind::Io, format!("hashing was interrupted: {e}")))
}

/// Cuts a stream into parts, and hashes it on the way.
struct Filler {
    stream: ByteStream,
    /// What was left of a chunk that crossed a border.
    rest: Bytes,
    whole: Hasher,
}

impl Filler {
    fn new(stream: ByteStream) -> Self {
        Self { stream, rest: Bytes::new(), whole: Hasher::md5() }
    }

    /// The next `size` bytes, or what there is.
    async fn fill(&mut self, size: u64) -> Result<Chunks> {
        let mut content = Chunks { chunks: Vec::new(), bytes: 0 };
        while content.bytes < size {
            if self.rest.is_empty() {
                let Some(chunk) = self.stream.try_next().await? else { break };
                self.rest = chunk;
            }
            let room = usize::try_from(size - content.bytes).unwrap_or(usize::MAX);
            let chunk = self.rest.split_to(room.min(self.rest.len()));
            self.whole.update(&chunk);
            content.bytes += chunk.len() as u64;
            content.chunks.push(chunk);
        }
        Ok(content)
    }
}
