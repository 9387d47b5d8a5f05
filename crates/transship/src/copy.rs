use std::sync::{Arc, atomic::Ordering};

use futures::{
    FutureExt, Stream, StreamExt, TryStreamExt,
    future::{join_all, try_join_all},
    stream,
    stream::BoxStream,
};
use tokio::sync::oneshot;
use transship_list::ListOptions;
use transship_report::ObjectReport;
use transship_store::ErrorKind;
use transship_transfer::{Copier, CopyOptions, Job, Slot, Target};
use transship_types::{Entry, ErrorClass};

use crate::{
    Decision, Error, Existing, Plan, Progress, Result, Route, Run, RunOptions,
    due::Due,
    found::{Found, Look, look_at},
    list,
    planner::Planner,
};

/// Copies everything below the route's source.
pub fn copy(route: Route, options: RunOptions) -> Run {
    let entries = list(&route.source, &options.listing()).boxed();
    copy_entries(route, entries, options)
}

/// Copies these objects of the route's source. Keys are full ones.
pub fn copy_entries(
    route: Route,
    entries: impl Stream<Item = Result<Entry>> + Send + 'static,
    options: RunOptions,
) -> Run {
    let progress = Arc::new(Progress::default());
    let counted = Arc::clone(&progress);
    let outcomes = stream::once(start(route, entries.boxed(), options, counted)).try_flatten().boxed();
    Run::new(progress, outcomes)
}

pub(crate) type Entries = BoxStream<'static, Result<Entry>>;

async fn start(
    route: Route,
    entries: Entries,
    options: RunOptions,
    progress: Arc<Progress>,
) -> Result<BoxStream<'static, Result<ObjectReport>>> {
    let known = options.hints || Planner::is_needed(&route);
    let look = if options.hints { Look::WhereTimeDecides } else { Look::Never };
    let (plan, found) = tokio::select! {
        prepared = prepare(route, entries, look, &options, &progress) => prepared?,
        // A store that never answers must not hold up the end.
        () = options.cancel.cancelled() => return Err(Error::Stopped),
    };
    let legs = &plan.route.legs;
    let destinations = legs.iter().map(crate::Leg::destination).collect();
    let source = plan.route.source.bucket.clone();
    let how = CopyOptions { leave_equal: options.skip_existing, ..options.copy.clone() };
    let copier = Copier::new(source, destinations, how, options.cancel.clone());
    let _ = progress.copier.set(copier.clone());
    let run = Arc::new(Running { copier, progress: Arc::clone(&progress), plan: Arc::clone(&plan) });
    let (due, broken) = until_error(found.map(move |found| plan.due(found?)));
    let listed = stream::once(async move {
        progress.listed.store(true, Ordering::Relaxed);
        None
    });
    // Entries that are known already come back as cancelled, each by name; a listing is not read to its end for that.
    let cancel = options.cancel.clone();
    let stop = async move { if known { std::future::pending::<()>().await } else { cancel.cancelled().await } };
    Ok(due
        .take_until(stop)
        .map(Some)
        .chain(listed)
        .filter_map(futures::future::ready)
        .then(move |due| {
            let run = Arc::clone(&run);
            async move { (run.copier.slot().await, due, run) }
        })
        .map(move |(slot, due, run)| run.one(slot, due).map(Ok))
        // They are bounded by how many may be under way: who only waits gives its slot back.
        .buffer_unordered(usize::MAX)
        .chain(stream::once(broken).filter_map(|error| futures::future::ready(error.map(Err))))
        .boxed())
}

/// The items before the first error, and the error, once they have been read: what is under way shall not be cut off
/// for it.
fn until_error<T: Send>(
    items: impl Stream<Item = Result<T>> + Send,
) -> (impl Stream<Item = T> + Send, impl Future<Output = Option<Error>> + Send) {
    let (sender, error) = oneshot::channel();
    let good = items.scan(Some(sender), |sender, item| {
        let item = match item {
            Ok(item) => Some(item),
            Err(error) => {
                sender.take().map(|sender| sender.send(error));
                None
            }
        };
        futures::future::ready(item)
    });
    (good, error.map(std::result::Result::ok))
}

