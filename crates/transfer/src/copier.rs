use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{Stream, StreamExt, future::join_all};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use transship_store::{Bucket, Condition, Error, ErrorKind, ObjectInfo, Result};
use transship_types::{Entry, ErrorClass};

use crate::{
    Copied, CopyOptions, Destination, Done, Failure, Job, Placed, Target,
    budget::Budget,
    newest, on_server,
    pass::Pass,
    read::{Source, cancelled},
    write::Writer,
};

/// How often a source that keeps changing while it is read is started over.
const RESTARTS: u32 = 3;

/// Copies objects from one bucket to any number of destinations, under one memory budget.
#[derive(Clone, Debug)]
pub struct Copier {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    source: Arc<dyn Bucket>,
    destinations: Vec<Destination>,
    options: CopyOptions,
    budget: Budget,
    arrived: Arc<AtomicU64>,
    /// Fires when the run is to end; nothing new is started from then on.
    cancel: CancellationToken,
}

impl Copier {
    /// A copier from `source` to `destinations`. When `cancel` fires, jobs that were not started come back as
    /// cancelled, and those in flight may finish for `options.grace`; then they are aborted, leaving nothing behind.
    pub fn new(
        source: Arc<dyn Bucket>,
        destinations: Vec<Destination>,
        options: CopyOptions,
        cancel: CancellationToken,
    ) -> Self {
        let budget = Budget::new(options.budget());
        let arrived = Arc::default();
        let inner = Inner { source, destinations, options, budget, arrived, cancel };
        Self { inner: Arc::new(inner) }
    }

    /// Copies a stream of jobs, many at once. Outcomes come in the order in which jobs end.
    pub fn run<'a>(&'a self, jobs: impl Stream<Item = Job> + Send + 'a) -> impl Stream<Item = Copied> + Send + 'a {
        jobs.map(move |job| self.copy(job)).buffer_unordered(self.inner.options.transfers.max(1))
    }

    /// Bytes of objects that have arrived so far, in bytes; copies on the server bring none.
    pub fn bytes_arrived(&self) -> u64 {
        self.inner.arrived.load(Ordering::Relaxed)
    }

    /// Copies one object, on a task of its own, so that many copies use every core whoever waits for them. Dropping
    /// the future ends the copy at once; to end it cleanly, cancel.
    pub async fn copy(&self, job: Job) -> Copied {
        let (copier, given_up) = (self.clone(), job.clone());
        let task = AbortOnDropHandle::new(tokio::spawn(async move { copier.fly(job).await }));
        task.await.unwrap_or_else(|panic| Copied::failed(given_up, &Error::new(ErrorKind::Io, panic.to_string())))
    }

    async fn fly(&self, job: Job) -> Copied {
        let started = Instant::now();
        if self.inner.cancel.is_cancelled() {
            return Copied::failed(job, &cancelled());
        }
        let source = Source {
            bucket: self.inner.source.clone(),
            key: job.source.key.clone(),
            retry: self.inner.options.retry.clone(),
            stop: CancellationToken::new(),
            reads: Arc::default(),
            arrived: self.inner.arrived.clone(),
        };
        let stop = source.stop.clone();
        let copier = &*self.inner;
        let mut flight = Flight { copier, source, listed: job.source, hint: job.hint, changed: false, info: None };
        let mut lanes: Vec<Lane> = job.targets.into_iter().map(Lane::new).collect();
        {
            let mut work = pin!(flight.run(&mut lanes));
            tokio::select! {
                () = &mut work => {}
                () = self.inner.grace_over() => {
                    stop.cancel();
                    work.await;
                }
            }
        }
        let targets = lanes.into_iter().map(|lane| lane.placed(&flight, started)).collect();
        let source_reads = flight.source.reads.load(Ordering::Relaxed);
        Copied { source: flight.listed, changed: flight.changed, source_reads, targets }
    }
}

impl Inner {
    async fn grace_over(&self) {
        self.cancel.cancelled().await;
        tokio::time::sleep(self.options.grace).await;
    }
}

impl Copied {
    fn failed(job: Job, error: &Error) -> Self {
        let failure = || match error.class() {
            ErrorClass::Cancelled => Failure::Cancelled,
            class => Failure::Error(Arc::new(Error::new(error.kind(), error.to_string()).with_class(class))),
        };
        let place = |target| Placed {
            target,
            result: Err(failure()),
            attempts: 0,
            duration: Duration::ZERO,
            not_kept: Vec::new(),
        };
        let targets = job.targets.into_iter().map(place).collect();
        Self { source: job.source, changed: false, source_reads: 0, targets }
    }
}

/// One target on its way to an outcome.
struct Lane {
    target: Target,
    outcome: Option<Result<Done>>,
    attempts: u32,
    ended: Option<Instant>,
}

impl Lane {
    fn new(target: Target) -> Self {
        Self { target, outcome: None, attempts: 0, ended: None }
    }

    fn end(&mut self, outcome: Result<Done>) {
        self.outcome = Some(outcome);
        self.ended = Some(Instant::now());
    }

    fn placed(self, flight: &Flight<'_>, started: Instant) -> Placed {
        let destination = flight.copier.destinations.get(self.target.destination).cloned();
        let not_kept = match (&self.outcome, &flight.info, destination) {
            (Some(Ok(Done::Copied { .. })), Some(info), Some(destination)) => {
                Writer { destination, target: self.target.clone(), condition: Condition::Always }.not_kept(info)
            }
            _ => Vec::new(),
        };
        let result = match self.outcome {
            Some(Ok(done)) => Ok(done),
            Some(Err(error)) if error.class() == ErrorClass::Cancelled => Err(Failure::Cancelled),
            Some(Err(error)) => Err(Failure::Error(Arc::new(error))),
            None => Err(Failure::Cancelled),
        };
        let duration = self.ended.unwrap_or_else(Instant::now) - started;
        Placed { target: self.target, result, attempts: self.attempts, duration, not_kept }
    }
}

