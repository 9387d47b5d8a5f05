use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use transship_report::ObjectReport;
use transship_store::retry;
use transship_types::{Entry, Outcome};

use crate::{
    Decision, Planned, Result, Route, Run, RunOptions,
    copy::{Entries, Progress, prepare, probe},
    outcome,
};

/// Says what [`copy_entries`](crate::copy_entries) would do, and writes nothing. Where the entries are hints, each
/// source object is looked at.
pub fn dry_run(route: Route, entries: impl Stream<Item = Result<Entry>> + Send + 'static, options: RunOptions) -> Run {
    let progress = Arc::new(Progress::default());
    let counted = Arc::clone(&progress);
    let outcomes = stream::once(start(route, entries.boxed(), options, counted));
    Run::new(progress, futures::TryStreamExt::try_flatten(outcomes).boxed())
}

async fn start(
    route: Route,
    entries: Entries,
    options: RunOptions,
    progress: Arc<Progress>,
) -> Result<stream::BoxStream<'static, Result<ObjectReport>>> {
    let closed = probe(&route, &options.copy).await?;
    let (plan, entries) = prepare(route, closed, entries, &options, &progress).await?;
    let cancel = options.cancel.clone();
    let entries = entries.take_until(cancel.cancelled_owned());
    let (plan, at_once) = (Arc::new(plan), options.copy.transfers.max(1));
    let options = Arc::new(options);
    let look = move |entry: Result<Entry>| {
        let (plan, options) = (Arc::clone(&plan), Arc::clone(&options));
        async move {
            let mut entry = entry?;
            let bucket = &plan.route().source.bucket;
            if options.hints {
                match retry(&options.copy.retry, |_| bucket.head(&entry.key)).await {
                    Ok(info) => {
                        entry = Entry { size: info.size, last_modified: info.last_modified, etag: info.etag, ..entry };
                    }
                    Err(error) if error.concerns_bucket() => return Err(error.into()),
                    Err(error) => return Ok(failed(&plan.decide(entry), plan.route(), &error.to_string())),
                }
            }
            Ok(foretold(&plan.decide(entry), plan.route()))
        }
    };
    Ok(entries.map(look).buffered(at_once).boxed())
}

fn foretold(planned: &Planned, route: &Route) -> ObjectReport {
    let mut report = outcome::report(route, planned, None);
    for (destination, target) in report.destinations.iter_mut().zip(&planned.targets) {
        if let Decision::Write { unpack, newest_wins } = &target.decision {
            let unpacked = if *unpack { ", unpacked" } else { "" };
            let guarded = if *newest_wins { ", unless a newer one is there" } else { "" };
            destination.outcome = Outcome::Skipped { reason: format!("would be written{unpacked}{guarded}") };
        }
    }
    report
}

fn failed(planned: &Planned, route: &Route, error: &str) -> ObjectReport {
    let mut report = outcome::report(route, planned, None);
    for destination in &mut report.destinations {
        destination.outcome = Outcome::Failed { error: error.to_owned() };
    }
    report
}
