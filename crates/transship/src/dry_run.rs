use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use transship_report::ObjectReport;
use transship_types::{Entry, Outcome};

use crate::{
    Decision, Progress, Result, Route, Run, RunOptions,
    copy::{Entries, prepare},
    due::Due,
    found::Look,
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
    let look = if options.hints { Look::Always } else { Look::Never };
    let entries = entries.take_until(options.cancel.clone().cancelled_owned()).boxed();
    let (plan, found) = prepare(route, entries, look, &options, &progress).await?;
    Ok(found.map(move |found| Ok(foretold(&plan.due(found?)?, plan.route()))).boxed())
}

fn foretold(due: &Due, route: &Route) -> ObjectReport {
    let mut report = due.report(route, None);
    for (destination, target) in report.destinations.iter_mut().zip(&due.planned.targets) {
        if let Decision::Write { unpack, newest_wins } = &target.decision {
            let notes = [(*unpack, "unpacked on the way"), (*newest_wins, "unless a newer one is there")];
            destination.outcome = Outcome::Planned;
            destination.notes =
                notes.into_iter().filter(|(holds, _)| *holds).map(|(_, note)| note.to_owned()).collect();
        }
    }
    report
}
