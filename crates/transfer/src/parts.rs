//! A stream of bytes as one upload: in one request where it is short, in parts side by side where it is not.

use std::{fmt, pin::pin, sync::Arc};

use futures::{StreamExt, TryStreamExt, stream::FuturesUnordered};
use transship_store::{
    Body, Bucket, ByteStream, Error, ErrorKind, Failures, Part, PutOptions, PutReply, Result, RetryOptions, Upload,
};
use transship_types::{Digest, ErrorClass};

use crate::{
    Doubt,
    budget::{Budget, Share},
    filler::{Chunks, Filler},
    follower::Follower,
    part_md5s::PartMd5s,
    proof::Sent,
    read::{exhausted, insist},
    upload::{OpenUpload, PARTS_AT_ONCE},
    write::Writer,
};

/// Parts of one size after which the next ones are twice as large: with 10,000 parts, objects of unknown length may
/// grow to terabytes while the first parts stay small.
const PARTS_OF_A_SIZE: u32 = 1000;

/// How to upload.
#[derive(Clone, Debug)]
pub(crate) struct Uploader {
    pub(crate) writer: Writer,
    pub(crate) options: PutOptions,
    pub(crate) retry: RetryOptions,
    pub(crate) budget: Budget,
    pub(crate) follower: Follower,
    /// Shared with the other uploads of the same bytes.
    pub(crate) md5s: Arc<PartMd5s>,
    /// Bytes of the first part.
    pub(crate) part_size: u64,
    /// Bytes of the largest part, where the length is unknown and there is room for it.
    pub(crate) largest_part: u64,
}

/// What came of an upload.
pub(crate) struct Uploaded {
    pub(crate) reply: PutReply,
    pub(crate) bytes: u64,
    pub(crate) sent: Sent,
    pub(crate) doubt: Option<Doubt>,
    pub(crate) in_parts: bool,
}

/// What is known of all bytes when the last one has gone out.
pub(crate) struct Approved {
    /// Their MD5, where it was computed.
    pub(crate) md5: Option<Digest>,
    pub(crate) doubt: Option<Doubt>,
}

/// The memory that a part occupies until it has arrived.
struct Room {
    /// It is the one that the caller holds, in which every upload comes to its end.
    is_own: bool,
    /// What goes beyond, so that parts go side by side or are larger. It is given back after each part: others may be
    /// waiting by then.
    _extra: Option<Share>,
}

/// Parts that have arrived.
#[derive(Default)]
struct Arrived {
    parts: Vec<Part>,
    /// One for each part, where they were hashed.
    md5s: Vec<[u8; 16]>,
    lengths: Vec<u64>,
    /// Whether the caller's own room is free.
    own_is_free: bool,
}

/// A part that the server has.
struct SentPart {
    part: Part,
    md5: Option<[u8; 16]>,
    length: u64,
    room: Room,
}

impl Arrived {
    fn add(&mut self, SentPart { part, md5, length, room }: SentPart) {
        let at = self.parts.partition_point(|before| before.number < part.number);
        self.parts.insert(at, part);
        self.lengths.insert(at, length);
        if let Some(md5) = md5 {
            self.md5s.insert(at, md5);
        }
        self.own_is_free |= room.is_own;
    }
}

impl Uploader {
    /// Uploads everything, then waits until it is `approved`, before the object becomes visible. The caller holds
    /// `part_size` of the budget. Nothing is left behind after an error.
    pub(crate) async fn upload(
        &self,
        stream: ByteStream,
        approved: impl Future<Output = Result<Approved>>,
    ) -> Result<Uploaded> {
        let mut filler = Filler::of(stream);
        let first = self.follower.unless_leaving(filler.fill(self.part_size)).await?;
        if first.bytes < self.part_size {
            let put = async { self.put(first, approved.await?).await };
            return self.follower.unless_leaving(put).await;
        }
        let upload = OpenUpload::start(&self.writer, &self.retry, &self.options).await?;
        let run = async {
            let Arrived { parts, md5s, lengths, .. } = self.parts(&upload.upload, first, &mut filler).await?;
            let Approved { md5, doubt } = approved.await?;
            let sent = Sent::in_parts(md5, &md5s, lengths);
            let reply = upload.complete(&parts, &self.options.condition, sent.etag()).await?;
            Ok(Uploaded { reply, bytes: sent.bytes(), sent, doubt, in_parts: true })
        };
        let uploaded = self.follower.unless_leaving(run).await;
        if uploaded.is_err() {
            upload.abort().await;
        }
        uploaded
    }

    fn bucket(&self) -> &dyn Bucket {
        &*self.writer.destination.bucket
    }

