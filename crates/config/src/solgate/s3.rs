//! What an S3 location needs besides its name: endpoint, credentials and the way to speak to it.

use std::{collections::BTreeMap, path::PathBuf};

use transship_store::{Addressing, S3Credentials, S3Spec};
use transship_types::Secret;

use super::{
    CredentialsFrom,
    credentials::{beside, written},
};
use crate::{
    ConfigError, Origin, Result, Sourced,
    written::{Kind, Reading, Text, found},
};

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
    let endpoint = endpoint(section, keys.is_some(), variables)?;
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
    spec.ca_bundle = section.path("ca_bundle")?.or_else(|| variable(variables, "AWS_CA_BUNDLE").map(PathBuf::from));
    Ok((endpoint, from))
}

/// The location's own, then the environment's where no keys stand alone and AWS is the default, then the default.
fn endpoint(
    section: &Reading<'_>,
    keys_stand_alone: bool,
    variables: &BTreeMap<String, String>,
) -> Result<Sourced<String>> {
    if let Some(text) = section.word("endpoint_url")? {
        check(text.value).map_err(|error| section.error_at(text, error))?;
        return Ok(Sourced { value: text.value.to_owned(), origin: section.origin(text.at) });
    }
    if section.section.kind == Kind::Destination {
        return Ok(Sourced::by_default(DESTINATION.to_owned()));
    }
    let ignored =
        variable(variables, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let names = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
    let named = names.iter().find_map(|name| Some((name, variable(variables, name)?)));
    match named.filter(|_| !keys_stand_alone && !ignored) {
        Some((name, value)) => {
            let origin = Origin::Variable((*name).to_owned());
            check(value).map_err(|error| error.at_origin(&origin))?;
            Ok(Sourced { value: value.to_owned(), origin })
        }
        None => Ok(Sourced::by_default(AWS.to_owned())),
    }
}

/// What is not an endpoint is repeated in the error only as far as it holds no password.
pub(super) fn check(endpoint: &str) -> std::result::Result<(), ConfigError> {
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

pub(super) fn unknown_choice(section: &Reading<'_>, text: Text<'_>, form: &str, choices: &[&str]) -> ConfigError {
    let nearest = crate::error::nearest(text.value, choices.iter().copied());
    section.error_at(text, found(text.value).expected(form).nearest(nearest))
}

/// A variable that is set to something.
pub(super) fn variable<'a>(variables: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
}
