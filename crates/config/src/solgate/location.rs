use std::collections::BTreeMap;

use transship_keys::{Formatter, KeyMap, Template, TemplateError};
use transship_store::{BucketSpec, Encryption, Location, ProxySpec};

use super::{CredentialsFrom, place::place, providers, s3};
use crate::{
    ConfigError, Origin, Result, Sourced,
    written::{Reading, found},
};

/// The source, or one end of a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocationConfig {
    /// The section's name: `source_lab`; `destination.0` for an item of a list.
    pub name: String,
    /// Where the section starts.
    pub origin: Origin,
    /// Bucket and prefix, ready to be opened.
    pub location: Location,
    /// The endpoint and who named it; `None` where the provider's public one, a directory or memory is meant. For a
    /// source at AWS by default, an AWS profile may still name another.
    pub endpoint: Option<Sourced<String>>,
    /// Who gives the credentials.
    pub credentials: CredentialsFrom,
    /// The template of its keys.
    pub formatter: Option<Template>,
}

/// A place to copy to, and how.
#[derive(Clone, Debug)]
pub struct DestinationConfig {
    /// Where.
    pub place: LocationConfig,
    /// How keys are renamed: only where source and destination both have a formatter.
    pub formatter: Option<Formatter>,
    /// Whether objects whose keys end in `.gz` are decompressed.
    pub unpack: bool,
    /// The storage class to write into (S3 only).
    pub storage_class: Option<String>,
    /// The encryption to ask for (S3 only).
    pub encryption: Option<Encryption>,
}

impl DestinationConfig {
    /// How this destination names its objects in a run with these defaults.
    pub fn key_map(&self, defaults: transship_keys::Defaults) -> KeyMap {
        KeyMap::new(self.formatter.clone(), self.unpack, defaults)
    }
}

/// `index`: which of the destinations it is, from 0; `None` for the source.
pub(super) fn location(
    section: &Reading<'_>,
    index: Option<usize>,
    variables: &BTreeMap<String, String>,
) -> Result<LocationConfig> {
    section.check_keys()?;
    let mut location = place(section)?;
    // A proxy is the network's, not the location's: unlike keys and endpoints it holds for all of them.
    let proxy = ProxySpec::from_variables(variables);
    let (endpoint, credentials) = match &mut location.bucket {
        BucketSpec::S3(spec) => {
            spec.proxy = proxy;
            let (endpoint, from) = s3::complete(spec, section, index, variables)?;
            (Some(endpoint), from)
        }
        BucketSpec::Azure(spec) => {
            spec.proxy = proxy;
            let from = providers::azure(spec, section, variables)?;
            (providers::endpoint(section)?, from)
        }
        BucketSpec::Gcs(spec) => {
            spec.proxy = proxy;
            let from = providers::google(spec, section, variables)?;
            (providers::endpoint(section)?, from)
        }
        _ => (None, CredentialsFrom::NotNeeded),
    };
    Ok(LocationConfig {
        name: section.section.name.clone(),
        origin: section.origin(section.section.at),
        location,
        endpoint,
        credentials,
        formatter: formatter(section)?,
    })
}

fn formatter(section: &Reading<'_>) -> Result<Option<Template>> {
    let Some(text) = section.unquoted("formatter")? else { return Ok(None) };
    Template::parse(text.value).map(Some).map_err(|error| section.error_at(text, in_template(&error)))
}

fn in_template(error: &TemplateError) -> ConfigError {
    ConfigError::new(format!("{:?}, column {}: {}", error.template, error.column, error.problem))
}

pub(super) fn destination(
    section: &Reading<'_>,
    index: usize,
    source: &LocationConfig,
    variables: &BTreeMap<String, String>,
) -> Result<DestinationConfig> {
    let place = location(section, Some(index), variables)?;
    let formatter = match (&source.formatter, &place.formatter, section.text("formatter")?) {
        (Some(from), Some(to), Some(text)) => {
            Some(Formatter::new(from, to).map_err(|error| section.error_at(text, in_template(&error)))?)
        }
        _ => None,
    };
    let is_s3 = matches!(place.location.bucket, BucketSpec::S3(_));
    let storage_class = section.word("storage_class")?.filter(|_| is_s3).map(|text| text.value.to_owned());
    let encryption = encryption(section, is_s3)?;
    Ok(DestinationConfig { place, formatter, unpack: section.flag("unpack")?, storage_class, encryption })
}

fn encryption(section: &Reading<'_>, is_s3: bool) -> Result<Option<Encryption>> {
    const ALGORITHMS: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];
    const FORM: &str = "AES256, aws:kms or aws:kms:dsse";
    let key = section.word("sse_kms_key_id")?;
    let Some(text) = section.word("sse")? else {
        return match key {
            Some(key) => {
                Err(section.error_at(key, ConfigError::new("there is no sse").expected("sse = aws:kms beside it")))
            }
            None => Ok(None),
        };
    };
    let algorithm = ALGORITHMS.iter().find(|known| known.eq_ignore_ascii_case(text.value));
    let algorithm = algorithm.ok_or_else(|| s3::unknown_choice(section, text, FORM, &ALGORITHMS))?;
    if !is_s3 {
        // Going on would leave data unencrypted that were asked to be encrypted.
        let problem = "this location cannot be asked for encryption";
        return Err(section.error_at(text, ConfigError::new(problem).expected("sse at S3 locations only")));
    }
    if let Some(key) = key.filter(|_| *algorithm == "AES256") {
        return Err(section.error_at(key, found(key.value).expected("sse = aws:kms beside it")));
    }
    Ok(Some(Encryption { algorithm: (*algorithm).to_owned(), kms_key_id: key.map(|key| key.value.to_owned()) }))
}
