//! `transship-mirror sync` and `copy`

use std::sync::Arc;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;
use transship::{
    Error,
    diff::Filter,
    mirror::{
        Change, CutOff, Deletion, Ends, Guards, MirrorOptions, Mirrored, changes, is_about_order, mirror, refusal,
    },
    store::ErrorKind,
    types::ErrorClass,
};
use transship_config::WriteOptions;
use transship_support::{
    ExitCode, Failure, Output, OutputFormat, Progress, Span, cancel_on_signals, left_behind, removal, stopped_by,
};

use crate::{
    cli::{Cli, CutoffMode, MirrorArgs},
    overlap, plan, policy,
    remotes::{self, Between},
    results::Results,
    stats,
};

pub(crate) async fn run(cli: &Cli, args: &MirrorArgs, deletes: bool) -> Result<ExitCode> {
    let between = Between::open(cli, &args.source, &args.destination, &args.filters).await?;
    let Between { remotes, source, destination, ends, filter } = between;
    if let Some(report) = args.run.report.as_ref().filter(|report| deletes && overlap::holds(&destination, report)) {
        let place = ends.destination.describe();
        return Err(Failure::usage(anyhow::anyhow!("--report {report:?} lies in {place}: sync would delete it")));
    }
    let keeps_out = |folder: &str| !filter.enters(folder);
    let backup = remotes::backup(&remotes, &args.backup, &source, &destination, keeps_out)?;
    let cancel = cancel_on_signals()?;
    // One object is copied, whatever else is there.
    let deletes_any = deletes && source.only.is_none();
    let options = options(args, deletes_any, filter, &ends, &destination.write, cancel)?;
    let options = MirrorOptions { backup, ..options };
    let name = if deletes { "sync" } else { "copy" };
    let mut results = Results::open(name, args, &ends, &options.cancel).await?;
    let hard = limit(args).filter(|_| args.cutoff_mode != CutoffMode::Soft);
    let deadline = hard.map(|span| stop_after(span.0, options.cancel.clone()));
    let ended = if args.dry_run {
        foretell(&ends, &options, args.run.output, &mut results).await?
    } else {
        carry_out(&ends, &options, args, &mut results).await?
    };
    drop(deadline);
    let why = stopped_by().map_or_else(|| "--max-duration is over".to_owned(), |signal| format!("stopped by {signal}"));
    let stopped =
        options.cancel.is_cancelled().then(|| (ExitCode::Stopped, anyhow::anyhow!("{why}: run again to go on")));
    results.finish(ended.map(|error| (code(&error), told(&error, &ends, deletes))).or(stopped), &ends).await
}

fn options(
    args: &MirrorArgs,
    deletes: bool,
    filter: Filter,
    ends: &Ends,
    write: &WriteOptions,
    cancel: CancellationToken,
) -> Result<MirrorOptions> {
    let work_dir = args.work_dir.clone().unwrap_or_else(std::env::temp_dir);
    // What cannot be written there is found out before anything is touched.
    let probe = tempfile::tempfile_in(&work_dir).with_context(|| format!("--work-dir {}", work_dir.display()));
    drop(probe.map_err(Failure::usage)?);
    let mut options = MirrorOptions {
        policy: policy::of(&args.comparison, ends),
        content: policy::content(&args.comparison),
        immutable: args.comparison.immutable,
        filter: Arc::new(filter),
        deletion: match (deletes, args.deletions.delete_excluded) {
            (false, _) => Deletion::Nothing,
            (true, false) => Deletion::Extra,
            (true, true) => Deletion::ExtraAndExcluded,
        },
        guards: Guards { max_delete: args.deletions.max_delete, allow_empty_source: args.deletions.allow_empty_source },
        cut_off: cut_off(args),
        sort: args.sort_listings,
        work_dir,
        cancel,
        ..MirrorOptions::default()
    };
    let memory = args.memory();
    options.list.listers = memory.listers_of_two(args.checkers.wanted());
    options.copy.transfers = usize::from(args.transfers);
    options.copy.memory = memory.for_data();
    options.copy.bandwidth = args.run.bandwidth();
    options.copy.split_above = write.upload_cutoff.unwrap_or(args.upload_cutoff.0);
    if let Some(size) = write.chunk_size {
        options.copy.part_size = size;
    }
    options.copy.retry.attempts = u32::from(args.retries);
    options.list.retry = options.copy.retry.clone();
    Ok(options)
}

/// rclone's 0 is no limit.
fn limit(args: &MirrorArgs) -> Option<Span> {
    args.max_duration.filter(|span| !span.0.is_zero())
}