/// One object on its way.
struct Flight<'a> {
    copier: &'a Inner,
    source: Source,
    listed: Entry,
    hint: bool,
    changed: bool,
    info: Option<ObjectInfo>,
}

impl Flight<'_> {
    /// First what the server can do alone, then one shared reading for the rest, then each straggler by itself.
    async fn run(&mut self, lanes: &mut [Lane]) {
        let (mut ready, mut waiting) = (Vec::new(), lanes.iter_mut().collect::<Vec<_>>());
        let writers = join_all(waiting.iter().map(|lane| self.writer(&lane.target))).await;
        for (lane, writer) in waiting.drain(..).zip(writers) {
            match writer {
                Ok(Ready::Write(writer)) => ready.push((lane, writer)),
                Ok(Ready::Keep(time)) => lane.end(Ok(Done::KeptNewer(time))),
                Err(error) => lane.end(Err(error)),
            }
        }
        let ready = self.on_server(ready).await;
        let behind = self.together(ready).await;
        let alone = behind.into_iter().map(|(lane, writer, error)| self.alone(lane, writer, error));
        join_all(alone).await;
    }

    /// Makes a target ready: its key can be held, and it is not newer already.
    async fn writer(&self, target: &Target) -> Result<Ready> {
        let Some(destination) = self.copier.destinations.get(target.destination).cloned() else {
            let detail = format!("there is no destination {}", target.destination);
            return Err(Error::new(ErrorKind::Configuration, detail));
        };
        destination.bucket.check_key(&target.key)?;
        let condition = if target.newest_wins {
            let bucket = &*destination.bucket;
            match newest::decide(bucket, &target.key, &self.listed, &self.source.retry).await? {
                newest::Verdict::Keep(time) => return Ok(Ready::Keep(time)),
                newest::Verdict::Write(condition) => condition,
            }
        } else {
            Condition::Always
        };
        Ok(Ready::Write(Writer { destination, target: target.clone(), condition }))
    }

    async fn on_server<'l>(&self, ready: Vec<(&'l mut Lane, Writer)>) -> Vec<(&'l mut Lane, Writer)> {
        let copies = ready.into_iter().map(|(lane, writer)| async move {
            let from = on_server::copy_source(&self.source, &self.listed, &writer).filter(|_| !self.hint);
            let Some(from) = from else { return Some((lane, writer)) };
            lane.attempts += 1;
            match on_server::copy(&self.source, &self.listed, &from, &writer).await {
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

    /// The shared reading. Those that may be tried again come back, with what went wrong.
    async fn together<'l>(&mut self, mut ready: Vec<(&'l mut Lane, Writer)>) -> Vec<(&'l mut Lane, Writer, Error)> {
        if ready.is_empty() {
            return Vec::new();
        }
        let writers: Vec<Writer> = ready.iter().map(|(_, w)| w.clone()).collect();
        let passed = self.pass(&writers, !self.hint).await;
        if let Some(seen) = passed.seen {
            self.listed = seen;
            self.info = passed.info;
            self.changed |= passed.changed;
        }
        let mut behind = Vec::new();
        for ((lane, writer), outcome) in ready.drain(..).zip(passed.results) {
            lane.attempts += 1;
            match outcome {
                Err(error) if self.worth_retrying(lane, &error) => behind.push((lane, writer, error)),
                outcome => lane.end(outcome),
            }
        }
        behind
    }

    fn worth_retrying(&self, lane: &Lane, error: &Error) -> bool {
        match error.class() {
            ErrorClass::Transient => lane.attempts < self.copier.options.retry.attempts,
            ErrorClass::Conflict => lane.attempts < RESTARTS,
            _ => false,
        }
    }

    /// One destination's own retries: each reads the source again.
    async fn alone(&self, lane: &mut Lane, mut writer: Writer, mut error: Error) {
        let retry = &self.copier.options.retry;
        loop {
            let conflict = error.class() == ErrorClass::Conflict;
            let transient = error.with_class(ErrorClass::Transient);
            let Some(wait) = retry.wait(lane.attempts, &transient) else { return lane.end(Err(transient)) };
            tracing::debug!(error = %transient, ?wait, "trying this destination again");
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.copier.cancel.cancelled() => return lane.end(Err(cancelled())),
            }
            match self.writer(&writer.target).await {
                // The object is the one that was asked for, and the server refuses all the same: Ceph 16 compares
                // the quotes around the ETag as well, so that no condition ever holds there.
                Ok(Ready::Write(again)) if conflict && again.condition == writer.condition => {
                    writer.condition = Condition::Always;
                }
                Ok(Ready::Write(again)) => writer = again,
                Ok(Ready::Keep(time)) => return lane.end(Ok(Done::KeptNewer(time))),
                Err(failed) => return lane.end(Err(failed)),
            }
            let passed = self.pass(std::slice::from_ref(&writer), false).await;
            lane.attempts += 1;
            match passed.results.into_iter().next() {
                Some(Err(failed)) if self.worth_retrying(lane, &failed) => error = failed,
                Some(outcome) => return lane.end(outcome),
                None => return,
            }
        }
    }

    async fn pass(&self, writers: &[Writer], pinned: bool) -> crate::pass::Passed {
        let pass = Pass {
            source: &self.source,
            listed: &self.listed,
            pinned,
            writers,
            options: &self.copier.options,
            budget: &self.copier.budget,
        };
        pass.run().await
    }
}

enum Ready {
    Write(Writer),
    Keep(time::OffsetDateTime),
}
