//! Carries out a run, and tells what came of it: report, failed list, progress, summary, exit code.

use futures::{TryStreamExt, stream::BoxStream};
use transship::{
    Error, Route, RunOptions,
    report::{Ending, FailedList, Header, ObjectReport, StoreRequests, Summary, Totals},
    types::{Entry, ErrorClass, Outcome},
};
use transship_support::{ExitCode, Failure, Output, OutputFormat, Progress, ReportOutput, Snapshot, environment};

use crate::cli::{Cli, CopyArgs};

/// Where results go.
pub(crate) struct Results {
    header: Header,
    totals: Totals,
    report: Option<ReportOutput>,
    failed: FailedList,
    failed_file: String,
    format: OutputFormat,
}

type Entries = BoxStream<'static, transship::Result<Entry>>;

impl Results {
    /// Opens them all: a report that cannot be written is found out before anything is copied.
    pub(crate) fn open(cli: &Cli, args: &CopyArgs, header: Header) -> anyhow::Result<Self> {
        let report = match &cli.run.report {
            Some(target) => Some(ReportOutput::create(target, &environment(), &header)?),
            None => None,
        };
        Ok(Self {
            totals: Totals::of(&header.destinations),
            header,
            report,
            failed: FailedList::new(&args.failed_file),
            failed_file: args.failed_file.display().to_string(),
            format: cli.run.output,
        })
    }

    fn add(&mut self, object: &ObjectReport) -> anyhow::Result<()> {
        for destination in &object.destinations {
            if let Outcome::Failed { error } = &destination.outcome {
                tracing::error!(key = %object.key, destination = destination.destination, "{error}");
            }
        }
        if self.header.dry_run && self.format == OutputFormat::Text {
            foretell(object)?;
        }
        self.totals.add(object);
        self.failed.add(object)?;
        match &mut self.report {
            Some(report) => report.object(object),
            None => Ok(()),
        }
    }

    /// Writes what is left to write, and prints the summary.
    async fn finish(self, code: ExitCode, error: Option<String>, requests: Vec<StoreRequests>) -> anyhow::Result<()> {
        let ending = Ending { error, requests, ..Ending::now(code.code()) };
        let mut files = Vec::new();
        if !self.header.dry_run {
            let failed = self.failed.finish()?;
            if failed > 0 {
                files.push(("failed list", self.failed_file));
            }
        }
        if let Some(report) = self.report {
            files.push(("report", report.place()));
            report.finish(&ending, &self.totals).await?;
        }
        let mut out = Output::stdout();
        match self.format {
            OutputFormat::Text => {
                let (header, totals, meaning) = (&self.header, &self.totals, code.meaning());
                let summary = Summary { header, ending: &ending, totals, meaning, files: &files };
                out.line(&summary.to_string().trim_end())?;
            }
            OutputFormat::Json => {
                let json = serde_json::json!({
                    "run": self.header, "ending": ending, "totals": self.totals,
                    "files": files.into_iter().collect::<std::collections::BTreeMap<_, _>>(),
                });
                out.line(&json)?;
            }
        }
        Ok(())
    }
}

/// The plan of a dry run: a line for each object and destination.
fn foretell(object: &ObjectReport) -> anyhow::Result<()> {
    let mut out = Output::stdout();
    for destination in &object.destinations {
        let name = &destination.destination;
        let there = destination.key.as_ref().map_or_else(String::new, |key| format!(" {key}"));
        match &destination.outcome {
            Outcome::Skipped { reason } => out.line(&format_args!("{} -> {name}{there}: {reason}", object.key))?,
            Outcome::Failed { error } => out.line(&format_args!("{} -> {name}{there}: fails: {error}", object.key))?,
            _ => {}
        }
    }
    Ok(())
}

/// Copies, or says what would be copied.
pub(crate) async fn carry_out(
    cli: &Cli,
    route: Route,
    entries: Entries,
    options: RunOptions,
    mut results: Results,
) -> anyhow::Result<ExitCode> {
    let cancel = options.cancel.clone();
    let stores = stores(&results.header, &route);
    let run = if results.header.dry_run {
        transship::dry_run(route, entries, options)
    } else {
        transship::copy_entries(route, entries, options)
    };
    let progress = {
        let progress = run.progress();
        Progress::start(cli.run.progress, move || snapshot(&progress))
    };
    let mut outcomes = run.outcomes();
    let ended = loop {
        match outcomes.try_next().await {
            Ok(Some(object)) => results.add(&object)?,
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    // Objects in flight when the run itself failed still come to their end.
    drop(outcomes);
    drop(progress);
    let requests = stores.iter().map(|(name, bucket)| requests(name, &**bucket)).collect();
    let code = match &ended {
        Ok(()) if cancel.is_cancelled() => ExitCode::Stopped,
        Ok(()) => ExitCode::from(&results.totals),
        Err(Error::Collision { .. } | Error::WorkDir { .. }) => ExitCode::Usage,
        Err(error) if error.class() == ErrorClass::Cancelled => ExitCode::Stopped,
        Err(_) => ExitCode::RunFailed,
    };
    let nothing_happened = results.totals.objects == 0;
    match ended {
        Err(error) if nothing_happened && results.report.is_none() => Err(Failure::new(code, error)),
        Err(error) => {
            let line = transship_support::one_line(&error.into());
            results.finish(code, Some(line.clone()), requests).await?;
            Err(Failure::new(code, anyhow::anyhow!(line)))
        }
        Ok(()) => {
            results.finish(code, None, requests).await?;
            Ok(code)
        }
    }
}

type Stores = Vec<(String, std::sync::Arc<dyn transship::store::Bucket>)>;

fn stores(header: &Header, route: &Route) -> Stores {
    let source = header.source.as_ref().map_or_else(|| "source".to_owned(), |s| s.name.clone());
    let legs = route.legs.iter().map(|leg| (leg.name.clone(), leg.place.bucket.clone()));
    std::iter::once((source, route.source.bucket.clone())).chain(legs).collect()
}

fn requests(name: &str, bucket: &dyn transship::store::Bucket) -> StoreRequests {
    let counts = bucket.requests();
    StoreRequests {
        store: name.to_owned(),
        get: counts.get,
        head: counts.head,
        put: counts.put,
        post: counts.post,
        delete: counts.delete,
    }
}

fn snapshot(progress: &transship::Progress) -> Snapshot {
    let (objects_total, bytes_total) = progress.known();
    let (objects_done, bytes_done) = progress.done();
    Snapshot { objects_done, objects_total, bytes_done, bytes_total, complete: progress.is_listed(), failed: 0 }
}
