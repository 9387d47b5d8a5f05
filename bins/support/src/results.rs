use std::collections::BTreeMap;

use anyhow::Context;
use tokio_util::sync::CancellationToken;
use transship_report::{Ending, Header, ObjectReport, StoreRequests, Summary, Totals};
use transship_store::Bucket;

use crate::{ExitCode, Failure, Output, OutputFormat, ReportOutput, RunArgs, environment, one_line, stopped_by};

/// What comes of a run, and where it goes: report, summary, exit code.
///
/// A result that cannot be written does not end a run: the copying goes on, and the exit code tells.
#[derive(Debug)]
pub struct Results {
    header: Header,
    totals: Totals,
    report: Option<ReportOutput>,
    format: OutputFormat,
    /// The first result that could not be written.
    trouble: Option<anyhow::Error>,
}

/// How a run ended.
#[derive(Debug)]
pub struct End {
    /// What the run itself and its objects say.
    pub code: ExitCode,
    /// What ended it.
    pub error: Option<anyhow::Error>,
    /// What a guard refused, or why it was not asked.
    pub guard: Option<String>,
    /// What was sent to each store.
    pub requests: Vec<StoreRequests>,
    /// Files that were written, what they are and where, the report not among them.
    pub files: Vec<(&'static str, String)>,
}

impl End {
    /// An end of which nothing but the exit code is to be told.
    pub fn new(code: ExitCode) -> Self {
        Self { code, error: None, guard: None, requests: Vec::new(), files: Vec::new() }
    }
}

impl Results {
    /// Opens them: what cannot be written is found out before anything is touched.
    ///
    /// # Errors
    /// The report's place takes none, or the run was stopped meanwhile.
    pub async fn open(args: &RunArgs, header: Header, cancel: &CancellationToken) -> anyhow::Result<Self> {
        let environment = environment();
        let report = match &args.report {
            Some(target) => Some(tokio::select! {
                opened = ReportOutput::create(target, &environment, &header) => opened?,
                () = cancel.cancelled() => {
                    let error = anyhow::anyhow!("stopped before anything was copied");
                    return Err(Failure::new(ExitCode::Stopped, error));
                }
            }),
            None => None,
        };
        Ok(Self { totals: Totals::of(&header.destinations), header, report, format: args.output, trouble: None })
    }

    /// What run this is.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What was counted so far.
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Whether there is a report that holds every object.
    pub fn has_report(&self) -> bool {
        self.report.is_some()
    }

    /// How results are printed.
    pub fn format(&self) -> OutputFormat {
        self.format
    }

    /// Whether a result could not be written.
    pub fn is_in_trouble(&self) -> bool {
        self.trouble.is_some()
    }

    /// Takes one object down.
    pub fn add(&mut self, object: &ObjectReport) {
        self.totals.add(object);
        if let Some(report) = &mut self.report
            && let Err(error) = report.object(object)
        {
            self.report = None;
            self.not_written(error);
        }
    }

    /// Takes down an object that had to be written nowhere. Without a report nothing is made of it but a count.
    pub fn skip(&mut self, destination: &str, bytes: u64, reason: &str, object: impl FnOnce() -> ObjectReport) {
        if self.report.is_some() {
            self.add(&object());
        } else {
            self.totals.skip(destination, bytes, reason);
        }
    }

    /// Takes down that something could not be written.
    pub fn not_written(&mut self, error: anyhow::Error) {
        match &self.trouble {
            None => self.trouble = Some(error),
            Some(_) => tracing::error!("{}", one_line(&error)),
        }
    }

    /// Writes what is left to write, and gives the exit code.
    ///
    /// # Errors
    /// The run's own, with its exit code; or the first result that could not be written.
    pub async fn finish(mut self, end: End) -> anyhow::Result<ExitCode> {
        let mut files = end.files;
        let code = if self.trouble.is_some() { end.code.and(ExitCode::RunFailed) } else { end.code };
        let ran = end.error.is_none() || self.totals.objects > 0;
        let stopped =
            || stopped_by().filter(|_| end.code == ExitCode::Stopped).map(|signal| format!("stopped by {signal}"));
        let told = end.error.as_ref().or(self.trouble.as_ref()).map(one_line).or_else(stopped);
        let mut ending = Ending { error: told, guard: end.guard, requests: end.requests, ..Ending::now(code.code()) };
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
        let printed = if ran { self.print(&ending, &files) } else { Ok(()) };
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

    fn print(&self, ending: &Ending, files: &[(&'static str, String)]) -> anyhow::Result<()> {
        let (header, totals) = (&self.header, &self.totals);
        let mut out = Output::stdout();
        match self.format {
            OutputFormat::Text => {
                let meaning = meaning(ending.exit_code, totals);
                let summary = Summary { header, ending, totals, meaning, files };
                out.line(&summary.to_string().trim_end()).context("print the summary")
            }
            OutputFormat::Json => {
                let files: BTreeMap<_, _> = files.iter().cloned().collect();
                let json = serde_json::json!({ "run": header, "ending": ending, "totals": totals, "files": files });
                out.line(&json).context("print the summary")
            }
        }
    }
}

fn meaning(code: u8, totals: &Totals) -> &'static str {
    match code {
        0 if totals.counts.copied + totals.counts.planned == 0 && totals.counts.deleted > 0 => "all done",
        0 if totals.counts.copied + totals.counts.planned == 0 => "nothing to do",
        1 if totals.counts.copied > 0 => "the run itself failed; what was copied stays",
        code => transship_alert::exit_code_meaning(i64::from(code)).unwrap_or_default(),
    }
}

/// What was sent to a bucket so far, for the report.
pub fn requests_to(name: &str, bucket: &dyn Bucket) -> StoreRequests {
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
