//! One object on its way to all its targets: what the server can do alone, one shared reading, and each straggler.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Instant,
};

use futures::future::join_all;
use tokio_util::sync::CancellationToken;
use transship_store::{Condition, Error, ErrorKind, Failures, ObjectInfo, Result, RetryOptions};
use transship_types::{Entry, ErrorClass};

use crate::{
    CopyOptions, Destination, Done, Failure, Placed, Target,
    budget::Budget,
    newest,
    on_server::{self, ServerCopy},
    pass::{Landed, Pass, Passed, Seen},
    read::{Source, cancelled, insist},
    site::Site,
    write::Writer,
};

/// How often a source that keeps changing while it is read is started over.
const RESTARTS: u32 = 3;

/// One target on its way to an outcome.
pub(crate) struct Lane {
    target: Target,
    outcome: Option<Landed>,
    /// How often its bytes were sent.
    attempts: u32,
    failures: Failures,
    /// How often the server was asked to copy by itself.
    asked: u32,
    /// See [`Writer::tags_lost`].
    tags_lost: Arc<AtomicBool>,
}

impl Lane {
    pub(crate) fn new(target: Target) -> Self {
        Self { target, outcome: None, attempts: 0, failures: Failures::default(), asked: 0, tags_lost: Arc::default() }
    }

    fn end(&mut self, outcome: impl Into<Landed>) {
        self.outcome = Some(outcome.into());
    }

    pub(crate) fn placed(self, flight: &Flight<'_>, started: Instant) -> Placed {
        let writer = flight.writer_to(&self, Condition::Always);
        let Landed { result, at } = self.outcome.unwrap_or_else(|| Err(cancelled()).into());
        let not_kept = match (&result, &flight.info, writer) {
            (Ok(Done::Copied { .. }), Some(info), Some(writer)) => writer.not_kept(info),
            _ => Vec::new(),
        };
        let result = result.map_err(|error| match error.class() {
            ErrorClass::Cancelled => Failure::Cancelled,
            _ => Failure::Error(error.into()),
        });
        Placed { target: self.target, result, attempts: self.attempts + self.asked, duration: at - started, not_kept }
    }
}

/// A lane that is to be written, and by whom.
type Ready<'l> = (&'l mut Lane, Writer);

enum Verdict {
    Write(Writer),
    Keep(time::OffsetDateTime),
}

/// One object on its way.
pub(crate) struct Flight<'a> {
    pub(crate) source: Source,
    pub(crate) listed: Entry,
    /// Whether what was listed is only a hint.
    pub(crate) hint: bool,
    /// Whether it was another object by then than the one listed.
    pub(crate) changed: bool,
    pub(crate) info: Option<ObjectInfo>,
    pub(crate) destinations: &'a [Destination],
    /// One for each destination.
    pub(crate) sites: &'a [Arc<Site>],
    pub(crate) options: &'a CopyOptions,
    pub(crate) budget: &'a Budget,
    /// Fires when nothing new is to be started.
    pub(crate) cancel: &'a CancellationToken,
}

