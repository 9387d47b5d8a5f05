//! A small program made of this crate's parts: it does what its first argument says. The tests look at it from outside.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use clap::Parser;
use time::OffsetDateTime;
use transship_report::{DestinationReport, Ending, Header, ObjectReport, Totals};
use transship_support::{
    ExitCode, Failure, LogArgs, Output, Progress, ReportOutput, RunArgs, Snapshot, cancel_on_signals, environment, run,
};
use transship_types::{Key, Outcome, Strength};

#[derive(Parser)]
struct Cli {
    /// fail, usage, panic, task-panic, print, log, report or wait
    what: String,
    #[command(flatten)]
    run: RunArgs,
    #[command(flatten)]
    log: LogArgs,
}

fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    run(|| act(cli))
}

async fn act(cli: Cli) -> anyhow::Result<ExitCode> {
    cli.log.init("task")?;
    match cli.what.as_str() {
        "fail" => Err(anyhow!("connect: refused")).context("list s3://bucket:\n\"k\u{1b}[31m\""),
        "usage" => Err(Failure::usage(anyhow!("no such flag"))),
        "panic" => Err(anyhow!("{}", [1, 2][cli.what.len()])),
        "task-panic" => {
            tokio::spawn(async { assert_eq!(1, 2, "two\nlines") }).await.context("join the task")?;
            Ok(ExitCode::Done)
        }
        "print" => {
            let mut out = Output::stdout();
            loop {
                out.line(&"a line")?;
            }
        }
        "log" => {
            tracing::error!(target: "transship_store", "an error");
            tracing::info!(key = "a\nb", "told");
            tracing::debug!("details");
            tracing::warn!(target: "hyper", "elsewhere");
            tracing::info!(target: "hyper", "chatter");
            Ok(ExitCode::Done)
        }
        "report" => report(&cli.run).await,
        "wait" => wait(&cli.run).await,
        other => bail!("cannot {other}"),
    }
}

async fn report(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let header = Header { started: OffsetDateTime::UNIX_EPOCH, ..Header::new("task", "0", "report") };
    let target = args.report.as_deref().context("--report is missing")?;
    let mut output = ReportOutput::create(target, &environment(), &header).await?;
    let mut totals = Totals::default();
    let mut object = ObjectReport::new(Key::from("key"));
    object.destinations.push(DestinationReport::new("a", None, Outcome::Copied { verified: Strength::Md5 }));
    totals.add(&object);
    output.object(&object)?;
    let place = output.place();
    output.finish(&Ending::now(0), &totals).await?;
    Output::stdout().line(&place)?;
    Ok(ExitCode::Done)
}

async fn wait(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let cancel = cancel_on_signals()?;
    let done = Arc::new(AtomicU64::new(0));
    let counter = done.clone();
    let progress = Progress::start(args.shown(), move || {
        let bytes_done = counter.load(Ordering::Relaxed);
        Snapshot { bytes_done, bytes_total: 1 << 30, objects_total: 1024, complete: true, ..Snapshot::default() }
    });
    Output::stdout().line(&"ready")?;
    while !cancel.is_cancelled() {
        done.fetch_add(1 << 20, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(50)).await;
        tracing::debug!("still there");
    }
    Output::stdout().line(&"stopping")?;
    if args.memory.is_some() {
        tokio::time::sleep(Duration::from_secs(60)).await; // a run that does not stop
    }
    drop(progress);
    Ok(ExitCode::Stopped)
}
