//! What comes of a run, and where it goes: report, failed list, log, summary, exit code.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context, anyhow};
use tokio_util::sync::CancellationToken;
use transship::{
    Error,
    report::{Ending, Error as ReportError, FailedList, Header, ObjectReport, StoreRequests, Summary, Totals, Verdict},
    types::Outcome,
};
use transship_support::{ExitCode, Failure, Output, OutputFormat, ReportOutput, environment, one_line, stopped_by};

use crate::{cli::CopyArgs, copying, failures::Failures};

/// Where results go.
pub(crate) struct Results {
    pub(crate) header: Header,
    totals: Totals,
    failures: Failures,
    so_far: Arc<SoFar>,
    report: Option<ReportOutput>,
    failed_list: Option<FailedList>,
    failed_file: PathBuf,
    /// Why there is no failed list.
    no_list: Option<String>,
    format: OutputFormat,
    /// The first result that could not be written. The copying goes on without it.
    trouble: Option<anyhow::Error>,
}

/// What has ended, while a run goes on.
#[derive(Default)]
pub(crate) struct SoFar {
    /// Objects that came to their end, good or bad: not those that a signal cut off.
    pub(crate) objects: AtomicU64,
    /// Their bytes at the source.
    pub(crate) bytes: AtomicU64,
    /// Objects that failed.
    pub(crate) failed: AtomicU64,
}

impl SoFar {
    fn add(&self, object: &ObjectReport) {
        let verdict = object.verdict();
        if verdict == Verdict::Cancelled {
            return;
        }
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(object.size.unwrap_or(0), Ordering::Relaxed);
        self.failed.fetch_add(u64::from(verdict == Verdict::Failed), Ordering::Relaxed);
    }
}

/// How a run ended.
pub(crate) struct End {
    pub(crate) code: ExitCode,
    pub(crate) error: Option<anyhow::Error>,
    pub(crate) requests: Vec<StoreRequests>,
}

impl Results {
    /// Opens them all: what cannot be written is found out before anything is copied.
    pub(crate) async fn open(args: &CopyArgs, header: Header, cancel: &CancellationToken) -> anyhow::Result<Self> {
        let failed_file = args.failed_file.clone().unwrap_or_else(|| PathBuf::from("failed.json"));
        let (mut failed_list, mut no_list) = (None, None);
        if !header.dry_run {
            let both = args.run.report.as_deref().filter(|report| Path::new(report) == failed_file);
            if let Some(both) = both {
                return Err(Failure::usage(anyhow!("--report and --failed-file are both {both:?}")));
            }
            match failed_list_at(&failed_file, args.failed_file.is_some())? {
                Ok(list) => failed_list = Some(list),
                Err(why) => no_list = Some(why),
            }
        }
        let environment = environment();
        let report = match &args.run.report {
            Some(target) => Some(tokio::select! {
                opened = ReportOutput::create(target, &environment, &header) => opened?,
                () = cancel.cancelled() => return Err(copying::failure(Error::Stopped)),
            }),
            None => None,
        };
        Ok(Self {
            totals: Totals::of(&header.destinations),
            header,
            failures: Failures::default(),
            so_far: Arc::default(),
            report,
            failed_list,
            failed_file,
            no_list,
            format: args.run.output,
            trouble: None,
        })
    }

    /// What has ended, for whoever shows progress.
    pub(crate) fn so_far(&self) -> Arc<SoFar> {
        Arc::clone(&self.so_far)
    }

    pub(crate) fn objects(&self) -> u64 {
        self.totals.objects
    }