impl Flight<'_> {
    /// First what the server can do alone, then one shared reading for the rest, then each straggler by itself.
    pub(crate) async fn run(&mut self, lanes: &mut [Lane]) {
        let mut ready = Vec::new();
        let verdicts = join_all(lanes.iter().map(|lane| self.writer(lane))).await;
        for (lane, verdict) in lanes.iter_mut().zip(verdicts) {
            match verdict {
                Ok(Verdict::Write(writer)) => ready.push((lane, writer)),
                Ok(Verdict::Keep(time)) => lane.end(Ok(Done::KeptNewer(time))),
                Err(error) => lane.end(Err(error)),
            }
        }
        let ready = self.on_server(ready).await;
        let behind = self.together(ready).await;
        let alone = behind.into_iter().map(|(lane, writer, error)| self.alone(lane, writer, error));
        for seen in join_all(alone).await.into_iter().flatten() {
            self.saw(seen);
        }
    }

    fn retry(&self) -> &RetryOptions {
        &self.options.retry
    }

    fn saw(&mut self, Seen { entry, info, changed }: Seen) {
        (self.listed, self.info) = (entry, Some(info));
        self.changed |= changed;
    }

    /// Makes a target ready: its key can be held, and it is not newer already.
    async fn writer(&self, lane: &Lane) -> Result<Verdict> {
        let Some(mut writer) = self.writer_to(lane, Condition::Always) else {
            let detail = format!("there is no destination {}", lane.target.destination);
            return Err(Error::new(ErrorKind::Configuration, detail));
        };
        let bucket = &*writer.destination.bucket;
        bucket.check_key(writer.key())?;
        if writer.target.newest_wins {
            writer.condition = match newest::decide(bucket, writer.key(), &self.listed, self.options).await? {
                newest::Verdict::Keep(time) => return Ok(Verdict::Keep(time)),
                newest::Verdict::Write(Condition::IfMatch(_)) if writer.site.is_unconditional() => Condition::Always,
                newest::Verdict::Write(condition) => condition,
            };
        }
        Ok(Verdict::Write(writer))
    }

    fn writer_to(&self, lane: &Lane, condition: Condition) -> Option<Writer> {
        let target = lane.target.clone();
        let destination = self.destinations.get(target.destination)?.clone();
        let site = self.sites.get(target.destination)?.clone();
        Some(Writer { destination, target, condition, site, tags_lost: lane.tags_lost.clone() })
    }

    /// A condition that failed although it holds will never be met: Ceph RGW 16 compares ETags with their quotes.
    /// Writing without it is as good as on stores that know no conditions.
    fn without_vain_condition(&self, before: &Writer, again: Writer, error: &Error) -> Writer {
        let source_changed = self.source.changed.swap(false, Ordering::Relaxed);
        let same = matches!(again.condition, Condition::IfMatch(_)) && again.condition == before.condition;
        if !same || source_changed || error.class() != ErrorClass::Conflict {
            return again;
        }
        tracing::debug!(%error, "the server takes no condition for fulfilled: writing without");
        again.site.becomes_unconditional();
        Writer { condition: Condition::Always, ..again }
    }

    /// What the server can copy by itself, it does; the others come back.
    async fn on_server<'l>(&mut self, ready: Vec<Ready<'l>>) -> Vec<Ready<'l>> {
        let able = |writer: &Writer| on_server::copy_source(&self.source, &self.listed, writer).is_some();
        if !ready.iter().any(|(_, writer)| able(writer)) {
            return ready;
        }
        if self.hint && !self.is_confirmed().await {
            return ready;
        }
        let this = &*self;
        let copies = ready.into_iter().map(|(lane, writer)| async move {
            let Some(from) = on_server::copy_source(&this.source, &this.listed, &writer) else {
                return Some((lane, writer));
            };
            let asked = AtomicU32::new(1);
            let (source, entry) = (&this.source, &this.listed);
            let copied = ServerCopy { source, entry, from: &from, writer: &writer, asked: &asked }.run().await;
            lane.asked = asked.into_inner();
            match copied {
                Err(error) if on_server::should_stream_instead(&error, &writer.condition) => {
                    tracing::debug!(%error, "the server does not copy this: its bytes are read instead");
                    return Some((lane, writer));
                }
                outcome => lane.end(outcome),
            }
            None
        });
        join_all(copies).await.into_iter().flatten().collect()
    }

    /// Replaces a hint by what is there. No reading will do so where the server copies by itself.
    async fn is_confirmed(&mut self) -> bool {
        match insist(self.retry(), |_| self.source.bucket.head(&self.source.key)).await {
            Ok(info) => {
                let seen = Seen::of(&self.listed, info, false);
                self.saw(seen);
                self.hint = false;
                true
            }
            Err(error) => {
                tracing::debug!(%error, "the source cannot be looked at");
                false
            }
        }
    }

    /// The shared reading. Those that may be tried again come back, with what went wrong.
    async fn together<'l>(&mut self, mut ready: Vec<Ready<'l>>) -> Vec<(&'l mut Lane, Writer, Error)> {
        if ready.is_empty() {
            return Vec::new();
        }
        let writers: Vec<Writer> = ready.iter().map(|(_, w)| w.clone()).collect();
        let Passed { seen, landed } = self.pass(&writers, !self.hint).await;
        if let Some(seen) = seen {
            self.saw(seen);
        }
        let mut behind = Vec::new();
        for ((lane, writer), landed) in ready.drain(..).zip(landed) {
            lane.attempts += 1;
            match landed.result {
                Err(error) if self.is_worth_retrying(lane, &error) => behind.push((lane, writer, error)),
                result => lane.end(Landed { result, ..landed }),
            }
        }
        behind
    }

    fn is_worth_retrying(&self, lane: &mut Lane, error: &Error) -> bool {
        lane.failures.add();
        match error.class() {
            ErrorClass::Transient => self.retry().allows(&lane.failures, error),
            ErrorClass::Conflict => lane.attempts < self.retry().attempts.min(RESTARTS),
            _ => false,
        }
    }

    /// One destination's own retries: each reads the source again. What arrived comes back.
    async fn alone(&self, lane: &mut Lane, mut writer: Writer, mut error: Error) -> Option<Seen> {
        loop {
            // A conflict has nothing to wait for, but two writers should not meet again at once.
            let wait = self.retry().wait(&lane.failures, &error).unwrap_or(self.retry().first_wait);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.cancel.cancelled() => {
                    lane.end(Err(cancelled()));
                    return None;
                }
            }
            match self.writer(lane).await {
                Ok(Verdict::Write(again)) => writer = self.without_vain_condition(&writer, again, &error),
                Ok(Verdict::Keep(time)) => {
                    lane.end(Ok(Done::KeptNewer(time)));
                    return None;
                }
                Err(failed) => {
                    lane.end(Err(failed));
                    return None;
                }
            }
            let Passed { seen, landed } = self.pass(std::slice::from_ref(&writer), false).await;
            lane.attempts += 1;
            let Landed { result, at } = landed.into_iter().next()?;
            match result {
                Err(failed) if self.is_worth_retrying(lane, &failed) => error = failed,
                result => {
                    let arrived = result.is_ok();
                    lane.end(Landed { result, at });
                    return seen.filter(|_| arrived);
                }
            }
        }
    }

    async fn pass(&self, writers: &[Writer], pinned: bool) -> Passed {
        let pass = Pass {
            source: &self.source,
            listed: &self.listed,
            pinned,
            writers,
            options: self.options,
            budget: self.budget,
            cancel: self.cancel,
        };
        pass.run().await
    }
}
