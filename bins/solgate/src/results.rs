//! What comes of a run besides its report: the failed list, failures in the log, the plan of a dry run.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::anyhow;
use tokio_util::sync::CancellationToken;
use transship::{
    report::{Error as ReportError, FailedList, Header, ObjectReport, Verdict},
    types::Outcome,
};
use transship_support::{self as support, End, ExitCode, Failure, Output, OutputFormat, one_line};

use crate::{cli::CopyArgs, failures::Failures};

/// Where results go.
pub(crate) struct Results {
    results: support::Results,
    failures: Failures,
    so_far: Arc<SoFar>,
    failed_list: Option<FailedList>,
    failed_file: PathBuf,
    /// Why there is no failed list.
    no_list: Option<String>,
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
        let results = support::Results::open(&args.run, header, cancel).await?;
        let (failures, so_far) = Default::default();
        Ok(Self { results, failures, so_far, failed_list, failed_file, no_list })
    }

    pub(crate) fn header(&self) -> &Header {
        self.results.header()
    }

    /// What has ended, for whoever shows progress.
    pub(crate) fn so_far(&self) -> Arc<SoFar> {
        Arc::clone(&self.so_far)
    }

    pub(crate) fn objects(&self) -> u64 {
        self.results.totals().objects
    }

    /// What the objects so far say.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.results.totals())
    }

    /// Takes one object down.
    ///
    /// # Errors
    /// Nobody reads stdout any more.
    pub(crate) fn add(&mut self, object: &ObjectReport) -> anyhow::Result<()> {
        self.so_far.add(object);
        if let Some(list) = &mut self.failed_list
            && let Err(error) = list.add(object)
        {
            self.failed_list = None;
            self.results.not_written(error.into());
        }
        self.results.add(object);
        if self.results.header().dry_run {
            return foretell(object, self.results.format());
        }
        let elsewhere = match (&self.no_list, self.results.has_report()) {
            (None, _) => Some(self.failed_file.to_string_lossy()),
            (Some(_), true) => Some("the report".into()),
            (Some(_), false) => None,
        };
        self.failures.tell(object, elsewhere.as_deref());
        Ok(())
    }

    /// Writes what is left to write, and gives the exit code, as an error where there is one.
    pub(crate) async fn finish(mut self, mut end: End) -> anyhow::Result<ExitCode> {
        self.finish_failed_list(&mut end);
        self.results.finish(end).await
    }

    /// An older list is taken away only by a run that came to its end with nothing to be brought again: one that broke
    /// off knows nothing of the objects in it.
    fn finish_failed_list(&mut self, end: &mut End) {
        let counts = self.results.totals().counts;
        let empty = counts.failed + counts.cancelled == 0;
        if let Some(why) = self.no_list.take().filter(|_| !empty && self.results.format() == OutputFormat::Text) {
            end.files.push(("failed list", format!("none: {why}")));
        }
        let Some(list) = self.failed_list.take() else { return };
        if empty && (end.error.is_some() || end.code != ExitCode::Done || self.results.is_in_trouble()) {
            return;
        }
        match list.finish() {
            Ok(0) => {}
            Ok(_) => end.files.push(("failed list", self.failed_file.display().to_string())),
            Err(error) => self.results.not_written(error.into()),
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
