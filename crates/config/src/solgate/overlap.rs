//! Destinations that would write where the source is read, or over each other.

use std::path::{Path, PathBuf};

use transship_store::{BucketSpec, Location};

use super::{DestinationConfig, LocationConfig, s3};
use crate::{ConfigError, Result};

/// Two locations that may be the same bucket.
#[derive(PartialEq, Eq)]
enum Store {
    S3(String, String),
    Azure(String, String, String),
    Gcs(String, String),
    Local,
    Memory(String),
}

/// # Errors
/// A destination lies in the source, so that the next run would copy the copies; or two destinations are one.
pub(super) fn check(source: &LocationConfig, destinations: &[DestinationConfig]) -> Result<()> {
    for (index, destination) in destinations.iter().enumerate() {
        let place = &destination.place;
        if lies_in(&place.location, &source.location) {
            let problem = format!("the destination lies in the source [{}] ({})", source.name, source.origin);
            return Err(at(place, &problem).expected("places apart from each other"));
        }
        let twin = destinations[..index].iter().find(|other| {
            same(&other.place.location, &place.location)
                && other.unpack == destination.unpack
                && renames(other) == renames(destination)
        });
        if let Some(twin) = twin {
            let problem =
                format!("writes the same keys to the same place as [{}] ({})", twin.place.name, twin.place.origin);
            return Err(at(place, &problem).expected("another place, formatter or unpack"));
        }
    }
    Ok(())
}

/// Whether the source lies in a destination: copies may land in it, which is worth a warning.
pub(super) fn contains_source(source: &LocationConfig, destination: &DestinationConfig) -> bool {
    lies_in(&source.location, &destination.place.location)
}

fn at(place: &LocationConfig, problem: &str) -> ConfigError {
    ConfigError::new(problem).at_origin(&place.origin).in_section(&place.name)
}

fn renames(destination: &DestinationConfig) -> Option<&str> {
    destination.formatter.as_ref().map(|formatter| formatter.destination().as_str())
}

fn same(one: &Location, other: &Location) -> bool {
    lies_in(one, other) && lies_in(other, one)
}

fn lies_in(inner: &Location, outer: &Location) -> bool {
    if let (BucketSpec::Local(inner), BucketSpec::Local(outer)) = (&inner.bucket, &outer.bucket) {
        return real(&inner.root).starts_with(real(&outer.root));
    }
    let store = (store(&inner.bucket), store(&outer.bucket));
    store.0.is_some() && store.0 == store.1 && inner.prefix.starts_with(&outer.prefix)
}

fn store(bucket: &BucketSpec) -> Option<Store> {
    Some(match bucket {
        BucketSpec::S3(spec) => Store::S3(endpoint(spec.endpoint.as_deref()), spec.bucket.clone()),
        BucketSpec::Azure(spec) => {
            // A connection string may name the account and the endpoint: equal strings are one account.
            let given = spec.connection_string.as_ref().map_or("", |text| text.expose());
            let account = if given.is_empty() { spec.account.clone() } else { given.to_owned() };
            Store::Azure(endpoint(spec.endpoint.as_deref()), account, spec.container.clone())
        }
        BucketSpec::Gcs(spec) => Store::Gcs(endpoint(spec.endpoint.as_deref()), spec.bucket.clone()),
        BucketSpec::Local(_) => Store::Local,
        BucketSpec::Memory(name) => Store::Memory(name.clone()),
        _ => return None,
    })
}

/// A bucket's name is the same bucket through every one of AWS's endpoints.
fn endpoint(given: Option<&str>) -> String {
    let given = given.unwrap_or(s3::AWS).trim_end_matches('/').to_ascii_lowercase();
    let host = given.split_once("://").map_or(given.as_str(), |(_, host)| host);
    let default_port = host.strip_suffix(":443").or(host.strip_suffix(":80")).unwrap_or(host);
    if default_port.ends_with(".amazonaws.com") { "s3.amazonaws.com".to_owned() } else { default_port.to_owned() }
}

/// The path behind symbolic links, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let known = absolute.ancestors().find_map(|part| Some((part, part.canonicalize().ok()?)));
    match known {
        Some((part, real)) => real.join(absolute.strip_prefix(part).unwrap_or(Path::new(""))),
        None => absolute,
    }
}
