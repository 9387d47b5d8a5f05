//! An object that its source holds in parts, written with the same part boundaries: the ETags then prove the copy,
//! and nothing is hashed. Each part is read once and streams to every destination; parts run side by side.

use std::{
    collections::VecDeque,
    ops::Range,
    time::{Duration, Instant},
};

use futures::{StreamExt, future::join_all, stream::FuturesUnordered};
use transship_store::{Body, ByteStream, Error, ErrorKind, Failures, Part, PutOptions, PutReply, Result, Upload};
use transship_types::ErrorClass;

use crate::{
    boundaries::Parts,
    budget::Budget,
    fanout::{WINDOW_BYTES, fan_out},
    follower::Follower,
    lag::keeping_up,
    read::{Source, exhausted},
    upload::{OpenUpload, PARTS_AT_ONCE},
    write::Writer,
};

/// Parts of one destination that wait to be sent again: with more of them, it starts over by itself.
const MOST_REPAIRS: usize = 8;

/// What all writers of one relay share.
pub(crate) struct Relay<'a> {
    pub(crate) source: &'a Source,
    pub(crate) parts: &'a Parts,
    pub(crate) writers: &'a [Writer],
    pub(crate) followers: &'a [Follower],
    pub(crate) options: Vec<PutOptions>,
    pub(crate) budget: &'a Budget,
    /// One that starts so much later than the first one is left behind.
    pub(crate) longest_lag: Duration,
}

/// How far one writer has come.
struct Progress<'a> {
    upload: OpenUpload<'a>,
    parts: Vec<Part>,
    failure: Option<Error>,
    /// Parts that are to be sent again, one after another, beside the shared reading.
    repairs: VecDeque<Repair>,
    repairing: bool,
}

struct Repair {
    number: u32,
    range: Range<u64>,
    error: Error,
}

/// What became of one part at one writer.
type Sent = (usize, u32, Range<u64>, Result<Part>);