fn cut_off(args: &MirrorArgs) -> CutOff {
    let soft = args.cutoff_mode == CutoffMode::Soft;
    CutOff {
        bytes: args.max_transfer.map(|size| size.0),
        cautious: !soft,
        at: limit(args).filter(|_| soft).map(|span| tokio::time::Instant::now() + span.0),
    }
}

/// Ends a run cleanly when its time is over.
fn stop_after(span: std::time::Duration, cancel: CancellationToken) -> tokio_util::task::AbortOnDropHandle<()> {
    tokio_util::task::AbortOnDropHandle::new(tokio::spawn(async move {
        tokio::time::sleep(span).await;
        tracing::warn!("--max-duration is over: nothing new is started");
        cancel.cancel();
    }))
}

/// What an error of the run itself means.
pub(crate) fn code(error: &Error) -> ExitCode {
    match error {
        Error::Store(error) if error.kind() == ErrorKind::Configuration => ExitCode::Usage,
        error if error.class() == ErrorClass::Cancelled => ExitCode::Stopped,
        _ => ExitCode::RunFailed,
    }
}

/// It in words, with what it means for the user.
pub(crate) fn told(error: &Error, ends: &Ends, deletes: bool) -> anyhow::Error {
    let mut line = error.to_string();
    if let Error::Store(error) = error
        && error.kind() == ErrorKind::NoSuchBucket
        && error.location() == ends.destination.bucket.location()
    {
        line += "; create it first, no buckets are created here";
    }
    if is_about_order(error) {
        line += "; --sort-listings takes no order for granted";
    }
    if deletes && matches!(error, Error::Store(_) | Error::Listing(_)) {
        line += "; nothing was deleted";
    }
    anyhow::Error::msg(line)
}

/// The plan, printed.
async fn foretell(
    ends: &Ends,
    options: &MirrorOptions,
    format: OutputFormat,
    results: &mut Results,
) -> Result<Option<Error>> {
    let mut out = Output::stdout();
    let until = options.cancel.clone().cancelled_owned();
    let found = changes(ends, options);
    let mut changes = std::pin::pin!(found.stream.take_until(until));
    let (mut deletions, mut clean) = (0, true);
    loop {
        match changes.try_next().await {
            Ok(None) if options.cancel.is_cancelled() => return Ok(None),
            Ok(None) if !clean => {
                results.take(Mirrored::Spared(deletions), ends);
                return Ok(None);
            }
            Ok(None) => match refusal(ends, options, &found.compared, deletions).await {
                Ok(refused) => {
                    tell_missing(options, found.compared.fitting());
                    refused.iter().for_each(|refusal| results.refuse(refusal));
                    return Ok(None);
                }
                Err(error) => return Ok(Some(error)),
            },
            Err(error) => return Ok(Some(error)),
            Ok(Some(change)) => {
                deletions += u64::from(matches!(change, Change::Delete { .. }));
                clean &= change.error().is_none();
                let (object, line) = plan::foretold(&change, ends);
                results.add(&object);
                match (format, line) {
                    (OutputFormat::Text, Some(line)) => out.line(&line)?,
                    (OutputFormat::Json, Some(_)) => out.line(&serde_json::to_string(&object)?)?,
                    _ => {}
                }
            }
        }
    }
}

/// Objects that a list names and the source does not have are told of: nobody else would miss them.
fn tell_missing(options: &MirrorOptions, found: u64) {
    let named = options.filter.listed().map_or(0, |named| named as u64);
    if found < named {
        tracing::warn!("{} of the {named} objects that --files-from names are not at the source", named - found);
    }
}

async fn carry_out(
    ends: &Ends,
    options: &MirrorOptions,
    args: &MirrorArgs,
    results: &mut Results,
) -> Result<Option<Error>> {
    let mirroring = Arc::new(mirror(ends.clone(), options.clone()));
    let open = Arc::clone(&mirroring);
    left_behind(move || open.unfinished().iter().flat_map(removal).collect());
    let shown = Arc::clone(&mirroring);
    let progress = Progress::start(args.run.shown(), move || stats::snapshot(&shown.progress()));
    let mut ended = None;
    let mut outcomes = mirroring.outcomes();
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Ok(what) => results.take(what, ends),
            Err(error) => ended = Some(error),
        }
    }
    drop(progress);
    if ended.is_none() && !options.cancel.is_cancelled() {
        tell_missing(options, mirroring.compared.fitting());
    }
    Ok(ended)
}