/// Everything that happens before the first object is copied.
pub(crate) async fn prepare(
    route: Route,
    entries: Entries,
    look: Look,
    options: &RunOptions,
    progress: &Arc<Progress>,
) -> Result<(Arc<Plan>, BoxStream<'static, Result<Found>>)> {
    let mut closed = probe(&route, &options.copy).await?;
    let mut plan = Plan::new(route);
    if options.skip_existing {
        (plan.existing, closed) = what_exists(&plan.route, closed, options).await?;
    }
    plan.closed = closed;
    let plan = Arc::new(plan);
    let counter = Arc::clone(progress);
    let found = look_at(entries, look, Arc::clone(&plan), options).inspect_ok(move |found| counter.count(&found.entry));
    if !Planner::is_needed(&plan.route) {
        return Ok((plan, found.boxed()));
    }
    let mut planner = Planner::new(&plan.route, &options.work_dir);
    planner.add_all(&plan.route, found).await?;
    let found = planner.finish(&plan)?;
    Ok((plan, stream::iter(found).boxed()))
}

/// Destinations that no object can reach are found out before the first one is read: the others go on without them,
/// and where there are no others the run ends. One that only must not be listed is fine, and a directory that is not
/// there yet is made with the first object.
async fn probe(route: &Route, options: &CopyOptions) -> Result<Vec<Option<String>>> {
    // One that says nothing at all must not keep the others waiting.
    let patience = if route.legs.len() > 1 { 3 * options.longest_lag } else { std::time::Duration::MAX };
    let probes = route.legs.iter().map(async |leg| {
        let bucket = &leg.place.bucket;
        let policy = options.retry.at_first_contact();
        let probed = tokio::time::timeout(patience, transship_store::retry(&policy, |_| bucket.probe())).await;
        let silent = |_| {
            let why = format!("no answer for {} s", patience.as_secs());
            Err(transship_store::Error::new(ErrorKind::Timeout, why).during("open", bucket.location(), None))
        };
        match probed.unwrap_or_else(silent) {
            Err(error) if error.kind() == ErrorKind::NoSuchBucket && bucket.capabilities().made_by_writing => None,
            Err(error) if error.concerns_bucket() || error.class() == ErrorClass::Transient => Some(error),
            Err(error) => {
                tracing::debug!(%error, "the destination cannot be listed");
                None
            }
            Ok(()) => None,
        }
    });
    let errors = join_all(probes).await;
    let reached = errors.iter().any(Option::is_none);
    let closed = |error: Option<transship_store::Error>| match error {
        Some(error) if !reached => Err(error.into()),
        error => Ok(error.map(|error| error.to_string())),
    };
    errors.into_iter().map(closed).collect()
}

/// What each destination holds. One that cannot be listed is left out like one that cannot be reached; where no other
/// is left, the run ends.
async fn what_exists(
    route: &Route,
    closed: Vec<Option<String>>,
    options: &RunOptions,
) -> Result<(Vec<Option<Existing>>, Vec<Option<String>>)> {
    // What waits to be read is memory: all together take as much as one source.
    let listing = options.listing();
    let listing = ListOptions { listers: (listing.listers / route.legs.len().max(1)).max(1), ..listing };
    let listing = &listing;
    let looks = route.legs.iter().zip(closed).map(async |(leg, closed)| match closed {
        Some(error) => Ok((None, Some(error), None)),
        None => match Existing::list(&leg.place, listing, &options.work_dir).await {
            Ok(existing) => Ok((Some(existing), None, None)),
            Err(error @ (Error::Store(_) | Error::Listing(_))) => Ok((None, Some(error.to_string()), Some(error))),
            Err(error) => Err(error),
        },
    });
    let (mut existing, mut closed, mut first) = (Vec::new(), Vec::new(), None);
    for (there, error, failed) in try_join_all(looks).await? {
        existing.push(there);
        closed.push(error);
        first = first.or(failed);
    }
    match first {
        Some(error) if closed.iter().all(Option::is_some) => Err(error),
        _ => Ok((existing, closed)),
    }
}

struct Running {
    plan: Arc<Plan>,
    copier: Copier,
    progress: Arc<Progress>,
}

impl Running {
    async fn one(self: Arc<Self>, slot: Slot, due: Due) -> ObjectReport {
        let copied = match self.job(&due) {
            Some(job) => Some(self.copier.copy_in(slot, job).await),
            None => None,
        };
        self.progress.done.fetch_add(1, Ordering::Relaxed);
        due.report(&self.plan.route, copied)
    }

    /// The part of the plan that the engine carries out.
    fn job(&self, Due { planned, hint, .. }: &Due) -> Option<Job> {
        let write = |target: &crate::PlannedTarget| match (&target.decision, &target.key) {
            (Decision::Write { unpack, newest_wins }, Some(key)) => {
                let (unpack, newest_wins) = (*unpack, *newest_wins);
                Some(Target { destination: target.leg, key: key.clone(), unpack, newest_wins })
            }
            _ => None,
        };
        let targets: Vec<Target> = planned.targets.iter().filter_map(write).collect();
        (!targets.is_empty()).then(|| Job { source: planned.source.clone(), hint: *hint, targets })
    }
}