impl Relay<'_> {
    /// The memory that one part under way needs, and with it a part of each writer that is sent again; in bytes.
    pub(crate) fn working_set(writers: usize) -> u64 {
        2 * WINDOW_BYTES * writers as u64
    }

    /// Writes to all; each writer has its own outcome. The caller holds [`Relay::working_set`].
    pub(crate) async fn run(&self) -> Vec<(Result<PutReply>, Instant)> {
        let starts = self.writers.iter().zip(&self.options).map(|(writer, options)| async move {
            let upload = OpenUpload::start(writer, &self.source.retry, options).await?;
            Ok(Progress { upload, parts: Vec::new(), failure: None, repairs: VecDeque::new(), repairing: false })
        });
        let started = keeping_up(self.longest_lag, starts).await.into_iter().enumerate();
        let mut progress: Vec<Result<Progress<'_>>> =
            started.map(|(at, one)| one.unwrap_or_else(|| Err(self.left_behind(at)))).collect();
        self.all_parts(&mut progress).await;
        let ends = progress.into_iter().enumerate().map(|(at, one)| async move {
            let (reply, now) = (self.end(at, one).await, Instant::now());
            self.writers[at].ended(now, &reply);
            (reply, now)
        });
        join_all(ends).await
    }

    /// What was asked for may still come about there; an upload without parts costs nothing but its name in a list.
    fn left_behind(&self, at: usize) -> Error {
        let (writer, why) = (&self.writers[at], "no upload was started while the others waited");
        let location = writer.destination.bucket.location();
        Error::new(ErrorKind::Timeout, why).during("write", location, Some(writer.key()))
    }

    async fn all_parts(&self, progress: &mut [Result<Progress<'_>>]) {
        let uploads: Vec<Option<Upload>> =
            progress.iter().map(|l| l.as_ref().ok().map(|l| l.upload.upload.clone())).collect();
        let (mut under_way, mut repairs) = (FuturesUnordered::new(), FuturesUnordered::new());
        let mut ranges = self.parts.ranges().peekable();
        // One part at a time is what the working set is for; further ones are extras.
        let mut own_is_free = true;
        loop {
            let alive = alive(progress);
            while under_way.len() < PARTS_AT_ONCE && !alive.is_empty() && ranges.peek().is_some() {
                let share = if std::mem::take(&mut own_is_free) {
                    None
                } else {
                    let Some(share) = self.budget.try_stream(WINDOW_BYTES * alive.len() as u64) else { break };
                    Some(share)
                };
                let Some((number, range)) = ranges.next() else { break };
                let (uploads, is_own, writing) = (&uploads, share.is_none(), alive.clone());
                under_way.push(async move {
                    let _share = share;
                    (is_own, self.part(number, range, uploads, writing).await)
                });
            }
            for (at, one) in progress.iter_mut().enumerate() {
                if let (Ok(one), Some(upload)) = (one, &uploads[at])
                    && !one.repairing
                    && let Some(repair) = one.repairs.pop_front()
                {
                    one.repairing = true;
                    repairs.push(self.repair(at, upload, repair));
                }
            }
            tokio::select! {
                Some((is_own, sent)) = under_way.next() => {
                    own_is_free |= is_own;
                    sent.into_iter().for_each(|sent| self.first_try(progress, sent));
                }
                Some(sent) = repairs.next() => self.last_try(progress, sent),
                else => return,
            }
        }
    }

    fn first_try(&self, progress: &mut [Result<Progress<'_>>], (at, number, range, sent): Sent) {
        let Ok(one) = &mut progress[at] else { return };
        match sent {
            Ok(part) => one.parts.push(part),
            Err(error) if self.is_worth_repairing(at, one, &error) => {
                one.repairs.push_back(Repair { number, range, error });
            }
            Err(error) => self.fail(at, one, error),
        }
    }

    fn last_try(&self, progress: &mut [Result<Progress<'_>>], (at, _, _, sent): Sent) {
        let Ok(one) = &mut progress[at] else { return };
        one.repairing = false;
        match sent {
            Ok(part) => one.parts.push(part),
            Err(error) => self.fail(at, one, error),
        }
    }

    fn is_worth_repairing(&self, at: usize, one: &Progress<'_>, error: &Error) -> bool {
        let transient = error.class() == ErrorClass::Transient && self.source.retry.attempts > 1;
        transient && !self.followers[at].has_to_leave() && one.repairs.len() < MOST_REPAIRS
    }

    /// The others go on; what this one has under way ends, and its upload is aborted when all is quiet.
    fn fail(&self, at: usize, one: &mut Progress<'_>, error: Error) {
        self.followers[at].leave();
        one.repairs.clear();
        one.failure.get_or_insert(error);
    }

    /// One part, read once for all.
    async fn part(&self, number: u32, range: Range<u64>, uploads: &[Option<Upload>], writing: Vec<usize>) -> Vec<Sent> {
        let shared = match self.parts.open(self.source, &range).await {
            Ok(body) => body,
            Err(error) => futures::stream::iter([Err(error)]).boxed(),
        };
        let (pump, streams) = fan_out(shared, writing.iter().map(|at| self.followers[*at].clone()).collect());
        let puts = writing.iter().zip(streams).map(|(&at, stream)| {
            let range = range.clone();
            async move {
                let sent = match &uploads[at] {
                    Some(upload) => self.put(at, upload, number, &range, stream).await,
                    None => Err(Error::truncated(0, 0)),
                };
                (at, number, range, sent)
            }
        });
        futures::join!(pump, join_all(puts)).1
    }

    async fn put(
        &self,
        at: usize,
        upload: &Upload,
        number: u32,
        range: &Range<u64>,
        bytes: ByteStream,
    ) -> Result<Part> {
        let (bucket, options) = (&self.writers[at].destination.bucket, PutOptions::default());
        let body = self.budget.watched(Body::stream(range.end - range.start, bytes));
        self.followers[at].unless_leaving(bucket.put_part(upload, number, body, &options)).await
    }

    /// Sends a part again, from a reading of its own.
    async fn repair(&self, at: usize, upload: &Upload, Repair { number, range, mut error }: Repair) -> Sent {
        let (retry, follower) = (&self.source.retry, &self.followers[at]);
        let mut failures = Failures::default();
        let sent = loop {
            failures.add();
            let Some(wait) = retry.wait(&failures, &error) else { break Err(exhausted(error)) };
            let again = async {
                tokio::time::sleep(wait).await;
                let bytes = self.source.range(range.clone(), self.parts.info.etag.as_ref()).await?;
                self.put(at, upload, number, &range, bytes).await
            };
            match follower.unless_leaving(again).await {
                Ok(part) => break Ok(part),
                Err(failed) => error = failed,
            }
        };
        (at, number, range, sent)
    }

    async fn end(&self, at: usize, one: Result<Progress<'_>>) -> Result<PutReply> {
        let Progress { upload, mut parts, failure, .. } = one?;
        parts.sort_by_key(|p| p.number);
        let expected = self.parts.info.etag.as_ref();
        let ended = match failure {
            Some(error) => Err(error),
            None => {
                let complete = upload.complete(&parts, &self.options[at].condition, expected);
                self.followers[at].unless_leaving(complete).await
            }
        };
        if ended.is_err() {
            upload.abort().await;
        }
        ended.map_err(|error| match error.kind() {
            ErrorKind::NoSuchUpload => error.with_class(ErrorClass::Transient),
            _ => error,
        })
    }
}

fn alive(progress: &[Result<Progress<'_>>]) -> Vec<usize> {
    let well = |one: &Result<Progress<'_>>| one.as_ref().is_ok_and(|one| one.failure.is_none());
    (0..progress.len()).filter(|at| well(&progress[*at])).collect()
}
