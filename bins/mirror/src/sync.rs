//! `transship-mirror sync` and `copy`

use std::sync::Arc;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use transship::{
    Error,
    diff::Filter,
    mirror::{Content, Deletion, Ends, Guards, MirrorOptions, changes, mirror},
    store::{Capabilities, ErrorKind},
    types::ErrorClass,
};
use transship_config::Remote;
use transship_support::{ExitCode, Failure, Output, OutputFormat, Progress, Snapshot, cancel_on_signals, left_behind};

use crate::{
    cli::{Cli, MirrorArgs},
    plan, policy, remotes,
    results::Results,
};

pub(crate) async fn run(cli: &Cli, args: &MirrorArgs, deletes: bool) -> Result<ExitCode> {
    let filter = args.filters.filter(OffsetDateTime::now_utc())?;
    let (ends, remote) = remotes::ends(cli.config.as_ref(), &args.source, &args.destination)?;
    let cancel = cancel_on_signals()?;
    let options = options(args, deletes, filter, &ends, &remote, cancel)?;
    let mut results = Results::open(if deletes { "sync" } else { "copy" }, args, &ends).await?;
    let deadline = args.max_duration.map(|span| stop_after(span.0, options.cancel.clone()));
    let ended = if args.dry_run {
        foretell(&ends, &options, args.run.output, &mut results).await?
    } else {
        carry_out(&ends, &options, args, &mut results).await?
    };
    drop(deadline);
    let stopped = options.cancel.is_cancelled().then(|| (ExitCode::Stopped, anyhow::anyhow!("stopped before its end")));
    results.finish(ended.map(|error| (code(&error), error.into())).or(stopped), &ends).await
}

fn options(
    args: &MirrorArgs,
    deletes: bool,
    filter: Filter,
    ends: &Ends,
    remote: &Remote,
    cancel: CancellationToken,
) -> Result<MirrorOptions> {
    let work_dir = args.work_dir.clone().unwrap_or_else(std::env::temp_dir);
    let there = std::fs::metadata(&work_dir).with_context(|| format!("--work-dir {}", work_dir.display()));
    there.map_err(Failure::usage)?;
    let capabilities = |place: &transship::Place| -> Capabilities { place.bucket.capabilities().clone() };
    let mut options = MirrorOptions {
        policy: policy::policy(&args.comparison, &capabilities(&ends.source), &capabilities(&ends.destination)),
        content: if args.comparison.checksum { Content::Hashed } else { Content::AsListed },
        immutable: args.comparison.immutable,
        filter: Arc::new(filter),
        deletion: match (deletes, args.deletions.delete_excluded) {
            (false, _) => Deletion::Nothing,
            (true, false) => Deletion::Extra,
            (true, true) => Deletion::ExtraAndExcluded,
        },
        guards: Guards { max_delete: args.deletions.max_delete, allow_empty_source: args.deletions.allow_empty_source },
        work_dir,
        cancel,
        ..MirrorOptions::default()
    };
    options.list.listers = usize::from(args.checkers);
    options.copy.transfers = usize::from(args.transfers);
    options.copy.memory = args.memory();
    options.copy.split_above = remote.write.upload_cutoff.unwrap_or(args.upload_cutoff.0);
    if let Some(size) = remote.write.chunk_size {
        options.copy.part_size = size;
    }
    options.copy.retry.attempts = u32::from(args.retries);
    options.list.retry = options.copy.retry.clone();
    Ok(options)
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
fn code(error: &Error) -> ExitCode {
    match error {
        Error::WorkDir(_) => ExitCode::Usage,
        Error::Store(error) if error.kind() == ErrorKind::Configuration => ExitCode::Usage,
        error if error.class() == ErrorClass::Cancelled => ExitCode::Stopped,
        _ => ExitCode::RunFailed,
    }
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
    let mut changes = std::pin::pin!(changes(ends, options).stream.take_until(until));
    loop {
        match changes.try_next().await {
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(error)),
            Ok(Some(change)) => {
                let (object, line) = plan::foretold(&change, ends);
                results.add(&object)?;
                match (format, line) {
                    (OutputFormat::Text, Some(line)) => out.line(&line)?,
                    (OutputFormat::Json, Some(_)) => out.line(&serde_json::to_string(&object)?)?,
                    _ => {}
                }
            }
        }
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
    left_behind(move || {
        open.unfinished().iter().map(|upload| format!("{} of {}", upload.upload_id, upload.key)).collect()
    });
    let shown = Arc::clone(&mirroring);
    let progress = Progress::start(args.run.progress, move || {
        let compared = &shown.compared;
        Snapshot {
            objects_done: compared.source(),
            objects_total: compared.source(),
            bytes_done: shown.bytes_arrived(),
            bytes_total: compared.source_bytes(),
            complete: false,
            failed: 0,
        }
    });
    let mut ended = None;
    let mut outcomes = mirroring.outcomes();
    while let Some(outcome) = outcomes.next().await {
        match outcome {
            Ok(what) => results.take(what, ends)?,
            Err(error) => ended = Some(error),
        }
    }
    drop(progress);
    Ok(ended)
}
