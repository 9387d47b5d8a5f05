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
    answers::Admission,
    berth::Berth,
    budget::Budget,
    lag::{Ends, keeping_up},
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

    pub(crate) fn destination(&self) -> usize {
        self.target.destination
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
    pub(crate) berth: &'a Berth,
    pub(crate) ends: Arc<Ends>,
    /// Fires when cleaning up must end, too.
    pub(crate) last: &'a CancellationToken,
    /// Fires when nothing new is to be started.
    pub(crate) cancel: &'a CancellationToken,
}

impl Flight<'_> {
    /// First what the server can do alone, then one shared reading for the rest, then each straggler by itself. Where
    /// a destination is silent, its turn comes last.
    pub(crate) async fn run(&mut self, lanes: &mut [Lane]) {
        let (mut late, prompt): (Vec<_>, Vec<_>) = lanes.iter_mut().partition(|lane| self.is_silent(lane));
        let (ready, slow) = self.writers(prompt).await;
        late.extend(slow);
        let ready = self.on_server(ready).await;
        let behind = self.together(ready).await;
        let again = behind.into_iter().map(|(lane, writer, error)| (lane, Some((writer, error))));
        let alone = again.chain(late.into_iter().map(|lane| (lane, None)));
        let alone = alone.map(|(lane, before)| self.alone(lane, before));
        for seen in join_all(alone).await.into_iter().flatten() {
            self.saw(seen);
        }
    }

    fn site(&self, lane: &Lane) -> Option<&Arc<Site>> {
        self.sites.get(lane.target.destination)
    }

    fn is_silent(&self, lane: &Lane) -> bool {
        self.site(lane).is_some_and(|site| site.answers.is_silent())
    }

    /// Makes targets ready. Those that keep the others waiting for too long come back.
    async fn writers<'l>(&self, lanes: Vec<&'l mut Lane>) -> (Vec<Ready<'l>>, Vec<&'l mut Lane>) {
        let (mut ready, mut slow, begun) = (Vec::new(), Vec::new(), Instant::now());
        let verdicts = keeping_up(self.options.longest_lag, lanes.iter().map(|lane| self.writer(lane))).await;
        for (lane, verdict) in lanes.into_iter().zip(verdicts) {
            match verdict {
                Some(Ok(Verdict::Write(writer))) => ready.push((lane, writer)),
                Some(Ok(Verdict::Keep(time))) => {
                    lane.end(Ok(Done::KeptNewer(time)));
                    self.ends.lands(lane.destination());
                }
                Some(Err(error)) => {
                    lane.end(Err(error));
                    self.ends.lands(lane.destination());
                }
                None => {
                    if let Some(site) = self.site(lane) {
                        site.answers.lags(begun);
                    }
                    slow.push(lane);
                }
            }
        }
        (ready, slow)
    }

    /// Waits until this destination may be written to.
    async fn admission(&self, site: &Site) -> Result<Admission> {
        tokio::select! {
            biased;
            admission = site.answers.admit(self.cancel) => admission,
            error = self.is_in_the_way(site) => Err(error),
        }
    }

    /// Who waits for a silent destination waits aside. Where there is no place any more, and others could go on, it
    /// does not wait.
    async fn is_in_the_way(&self, site: &Site) -> Error {
        // An outage that its own requests would outlast costs nothing.
        let lag = self.options.longest_lag.max(self.options.retry.patience);
        let aside = async {
            self.berth.step_aside().await;
            std::future::pending::<()>().await;
        };
        let blocked = async {
            let others_go_on = || self.sites.iter().any(|site| !site.answers.is_silent());
            while site.answers.silent_for() < lag || !others_go_on() {
                tokio::time::sleep(lag / 8).await;
            }
            if self.berth.is_aside() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = aside => {}
            () = blocked => {}
        }
        site.answers.not_tried()
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
            let decision = newest::decide(bucket, writer.key(), &self.listed, self.options);
            let begun = Instant::now();
            let decided = self.source.unless_stopped(decision).await;
            if decided.is_err() {
                writer.site.answers.note(begun, &decided);
            }
            writer.condition = match decided? {
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
        let (tags_lost, ends, last) = (lane.tags_lost.clone(), self.ends.clone(), self.last.clone());
        Some(Writer { destination, target, condition, site, tags_lost, ends, last })
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
            let begun = Instant::now();
            let copied = ServerCopy { source, entry, from: &from, writer: &writer, asked: &asked }.run().await;
            writer.site.answers.note(begun, &copied);
            lane.asked = asked.into_inner();
            match copied {
                Err(error) if on_server::should_stream_instead(&error, &writer.condition) => {
                    tracing::debug!(%error, "the server does not copy this: its bytes are read instead");
                    return Some((lane, writer));
                }
                outcome => lane.end(outcome),
            }
            this.ends.lands(lane.destination());
            None
        });
        join_all(copies).await.into_iter().flatten().collect()
    }

    /// Replaces a hint by what is there. No reading will do so where the server copies by itself.
    async fn is_confirmed(&mut self) -> bool {
        let look = insist(self.retry(), |_| self.source.bucket.head(&self.source.key));
        match self.source.unless_stopped(look).await {
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
        let before = self.source.reads.load(Ordering::Relaxed);
        let Passed { seen, landed } = self.pass(&writers, !self.hint).await;
        // Who was stopped while it waited for memory has tried nothing.
        let tried = self.source.reads.load(Ordering::Relaxed) > before || !self.cancel.is_cancelled();
        if let Some(seen) = seen {
            self.saw(seen);
        }
        let mut behind = Vec::new();
        for ((lane, writer), landed) in ready.drain(..).zip(landed) {
            lane.attempts += u32::from(tried);
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

    /// One destination's own tries: each reads the source by itself. What arrived comes back.
    async fn alone(&self, lane: &mut Lane, mut before: Option<(Writer, Error)>) -> Option<Seen> {
        loop {
            let admission = match self.turn(lane, before.as_ref().map(|(_, error)| error)).await {
                Ok(admission) => admission,
                Err(error) => {
                    lane.end(Err(error));
                    return None;
                }
            };
            let writer = match self.writer(lane).await {
                Ok(Verdict::Write(again)) => match &before {
                    Some((before, error)) => self.without_vain_condition(before, again, error),
                    None => again,
                },
                Ok(Verdict::Keep(time)) => {
                    lane.end(Ok(Done::KeptNewer(time)));
                    return None;
                }
                Err(failed) => {
                    lane.end(Err(failed));
                    return None;
                }
            };
            let Passed { seen, landed } = self.pass(std::slice::from_ref(&writer), false).await;
            lane.attempts += 1;
            drop(admission);
            let Landed { result, at } = landed.into_iter().next()?;
            match result {
                Err(failed) if self.is_worth_retrying(lane, &failed) && !writer.site.answers.is_given_up() => {
                    before = Some((writer, failed));
                }
                result => {
                    let arrived = result.is_ok();
                    lane.end(Landed { result, at });
                    return seen.filter(|_| arrived);
                }
            }
        }
    }

    /// Waits for the next try after this failure.
    async fn turn(&self, lane: &Lane, failed: Option<&Error>) -> Result<Admission> {
        // Nothing is tried again then, and nothing should say so.
        if self.cancel.is_cancelled() {
            return Err(cancelled());
        }
        if let Some(error) = failed {
            // A conflict has nothing to wait for, but two writers should not meet again at once.
            let wait = self.retry().wait(&lane.failures, error).unwrap_or(self.retry().first_wait);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.cancel.cancelled() => return Err(cancelled()),
            }
        }
        let Some(site) = self.site(lane) else { return Err(cancelled()) };
        self.admission(site).await
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
