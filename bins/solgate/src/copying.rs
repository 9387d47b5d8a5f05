//! Carries out a run.

use std::sync::{Arc, atomic::Ordering};

use futures::{StreamExt, stream::BoxStream};
use tokio_util::sync::CancellationToken;
use transship::{
    Error, Route, Run, RunOptions,
    report::Header,
    store::{Bucket, ErrorKind},
    types::{Entry, ErrorClass},
};
use transship_support::{End, ExitCode, Failure, Progress, Shown, Snapshot, left_behind, removal, requests_to};

use crate::results::{Results, SoFar};

pub(crate) type Entries = BoxStream<'static, transship::Result<Entry>>;

/// Copies, or says what would be copied.
pub(crate) async fn carry_out(
    shown: Shown,
    route: Route,
    entries: Entries,
    options: RunOptions,
    mut results: Results,
) -> anyhow::Result<ExitCode> {
    let cancel = options.cancel.clone();
    let stores = stores(results.header(), &route);
    let run = if results.header().dry_run {
        transship::dry_run(route, entries, options)
    } else {
        transship::copy_entries(route, entries, options)
    };
    let ended = follow(shown, run, &mut results, &cancel).await?;
    let requests = stores.iter().map(|(name, bucket)| requests_to(name, &**bucket)).collect();
    let (code, error) = match ended {
        Ok(()) if cancel.is_cancelled() => (ExitCode::Stopped, None),
        Ok(()) => (results.code(), None),
        Err(error) => (code(&error, results.objects()), Some(error.into())),
    };
    results.finish(End { error, requests, ..End::new(code) }).await
}

/// Takes every outcome down. A run that fails half-way brings the objects in flight to their end first.
async fn follow(
    shown: Shown,
    run: Run,
    results: &mut Results,
    cancel: &CancellationToken,
) -> anyhow::Result<transship::Result<()>> {
    let open = run.progress();
    left_behind(move || open.unfinished().iter().flat_map(removal).collect());
    let (known, so_far) = (run.progress(), results.so_far());
    let progress = Progress::start(shown, move || snapshot(&known, &so_far));
    let mut outcomes = run.outcomes();
    let (mut ended, mut closed) = (Ok(()), Ok(()));
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Ok(object) if closed.is_ok() => closed = results.add(&object).inspect_err(|_| cancel.cancel()),
            Err(error) if ended.is_ok() => ended = Err(error),
            _ => {}
        }
    }
    drop(progress);
    closed.map(|()| ended)
}

/// What an error of the run itself means. Mistakes that only the store can find, such as a profile that is not there,
/// are the configuration's as long as nothing was touched.
pub(crate) fn code(error: &Error, objects: u64) -> ExitCode {
    match error {
        Error::Collision { .. } => ExitCode::Usage,
        Error::WorkDir(_) if objects == 0 => ExitCode::Usage,
        Error::Store(error) if error.kind() == ErrorKind::Configuration && objects == 0 => ExitCode::Usage,
        error if error.class() == ErrorClass::Cancelled => ExitCode::Stopped,
        _ => ExitCode::RunFailed,
    }
}

/// An error that ends a command before anything was touched.
pub(crate) fn failure(error: Error) -> anyhow::Error {
    Failure::new(code(&error, 0), error)
}

type Stores = Vec<(String, Arc<dyn Bucket>)>;

fn stores(header: &Header, route: &Route) -> Stores {
    let source = header.source.as_ref().map_or_else(|| "source".to_owned(), |s| s.name.clone());
    let legs = route.legs.iter().map(|leg| (leg.name.clone(), leg.place.bucket.clone()));
    std::iter::once((source, route.source.bucket.clone())).chain(legs).collect()
}

fn snapshot(progress: &transship::Progress, so_far: &SoFar) -> Snapshot {
    let (objects_total, bytes_total) = progress.known();
    let [objects_done, ended, failed] =
        [&so_far.objects, &so_far.bytes, &so_far.failed].map(|count| count.load(Ordering::Relaxed));
    // Bytes of an object that the server copies never arrive here.
    let bytes_done = progress.done().1.max(ended);
    Snapshot {
        objects_done,
        objects_total,
        bytes_done,
        bytes_total,
        complete: progress.is_listed(),
        failed,
        ..Snapshot::default()
    }
}
