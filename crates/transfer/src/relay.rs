//! An object that its source holds in parts, written with the same part boundaries: the ETags then prove the copy,
//! and nothing is hashed. Each part is read once and streams to every destination; parts run side by side.

use std::ops::Range;

use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use transship_store::{
    Body, Error, ErrorKind, GetOptions, ObjectInfo, Part, PutOptions, PutReply, Result, Tag, Upload, retry,
};
use transship_types::{ETag, ErrorClass};
use transship_verify::part_sizes;

use crate::{
    budget::{Budget, Share},
    fanout::{WINDOW_BYTES, fan_out},
    parts::{abort, complete},
    read::Source,
    write::Writer,
};

const PARTS_AT_ONCE: usize = 8;

/// A multipart source whose boundaries are known.
pub(crate) struct Parts {
    pub(crate) info: ObjectInfo,
    pub(crate) part_size: u64,
}

/// Finds the boundaries of a multipart source: its first part tells, where the server can say; otherwise the
/// likeliest size for that many parts. `None`: they are not known, or the object is not what it was.
pub(crate) async fn boundaries(source: &Source, listed: &ETag, size: u64) -> Result<Option<Parts>> {
    let Some(parts) = listed.parts().filter(|n| *n > 1) else { return Ok(None) };
    let options = GetOptions { part_number: Some(1), if_match: Some(listed.clone()), ..GetOptions::default() };
    let reply = match source.bucket.get(&source.key, &options).await {
        Ok(reply) => reply,
        Err(error) if error.class() == ErrorClass::Transient => return Err(error),
        Err(_) => return Ok(None),
    };
    let fits = |part: u64| part > 0 && size.div_ceil(part) == u64::from(parts);
    let told = Some(reply.length).filter(|length| fits(*length));
    let part_size = told.or_else(|| part_sizes(size, parts).first().copied());
    let same = reply.info.size == size || reply.info.size == reply.length;
    let info = ObjectInfo { size, ..reply.info };
    Ok(part_size.filter(|_| same && !info.opaque_etag).map(|part_size| Parts { info, part_size }))
}

/// What all writers of one relay share.
pub(crate) struct Relay<'a> {
    pub(crate) source: &'a Source,
    pub(crate) parts: &'a Parts,
    pub(crate) writers: &'a [Writer],
    pub(crate) options: Vec<PutOptions>,
    pub(crate) budget: &'a Budget,
    pub(crate) patience: std::time::Duration,
}

/// One writer's upload while it goes well.
struct Lane {
    upload: Upload,
    parts: Vec<Part>,
}

