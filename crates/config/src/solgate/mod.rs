//! Solgate's configuration.

mod alerts;
mod credentials;
mod find;
mod keywords;
mod location;
mod overlap;
mod place;
mod providers;
mod s3;
mod warnings;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use transship_store::{BucketSpec, PayloadSigning};

pub use self::{
    alerts::AlertsConfig,
    credentials::CredentialsFrom,
    find::ConfigPath,
    location::{DestinationConfig, LocationConfig},
};
pub(crate) use self::{
    find::read as read_text,
    keywords::{known_anywhere, known_keys},
    s3::check as check_endpoint,
};
use crate::{
    ConfigError, Result, Sourced, parse_timedelta,
    written::{Document, Kind, Reading, Section, document},
};

/// How far back a listing looks unless something else is said: a day.
const TIMEDELTA: Duration = Duration::from_secs(86_400);

/// One source, its destinations, and what holds for all.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SolgateConfig {
    /// The file that said so.
    pub file: PathBuf,
    /// Where objects come from.
    pub source: LocationConfig,
    /// Where they go: at least one, in the file's order.
    pub destinations: Vec<DestinationConfig>,
    /// How long ago an object may have been modified to be listed.
    pub timedelta: Sourced<Duration>,
    /// Alerting, without the environment: see [`AlertsConfig::with_variables`].
    pub alerts: AlertsConfig,
    /// A listing that finds nothing is no failure (`ignore_alerts: [no_files]`).
    pub ignore_no_files: bool,
    /// What is legal but has no effect, or not the expected one; one line each, for the log.
    pub warnings: Vec<String>,
}

impl SolgateConfig {
    /// Reads a configuration file and the files of keys beside it. `variables` is the environment, which only a binary
    /// reads; nothing but credentials, `AWS_CA_BUNDLE` and the source's endpoint is taken from it.
    ///
    /// # Errors
    /// Everything that can be known to be wrong before a store is asked.
    pub fn load(file: &Path, variables: &BTreeMap<String, String>) -> Result<Self> {
        Self::from_text(file, &find::read(file)?, variables)
    }

    /// As [`load`](Self::load), for a text that was read already. Relative paths and files of keys are looked for beside
    /// `file`.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_text(file: &Path, text: &str, variables: &BTreeMap<String, String>) -> Result<Self> {
        let document = document(file, text)?;
        let source = location::location(&one_source(&document)?, None, variables)?;
        let destinations = destinations(&document, &source, variables)?;
        credentials::check_numbering(file, destinations.len())?;
        overlap::check(&source, &destinations)?;
        let mut config = Self {
            file: file.to_owned(),
            warnings: warnings::warnings(&document, &source, &destinations),
            source,
            destinations,
            timedelta: Sourced::by_default(TIMEDELTA),
            alerts: AlertsConfig::default(),
            ignore_no_files: false,
        };
        config.read_general(&document)?;
        Ok(config)
    }

    /// Has all S3 locations sign like this, whatever the file says.
    pub fn sign_payloads(&mut self, signing: PayloadSigning) {
        let places = std::iter::once(&mut self.source).chain(self.destinations.iter_mut().map(|to| &mut to.place));
        for place in places {
            if let BucketSpec::S3(spec) = &mut place.location.bucket {
                spec.payload_signing = signing;
            }
        }
    }

    /// Only what [`AlertsConfig`] needs: a file without source or destinations will do.
    ///
    /// # Errors
    /// What is wrong in the general section; and a file that cannot be read.
    pub fn load_alerts(file: &Path) -> Result<AlertsConfig> {
        let document = document(file, &find::read(file)?)?;
        AlertsConfig::read(&general(&document)?)
    }

    fn read_general(&mut self, document: &Document) -> Result<()> {
        let sections = general(document)?;
        self.alerts = AlertsConfig::read(&sections)?;
        for section in sections {
            if let Some(text) = section.written("timedelta")? {
                let value = parse_timedelta(text.value).map_err(|error| section.error_at(text, error))?;
                self.timedelta = Sourced { value, origin: section.origin(text.at) };
            }
            for text in section.list("ignore_alerts", &[',', ';', ' ', '\t', '[', ']']).unwrap_or_default() {
                match text.value {
                    "no_files" => self.ignore_no_files = true,
                    _ => return Err(s3::unknown_choice(&section, text, "no_files", &["no_files"])),
                }
            }
        }
        Ok(())
    }
}

fn reading<'a>(document: &'a Document, section: &'a Section) -> Reading<'a> {
    Reading { file: &document.file, section }
}

fn of_kind(document: &Document, kind: Kind) -> impl Iterator<Item = Reading<'_>> {
    document.sections.iter().filter(move |section| section.kind == kind).map(|section| reading(document, section))
}

/// The general sections: `[solgate]`, and keys on top of a YAML file.
fn general(document: &Document) -> Result<Vec<Reading<'_>>> {
    let sections: Vec<_> = of_kind(document, Kind::General).collect();
    for (index, section) in sections.iter().enumerate() {
        section.check_keys()?;
        let earlier = sections[..index].iter().flat_map(|earlier| &earlier.section.entries);
        for first in earlier {
            if let Some(second) = section.section.entries.iter().find(|entry| entry.key == first.key) {
                let problem = format!("the key is already in line {}", first.at.line);
                let error = ConfigError::new(problem).of_key(&second.key).expected("each key once");
                return Err(error.in_file(&document.file, Some(second.at)).in_section(&section.section.name));
            }
        }
    }
    Ok(sections)
}

fn one_source(document: &Document) -> Result<Reading<'_>> {
    let mut sources = of_kind(document, Kind::Source);
    let missing =
        || ConfigError::new("there is no source").in_file(&document.file, None).expected("one source section");
    let source = sources.next().ok_or_else(missing)?;
    match sources.next() {
        Some(second) => {
            let problem = format!("a second source: the first one is in line {}", source.section.at.line);
            Err(second.error(ConfigError::new(problem).expected("one source section")))
        }
        None => Ok(source),
    }
}

fn destinations(
    document: &Document,
    source: &LocationConfig,
    variables: &BTreeMap<String, String>,
) -> Result<Vec<DestinationConfig>> {
    let sections = of_kind(document, Kind::Destination).enumerate();
    let all: Vec<_> = sections
        .map(|(index, section)| location::destination(&section, index, source, variables))
        .collect::<Result<_>>()?;
    if all.is_empty() {
        let error = ConfigError::new("there is no destination").in_file(&document.file, None);
        return Err(error.expected("at least one destination section"));
    }
    Ok(all)
}
