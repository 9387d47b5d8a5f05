use std::{
    collections::BTreeMap,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, anyhow};
use tempfile::NamedTempFile;
use transship_report::{Ending, Header, ObjectReport, OutputFile, ReportWriter, Totals};
use transship_store::{Bucket, Location, RetryOptions, open, retry};
use transship_types::{ErrorClass, Key};

use crate::{Failure, upload::upload, with_environment};

/// The run report on its way to where `--report` says.
///
/// A file is written beside its place and renamed at the end. For a URL the report is gathered in a temporary file and
/// uploaded at the end. Dropped without [`finish`](Self::finish), nothing is left.
#[derive(Debug)]
pub struct ReportOutput {
    writer: ReportWriter<Sink>,
}

#[derive(Debug)]
enum Sink {
    File(OutputFile),
    Spool { file: BufWriter<NamedTempFile>, bucket: Arc<dyn Bucket>, key: Key },
}

impl ReportOutput {
    /// Starts the report, before anything else is touched. `target` is a path or a URL; the credentials for a URL come
    /// from `environment` (see [`with_environment`]). The store of a URL is asked for one listed key, so that a bucket
    /// that is not there or keys that are refused show now and not at the end; whether it takes a write shows then.
    ///
    /// # Errors
    /// The directory is missing or read-only, the URL names no object or a store that cannot be reached: exit code 2.
    pub async fn create(target: &str, environment: &BTreeMap<String, String>, header: &Header) -> anyhow::Result<Self> {
        let start = async || -> anyhow::Result<Self> {
            let sink = match file_path(target) {
                Some(path) => Sink::File(OutputFile::create(path)?),
                None => Sink::spool(target, environment).await?,
            };
            Ok(Self { writer: ReportWriter::start(sink, header)? })
        };
        start().await.with_context(|| format!("--report {target:?}")).map_err(Failure::usage)
    }

    /// Where the report is to be, for people.
    pub fn place(&self) -> String {
        self.writer.get_ref().place()
    }

    /// Writes one object.
    ///
    /// # Errors
    /// The disk's.
    pub fn object(&mut self, object: &ObjectReport) -> anyhow::Result<()> {
        self.writer.object(object).with_context(|| format!("report {}", self.place()))
    }

    /// Ends the report and puts it into its place.
    ///
    /// # Errors
    /// The disk's or the store's. A report that could not be uploaded is kept, and the error says where.
    pub async fn finish(self, ending: &Ending, totals: &Totals) -> anyhow::Result<()> {
        let place = self.place();
        match self.writer.finish(ending, totals).with_context(|| format!("report {place}"))? {
            Sink::File(file) => Ok(file.commit()?),
            Sink::Spool { file, bucket, key } => {
                let mut file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                let Err(error) = upload(file.as_file_mut(), &*bucket, &key).await else { return Ok(()) };
                let kept = file.into_temp_path().keep().map(|path| path.display().to_string());
                let kept = kept.unwrap_or_else(|error| format!("nowhere ({error})"));
                Err(anyhow!(error).context(format!("upload the report (it is kept in {kept})")))
            }
        }
    }
}

impl Sink {
    async fn spool(url: &str, environment: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        // The last part of the path is the object's name; what is before it is a location like any other.
        let (folder, name) =
            url.rsplit_once('/').filter(|(folder, name)| !name.is_empty() && !folder.ends_with('/')).ok_or_else(
                || anyhow!("expected a path, or a URL that names an object: s3://bucket/reports/run.json"),
            )?;
        let location = with_environment(Location::from_url(folder)?, environment);
        let bucket = open(&location.bucket)?;
        let key = Key::from(name).prefixed(&location.prefix);
        bucket.check_key(&key)?;
        match retry(&RetryOptions::default().at_first_contact(), |_| bucket.probe()).await {
            // Keys that may write and not list are enough.
            Err(error) if error.concerns_bucket() || error.class() == ErrorClass::Transient => return Err(error.into()),
            _ => {}
        }
        let file = BufWriter::new(NamedTempFile::new().context("create a temporary file")?);
        Ok(Self::Spool { file, bucket, key })
    }

    fn place(&self) -> String {
        match self {
            Self::File(file) => file.path().display().to_string(),
            Self::Spool { bucket, key, .. } => format!("{key} in {}", bucket.location()),
        }
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Spool { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Spool { file, .. } => file.flush(),
        }
    }
}

/// Paths, and `file://` URLs, which a path says as well: `file://./here` is relative.
fn file_path(target: &str) -> Option<PathBuf> {
    match target.split_once("://") {
        None => Some(PathBuf::from(target)),
        Some(("file", path)) => Some(Path::new(path).to_owned()),
        Some(_) => None,
    }
}
