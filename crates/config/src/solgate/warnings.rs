//! What is legal, and yet not what its writer will have meant.

use transship_store::BucketSpec;

use super::{
    DestinationConfig, LocationConfig,
    keywords::{ACCESS_KEY_ID, SECRET_ACCESS_KEY},
    overlap,
};
use crate::written::{Document, Entry, Value, is_quoted};

const DESTINATION_ONLY: [&str; 4] = ["unpack", "storage_class", "sse", "sse_kms_key_id"];
const S3_ONLY: [&str; 5] = ["region", "addressing_style", "sign_payload", "ca_bundle", "storage_class"];

pub(super) fn warnings(
    document: &Document,
    source: &LocationConfig,
    destinations: &[DestinationConfig],
) -> Vec<String> {
    let mut warnings = Vec::new();
    for key in own_keys(document, source).filter(|key| DESTINATION_ONLY.contains(key)) {
        warnings.push(at(source, &format!("{key} has no effect on the source: it belongs to a destination")));
    }
    for place in [source].into_iter().chain(destinations.iter().map(|destination| &destination.place)) {
        let is_s3 = matches!(place.location.bucket, BucketSpec::S3(_));
        for key in own_keys(document, place).filter(|key| !is_s3 && S3_ONLY.contains(key)) {
            warnings.push(at(place, &format!("{key} has an effect on S3 locations only")));
        }
        for key in own_entries(document, place).filter(|entry| is_s3 && is_quoted_key(entry)).map(|entry| &entry.key) {
            warnings.push(at(place, &format!("the quotes around {key} are taken as part of it")));
        }
    }
    for destination in destinations {
        let place = &destination.place;
        if place.formatter.is_some() && source.formatter.is_none() {
            warnings.push(at(place, "formatter has no effect: the source has none, so keys stay as they are"));
        }
        if overlap::contains_source(source, destination) {
            warnings
                .push(at(place, &format!("holds the source [{}]: a copy may overwrite an object there", source.name)));
        }
    }
    warnings
}

fn at(place: &LocationConfig, what: &str) -> String {
    format!("{}: [{}] {what}", place.origin, place.name)
}

/// Without what is inherited: `[DEFAULT]` speaks to sections of every kind.
fn own_entries<'a>(document: &'a Document, place: &LocationConfig) -> impl Iterator<Item = &'a Entry> {
    let section = document.sections.iter().find(|section| section.name == place.name);
    section.into_iter().flat_map(|section| &section.entries).filter(|entry| !entry.inherited)
}

fn own_keys<'a>(document: &'a Document, place: &LocationConfig) -> impl Iterator<Item = &'a str> {
    own_entries(document, place).filter(|entry| !matches!(entry.value, Value::Null)).map(|entry| entry.key.as_str())
}

fn is_quoted_key(entry: &Entry) -> bool {
    let is_key = entry.key == ACCESS_KEY_ID || entry.key == SECRET_ACCESS_KEY;
    is_key && matches!(&entry.value, Value::Text(text) if is_quoted(text.expose()))
}