impl Relay<'_> {
    /// Options for every writer, in order.
    pub(crate) fn options(
        source: &transship_types::Entry,
        info: &ObjectInfo,
        tags: &[Tag],
        writers: &[Writer],
    ) -> Vec<PutOptions> {
        writers.iter().map(|w| w.options(source, info, tags)).collect()
    }

    /// The memory that one part under way needs, in bytes.
    pub(crate) fn working_set(writers: usize) -> u64 {
        WINDOW_BYTES * writers as u64
    }

    /// Writes to all; each writer has its own outcome. The caller holds [`Relay::working_set`].
    pub(crate) async fn run(&self) -> Vec<Result<PutReply>> {
        let starts = self.writers.iter().zip(&self.options).map(|(writer, options)| async move {
            let create = |_| writer.destination.bucket.create_upload(writer.key(), options);
            Ok(Lane { upload: retry(&self.source.retry, create).await?, parts: Vec::new() })
        });
        let mut lanes: Vec<Result<Lane>> = join_all(starts).await;
        self.all_parts(&mut lanes).await;
        join_all(lanes.into_iter().enumerate().map(|(at, lane)| self.end(at, lane))).await
    }

    async fn all_parts(&self, lanes: &mut [Result<Lane>]) {
        let uploads: Vec<Option<Upload>> = lanes.iter().map(|l| l.as_ref().ok().map(|l| l.upload.clone())).collect();
        let mut alive: Vec<bool> = uploads.iter().map(Option::is_some).collect();
        let mut under_way = FuturesUnordered::new();
        let mut ranges = self.ranges().into_iter();
        loop {
            while under_way.len() < PARTS_AT_ONCE && alive.contains(&true) {
                // The first part under way is the working set; further ones are extras.
                let share =
                    if under_way.is_empty() { None } else { self.budget.try_take(Self::working_set(lanes.len())) };
                if share.is_none() && !under_way.is_empty() {
                    break;
                }
                let Some((number, range)) = ranges.next() else { break };
                under_way.push(self.part(number, range, &uploads, alive.clone(), share));
            }
            let Some(finished) = under_way.next().await else { return };
            for (at, part) in finished {
                match (part, &mut lanes[at]) {
                    (Ok(part), Ok(lane)) => lane.parts.push(part),
                    (Err(error), Ok(lane)) => {
                        alive[at] = false;
                        let bucket = &*self.writers[at].destination.bucket;
                        abort(bucket, &self.source.retry, &lane.upload).await;
                        lanes[at] = Err(error);
                    }
                    (_, Err(_)) => {}
                }
            }
        }
    }

    fn ranges(&self) -> Vec<(u32, Range<u64>)> {
        let (size, step) = (self.parts.info.size, self.parts.part_size);
        (1u32..).zip((0..size.div_ceil(step)).map(|n| n * step..((n + 1) * step).min(size))).collect()
    }

    /// One part: read once for all; a writer whose turn fails reads it again alone.
    async fn part(
        &self,
        number: u32,
        range: Range<u64>,
        uploads: &[Option<Upload>],
        alive: Vec<bool>,
        _share: Option<Share>,
    ) -> Vec<(usize, Result<Part>)> {
        let writing: Vec<usize> = (0..uploads.len()).filter(|at| alive[*at]).collect();
        let length = range.end - range.start;
        let shared = match self.source.range(range.clone(), self.parts.info.etag.as_ref()).await {
            Ok(body) => body,
            Err(error) => {
                let words = error.to_string();
                let mut original = Some(error);
                let again = |class, kind| move || Error::new(kind, words.clone()).with_class(class);
                let repeat =
                    again(original.as_ref().map_or(ErrorClass::Permanent, Error::class), ErrorKind::Connection);
                return writing.into_iter().map(|at| (at, Err(original.take().unwrap_or_else(&repeat)))).collect();
            }
        };
        let (pump, streams) = fan_out(shared, writing.len(), self.patience);
        let puts = writing.iter().zip(streams).map(|(&at, stream)| {
            let (range, mut first) = (range.clone(), Some(stream));
            let bucket = &self.writers[at].destination.bucket;
            async move {
                let Some(upload) = &uploads[at] else { return (at, Err(Error::truncated(0, 0))) };
                let mut attempt = 1;
                loop {
                    let stream = match first.take() {
                        Some(stream) => Ok(stream),
                        None => self.source.range(range.clone(), self.parts.info.etag.as_ref()).await,
                    };
                    let result = match stream {
                        Ok(s) => bucket.put_part(upload, number, Body::stream(length, s), &PutOptions::default()).await,
                        Err(error) => Err(error),
                    };
                    let Err(error) = result else { return (at, result) };
                    let Some(wait) = self.source.retry.wait(attempt, &error) else { return (at, Err(error)) };
                    tokio::time::sleep(wait).await;
                    attempt += 1;
                }
            }
        });
        futures::join!(pump, join_all(puts)).1
    }

    async fn end(&self, at: usize, lane: Result<Lane>) -> Result<PutReply> {
        let Lane { upload, mut parts } = lane?;
        let bucket = &*self.writers[at].destination.bucket;
        parts.sort_by_key(|p| p.number);
        let condition = PutOptions { condition: self.options[at].condition.clone(), ..PutOptions::default() };
        let expected = self.parts.info.etag.as_ref();
        match complete(bucket, &self.source.retry, &upload, &parts, &condition, expected).await {
            Ok(reply) => Ok(reply),
            Err(error) => {
                abort(bucket, &self.source.retry, &upload).await;
                Err(error)
            }
        }
    }
}