    async fn put(&self, content: Chunks, approved: Approved) -> Result<Uploaded> {
        let md5 = match approved.md5 {
            Some(md5) => md5,
            None => self.md5s.of(0, &content.chunks).await?,
        };
        let options = PutOptions { digest: Some(md5.clone()), ..self.options.clone() };
        let body = || self.budget.watched(Body::chunks(content.chunks.clone()));
        let put = |_| self.bucket().put(self.writer.key(), body(), &options);
        let (reply, sent) = (insist(&self.retry, put).await?, Sent::whole(md5, content.bytes));
        Ok(Uploaded { reply, bytes: content.bytes, sent, doubt: approved.doubt, in_parts: false })
    }

    /// Fills and uploads part after part, side by side; at most [`PARTS_AT_ONCE`], and only while the budget has room.
    async fn parts(&self, upload: &Upload, first: Chunks, filler: &mut Filler) -> Result<Arrived> {
        let (mut arrived, mut under_way) = (Arrived::default(), FuturesUnordered::new());
        let (mut content, mut room, mut size) = (first, Room { is_own: true, _extra: None }, self.part_size);
        let (mut number, mut bytes) = (0, 0);
        while content.bytes > 0 {
            number += 1;
            bytes += content.bytes;
            self.check_number(number, bytes)?;
            let last = content.bytes < size;
            under_way.push(self.part(upload, number, bytes - content.bytes, content, room));
            if last {
                break;
            }
            (room, size) = loop {
                if let Some(room) = self.room(self.size_of(number + 1), &mut arrived, under_way.len()) {
                    break room;
                }
                if let Some(part) = under_way.try_next().await? {
                    arrived.add(part);
                }
            };
            let mut filling = pin!(filler.fill(size));
            content = loop {
                tokio::select! {
                    biased;
                    Some(part) = under_way.next() => arrived.add(part?),
                    filled = &mut filling => break filled?,
                }
            };
        }
        while let Some(part) = under_way.try_next().await? {
            arrived.add(part);
        }
        Ok(arrived)
    }

    /// Room for a part of so many bytes, and how many it has: as the budget allows.
    fn room(&self, wanted: u64, arrived: &mut Arrived, under_way: usize) -> Option<(Room, u64)> {
        if std::mem::take(&mut arrived.own_is_free) {
            let more = wanted.checked_sub(self.part_size).filter(|more| *more > 0);
            let share = more.and_then(|more| self.budget.try_extra(more));
            let size = if share.is_some() { wanted } else { self.part_size };
            return Some((Room { is_own: true, _extra: share }, size));
        }
        let share = (under_way < PARTS_AT_ONCE).then(|| self.budget.try_stream(wanted)).flatten()?;
        Some((Room { is_own: false, _extra: Some(share) }, wanted))
    }

    fn check_number(&self, number: u32, bytes: u64) -> Result<()> {
        let most = self.bucket().capabilities().multipart.max_parts;
        if number <= most {
            return Ok(());
        }
        let detail = format!("the object is larger than {most} parts can hold: more than {bytes} bytes");
        Err(Error::new(ErrorKind::InvalidRequest, detail).during(
            "write",
            self.bucket().location(),
            Some(self.writer.key()),
        ))
    }

    /// The size that part `number` (from 1) should have, if there is memory for it.
    fn size_of(&self, number: u32) -> u64 {
        let doublings = ((number - 1) / PARTS_OF_A_SIZE).min(32);
        (self.part_size << doublings).min(self.largest_part).max(self.part_size)
    }

    async fn part(&self, upload: &Upload, number: u32, start: u64, content: Chunks, room: Room) -> Result<SentPart> {
        let comparable = self.bucket().capabilities().etag_may_be_md5;
        let md5 = if comparable { Some(self.md5s.of(start, &content.chunks).await?) } else { None };
        let options = PutOptions { digest: md5.clone(), ..PutOptions::default() };
        let mut failures = Failures::default();
        let part = loop {
            let body = self.budget.watched(Body::chunks(content.chunks.clone()));
            let sent = self.bucket().put_part(upload, number, body, &options).await;
            let error = match sent {
                Ok(part) => break part,
                Err(error) => error,
            };
            // The upload is gone, or cannot take this part twice: another one may do.
            if error.kind() == ErrorKind::NoSuchUpload {
                return Err(error.with_class(ErrorClass::Transient));
            }
            failures.add();
            let Some(wait) = self.retry.wait(&failures, &error) else { return Err(exhausted(error)) };
            tokio::time::sleep(wait).await;
        };
        let md5 = md5.and_then(|md5| md5.bytes.try_into().ok());
        Ok(SentPart { part, md5, length: content.bytes, room })
    }
}

/// Hashing takes a core for some milliseconds: not one of those that serve connections.
pub(crate) async fn hash<T: Send + 'static>(hashing: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(hashing).await.map_err(interrupted)
}

pub(crate) fn interrupted(why: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Io, format!("hashing was interrupted: {why}"))
}