    /// What the objects so far say.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(&self.totals)
    }

    /// Takes one object down.
    ///
    /// # Errors
    /// Nobody reads stdout any more.
    pub(crate) fn add(&mut self, object: &ObjectReport) -> anyhow::Result<()> {
        self.totals.add(object);
        self.so_far.add(object);
        if let Some(list) = &mut self.failed_list
            && let Err(error) = list.add(object)
        {
            self.failed_list = None;
            self.not_written(error.into());
        }
        if let Some(report) = &mut self.report
            && let Err(error) = report.object(object)
        {
            self.report = None;
            self.not_written(error);
        }
        if self.header.dry_run {
            return foretell(object, self.format);
        }
        let elsewhere = match (&self.no_list, &self.report) {
            (None, _) => Some(self.failed_file.to_string_lossy()),
            (Some(_), Some(_)) => Some("the report".into()),
            (Some(_), None) => None,
        };
        self.failures.tell(object, elsewhere.as_deref());
        Ok(())
    }

    fn not_written(&mut self, error: anyhow::Error) {
        match &self.trouble {
            None => self.trouble = Some(error),
            Some(_) => tracing::error!("{}", one_line(&error)),
        }
    }

    /// Writes what is left to write, and gives the exit code, as an error where there is one.
    pub(crate) async fn finish(mut self, end: End) -> anyhow::Result<ExitCode> {
        let mut files = Vec::new();
        self.finish_failed_list(&end, &mut files);
        let code = if self.trouble.is_some() { end.code.and(ExitCode::RunFailed) } else { end.code };
        let ran = end.error.is_none() || self.totals.objects > 0;
        let stopped =
            || stopped_by().filter(|_| end.code == ExitCode::Stopped).map(|signal| format!("stopped by {signal}"));
        let told = end.error.as_ref().or(self.trouble.as_ref()).map(one_line).or_else(stopped);
        let mut ending = Ending { error: told, requests: end.requests, ..Ending::now(code.code()) };
        if let Some(report) = self.report.take() {
            let place = report.place();
            match report.finish(&ending, &self.totals).await {
                Ok(()) => files.push(("report", place)),
                Err(error) => {
                    ending.error.get_or_insert_with(|| one_line(&error));
                    ending.exit_code = code.and(ExitCode::RunFailed).code();
                    self.not_written(error);
                }
            }
        }
        // A run that failed before its first object has nothing to sum up: its error says it all.
        let printed = if ran { self.print(&ending, files) } else { Ok(()) };
        match (end.error, self.trouble) {
            (Some(error), trouble) => {
                if let Some(trouble) = trouble {
                    tracing::error!("{}", one_line(&trouble));
                }
                Err(Failure::new(code, error))
            }
            (None, Some(trouble)) => Err(Failure::new(code.and(ExitCode::RunFailed), trouble)),
            (None, None) => printed.map(|()| code),
        }
    }

    /// An older list is taken away only by a run that came to its end with nothing to be brought again: one that broke
    /// off knows nothing of the objects in it.
    fn finish_failed_list(&mut self, end: &End, files: &mut Vec<(&'static str, String)>) {
        let Some(list) = self.failed_list.take() else { return };
        let empty = self.totals.failed + self.totals.cancelled == 0;
        if empty && (end.error.is_some() || end.code != ExitCode::Done || self.trouble.is_some()) {
            return;
        }
        match list.finish() {
            Ok(0) => {}
            Ok(_) => files.push(("failed list", self.failed_file.display().to_string())),
            Err(error) => self.not_written(error.into()),
        }
    }

    fn print(&self, ending: &Ending, mut files: Vec<(&'static str, String)>) -> anyhow::Result<()> {
        let mut out = Output::stdout();
        match self.format {
            OutputFormat::Text => {
                let unlisted = self.totals.failed + self.totals.cancelled > 0;
                files.extend(
                    self.no_list.iter().filter(|_| unlisted).map(|why| ("failed list", format!("none: {why}"))),
                );
                let meaning = meaning(ending.exit_code, self.totals.copied > 0);
                let (header, totals) = (&self.header, &self.totals);
                let summary = Summary { header, ending, totals, meaning, files: &files };
                out.line(&summary.to_string().trim_end()).context("print the summary")
            }
            OutputFormat::Json => {
                let files: BTreeMap<_, _> = files.into_iter().collect();
                let (header, totals) = (&self.header, &self.totals);
                let json = serde_json::json!({ "run": header, "ending": ending, "totals": totals, "files": files });
                out.line(&json).context("print the summary")
            }
        }
    }
}

/// A failed list, or why there is none: a folder that happens to be read-only is no reason to copy nothing, where
/// nobody asked for a list there.
fn failed_list_at(path: &Path, asked_for: bool) -> anyhow::Result<Result<FailedList, String>> {
    let list = FailedList::new(path);
    match list.check() {
        Ok(()) => Ok(Ok(list)),
        Err(error @ ReportError::File { .. }) if !asked_for => {
            let why = one_line(&error.into());
            tracing::warn!("objects that fail will not be listed: {why}; --failed-file FILE names another place");
            Ok(Err(why))
        }
        Err(error) => Err(Failure::usage(anyhow!(error).context(format!("--failed-file {path:?}")))),
    }
}

fn meaning(code: u8, copied: bool) -> &'static str {
    match code {
        1 if copied => "the run itself failed; what was copied stays",
        code => transship_alert::exit_code_meaning(i64::from(code)).unwrap_or_default(),
    }
}

/// The plan of a dry run: a line for each object and destination.
fn foretell(object: &ObjectReport, format: OutputFormat) -> anyhow::Result<()> {
    let mut out = Output::stdout();
    if format == OutputFormat::Json {
        return Ok(out.line(&serde_json::to_string(object)?)?);
    }
    for destination in &object.destinations {
        let name = &destination.destination;
        let there = destination.key.as_ref().map_or_else(String::new, |key| format!(" {key}"));
        let what = match &destination.outcome {
            Outcome::Planned => "would be written".to_owned(),
            Outcome::Skipped { reason } => reason.clone(),
            Outcome::Failed { error } => format!("fails: {error}"),
            _ => continue,
        };
        let notes = destination.notes.iter().map(|note| format!(", {note}")).collect::<String>();
        out.line(&format_args!("{} -> {name}{there}: {what}{notes}", object.key))?;
    }
    Ok(())
}
