use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{Stream, StreamExt};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use transship_store::{Bucket, Error, ErrorKind};
use transship_types::ErrorClass;

use crate::{
    Bandwidth, Copied, CopyOptions, Destination, Failure, Job, Placed, Unfinished,
    admission::{Admission, Admitted, Slot},
    answers::Answers,
    budget::Budget,
    flight::{Flight, Lane},
    lag::Watch,
    large_bodies::LargeBodies,
    read::{Source, cancelled},
    site::Site,
    upload::PARTS_AT_ONCE,
};

/// How long a copy that was stopped may clean up.
const LAST_REQUESTS: Duration = Duration::from_secs(5);

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
    admission: Admission,
    /// One for each destination.
    sites: Vec<Arc<Site>>,
    arrived: Arc<AtomicU64>,
    hides_parts: Arc<AtomicBool>,
    contradicts: Arc<AtomicBool>,
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
        Self { inner: Arc::new(Inner::new(source, destinations, options, cancel)) }
    }

    /// A copier between other places that shares this one's memory budget, its options and its end. It has slots of its
    /// own: who holds one of this copier's may wait for one of the other's.
    #[must_use]
    pub fn beside(&self, source: Arc<dyn Bucket>, destinations: Vec<Destination>) -> Self {
        let Inner { options, budget, cancel, .. } = &*self.inner;
        let mut other = Inner::new(source, destinations, options.clone(), cancel.clone());
        other.budget = budget.clone();
        Self { inner: Arc::new(other) }
    }

    /// Copies a stream of jobs, many at once. Outcomes come in the order in which jobs end.
    pub fn run<'a>(&'a self, jobs: impl Stream<Item = Job> + Send + 'a) -> impl Stream<Item = Copied> + Send + 'a {
        // They are bounded by how many may be under way.
        jobs.then(move |job| async move { (self.slot().await, job) })
            .map(move |(slot, job)| self.copy_in(slot, job))
            .buffer_unordered(usize::MAX)
    }

    /// Waits until another object may be copied: there are `options.transfers` slots. An object that only waits, for its
    /// turn among large ones or for a destination that holds up others, gives its slot back meanwhile; so many of them
    /// may wait that memory stays bounded.
    pub async fn slot(&self) -> Slot {
        self.inner.admission.slot().await
    }

    /// Those that wait for their turn among large objects do not get it any more: they come back as cancelled. What has
    /// begun goes on.
    pub fn close(&self) {
        self.inner.admission.close();
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.inner.admission.is_closed()
    }

    /// Bytes of objects that have arrived so far, in bytes; copies on the server bring none.
    pub fn bytes_arrived(&self) -> u64 {
        self.inner.arrived.load(Ordering::Relaxed)
    }

    /// Uploads in parts that are open at this moment, and those that could not be aborted. A process that ends at once
    /// leaves them behind, and can name them.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        self.inner.sites.iter().flat_map(|site| site.unfinished()).collect()
    }

    /// Copies one object, once there is a slot.
    pub async fn copy(&self, job: Job) -> Copied {
        self.copy_in(self.slot().await, job).await
    }

    /// Copies one object, on a task of its own, so that many copies use every core whoever waits for them. Dropping
    /// the future ends the copy at once; to end it cleanly, cancel.
    pub async fn copy_in(&self, slot: Slot, job: Job) -> Copied {
        let (copier, given_up) = (self.clone(), job.clone());
        let task = AbortOnDropHandle::new(tokio::spawn(async move { copier.fly(slot, job).await }));
        task.await.unwrap_or_else(|panic| Copied::failed(given_up, &Error::new(ErrorKind::Io, panic.to_string())))
    }

    async fn fly(&self, slot: Slot, job: Job) -> Copied {
        let started = Instant::now();
        if self.inner.cancel.is_cancelled() {
            return Copied::failed(job, &cancelled());
        }
        let source = self.inner.source_of(&job);
        let stop = source.stop.clone();
        let Inner { destinations, options, budget, sites, cancel, .. } = &*self.inner;
        let (listed, hint, changed, info) = (job.source, job.hint, false, None);
        let (admitted, ends, last) = (&Admitted::from(slot), Arc::default(), &CancellationToken::new());
        let mut lanes: Vec<Lane> = job.targets.into_iter().map(Lane::new).collect();
        let watch = Watch::over(&lanes, listed.size, &ends, sites, admitted, options);
        let mut flight = Flight {
            source,
            listed,
            hint,
            changed,
            info,
            destinations,
            sites,
            options,
            budget,
            admitted,
            ends,
            last,
            cancel,
        };
        {
            let mut work = pin!(flight.run(&mut lanes));
            tokio::select! {
                () = &mut work => {}
                never = watch.keep() => match never {},
                () = self.inner.grace_over() => {
                    stop.cancel();
                    let cleaned = tokio::time::timeout(LAST_REQUESTS, &mut work).await;
                    if cleaned.is_err() {
                        last.cancel();
                        work.await;
                    }
                }
            }
        }
        let targets = lanes.into_iter().map(|lane| lane.placed(&flight, started)).collect();
        let source_reads = flight.source.reads.load(Ordering::Relaxed);
        Copied { source: flight.listed, changed: flight.changed, source_reads, targets }
    }
}

impl Inner {
    fn new(
        source: Arc<dyn Bucket>,
        destinations: Vec<Destination>,
        options: CopyOptions,
        cancel: CancellationToken,
    ) -> Self {
        let (source, destinations) = limited(source, destinations, &options.bandwidth);
        let budget = Budget::new(options.budget(), LargeBodies::up_to(options.transfers.saturating_mul(PARTS_AT_ONCE)));
        let admission = Admission::new(options.transfers);
        let answers = |d: &Destination| Answers::of(d.bucket.location(), options.longest_silence, &options.bandwidth);
        let sites = destinations.iter().map(|d| Arc::new(Site::new(answers(d)))).collect();
        let (arrived, hides_parts, contradicts) = Default::default();
        Self { source, destinations, options, budget, admission, sites, arrived, hides_parts, contradicts, cancel }
    }

    fn source_of(&self, job: &Job) -> Source {
        Source {
            bucket: self.source.clone(),
            key: job.source.key.clone(),
            retry: self.options.retry.clone(),
            stop: CancellationToken::new(),
            reads: Arc::default(),
            changed: Arc::default(),
            arrived: self.arrived.clone(),
            moved: self.budget.counter(job.source.size, job.targets.iter().any(|target| target.unpack)),
            hides_parts: self.hides_parts.clone(),
            contradicts: self.contradicts.clone(),
        }
    }

    async fn grace_over(&self) {
        self.cancel.cancelled().await;
        tokio::time::sleep(self.options.grace).await;
    }
}

/// The same places, under a limit on bandwidth.
fn limited(
    source: Arc<dyn Bucket>,
    mut destinations: Vec<Destination>,
    bandwidth: &Bandwidth,
) -> (Arc<dyn Bucket>, Vec<Destination>) {
    let buckets = destinations.iter().map(|destination| destination.bucket.clone());
    let mut buckets = bandwidth.over(buckets.chain([source.clone()]).collect());
    let source = buckets.pop().unwrap_or(source);
    destinations.iter_mut().zip(buckets).for_each(|(destination, bucket)| destination.bucket = bucket);
    (source, destinations)
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
