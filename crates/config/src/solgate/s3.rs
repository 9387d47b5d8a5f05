//! What an S3 location needs besides its name: endpoint, credentials and the way to speak to it.

use std::collections::BTreeMap;

use transship_store::{Addressing, PayloadSigning, S3Credentials, S3Spec};
use transship_types::Secret;

use super::{
    CredentialsFrom,
    credentials::{beside, written},
};
use crate::{
    ConfigError, Origin, Result, Sourced,
    layers::{Settings, variable},
    written::{Kind, Reading, Text, found, not_among},
};

const ENDPOINT: &str = "endpoint_url";
const CA_BUNDLE: &str = "ca_bundle";

/// AWS's global endpoint: the store goes on to the region's own.
pub(super) const AWS: &str = "https://s3.amazonaws.com";
/// Where data go unless something else is said.
const DESTINATION: &str = "https://s3.upshift.redhat.com";

/// Completes `spec`. `index`: which of the destinations it is, from 0; `None` for the source.
pub(super) fn complete(
    spec: &mut S3Spec,
    section: &Reading<'_>,
    index: Option<usize>,
    variables: &BTreeMap<String, String>,
) -> Result<(Sourced<String>, CredentialsFrom)> {
    let keys = match written(section)? {
        Some(keys) => Some(keys),
        None => beside(section.file, index)?,
    };
    let settings = settings(section, keys.is_some(), variables)?;
    let endpoint = endpoint(&settings, section.section.kind)?;
    spec.endpoint = match (&endpoint.origin, section.section.kind) {
        // Left open, so that the profile's endpoint and the region's own are found.
        (Origin::Default, Kind::Source) => None,
        _ => Some(endpoint.value.clone()),
    };
    let from = match keys {
        Some(keys) => {
            spec.credentials = keys.value;
            CredentialsFrom::Keys(keys.origin)
        }
        None => {
            let variables = variables.iter().map(|(name, value)| (name.clone(), Secret::new(value)));
            spec.credentials = S3Credentials::Chain(variables.collect());
            CredentialsFrom::Chain
        }
    };
    spec.region = section.word("region")?.map(|text| text.value.to_owned());
    spec.addressing = addressing(section)?;
    spec.payload_signing = payload_signing(section)?;
    spec.ca_bundle = settings.text(CA_BUNDLE).map(|said| said.path());
    Ok((endpoint, from))
}

/// The environment, and the location's own over it. Who brings keys of their own, or has a default apart from AWS, is
/// not sent to the environment's endpoint.
fn settings(section: &Reading<'_>, keys_stand_alone: bool, variables: &BTreeMap<String, String>) -> Result<Settings> {
    let mut named: Vec<(&str, &[&str])> = vec![(CA_BUNDLE, &["AWS_CA_BUNDLE"])];
    let ignored =
        variable(variables, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    if section.section.kind == Kind::Source && !keys_stand_alone && !ignored {
        named.push((ENDPOINT, &["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]));
    }
    let mut own = Settings::default();
    own.add(section, section.word(ENDPOINT)?);
    own.add(section, section.text(CA_BUNDLE)?);
    Settings::variables(variables, &named).under(own)
}

fn endpoint(settings: &Settings, kind: Kind) -> Result<Sourced<String>> {
    let Some(said) = settings.text(ENDPOINT) else {
        let default = if kind == Kind::Source { AWS } else { DESTINATION };
        return Ok(Sourced::by_default(default.to_owned()));
    };
    check(&said.value).map_err(|error| said.error(error))?;
    Ok(said.into())
}

/// What is not an endpoint is repeated in the error only as far as it holds no password.
pub(crate) fn check(endpoint: &str) -> std::result::Result<(), ConfigError> {
    const FORM: &str = "http://host[:port] or https://host[:port]";
    if endpoint.contains('@') {
        return Err(ConfigError::new("the endpoint holds a user or password").expected("keys in their own settings"));
    }
    let uri: http::Uri = endpoint.parse().map_err(|_| found(endpoint).expected(FORM))?;
    let right = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|host| !host.is_empty())
        && uri.query().is_none();
    if right {
        return Ok(());
    }
    let guess = format!("https://{endpoint}");
    let nearest = (!endpoint.contains("://") && guess.parse::<http::Uri>().is_ok()).then_some(guess.as_str());
    Err(found(endpoint).expected(FORM).nearest(nearest))
}

fn addressing(section: &Reading<'_>) -> Result<Addressing> {
    let Some(text) = section.word("addressing_style")? else { return Ok(Addressing::Auto) };
    match text.value.to_ascii_lowercase().as_str() {
        "auto" => Ok(Addressing::Auto),
        "path" => Ok(Addressing::Path),
        "virtual" => Ok(Addressing::Virtual),
        _ => Err(unknown_choice(section, text, "auto, path or virtual", &["auto", "path", "virtual"])),
    }
}

fn payload_signing(section: &Reading<'_>) -> Result<PayloadSigning> {
    let Some(text) = section.word("sign_payload")? else { return Ok(PayloadSigning::Auto) };
    match text.value.to_ascii_lowercase().as_str() {
        "auto" => Ok(PayloadSigning::Auto),
        "always" => Ok(PayloadSigning::Always),
        _ => Err(unknown_choice(section, text, "auto or always", &["auto", "always"])),
    }
}

pub(super) fn unknown_choice(section: &Reading<'_>, text: Text<'_>, form: &str, choices: &[&str]) -> ConfigError {
    section.error_at(text, not_among(text.value, form, choices))
}
