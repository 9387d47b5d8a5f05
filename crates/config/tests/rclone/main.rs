//! Rclone's configuration, from outside: what is typed, what is configured, what comes of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails should say where")]

mod backends;
mod connection_strings;
mod documented;
mod errors;
mod files;
mod precedence;
mod secrets;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use transship_config::{RcloneConfig, Remote};
use transship_store::{AzureSpec, BucketSpec, GcsSpec, S3Credentials, S3Spec};

/// Where relative paths begin.
const HERE: &str = "/here";

fn variables(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn config(text: &str, pairs: &[(&str, &str)]) -> RcloneConfig {
    RcloneConfig::from_text(Path::new("rclone.conf"), text, &variables(pairs)).unwrap_or_else(|e| panic!("{e}"))
}

fn remote(text: &str, pairs: &[(&str, &str)], typed: &str) -> Remote {
    config(text, pairs).remote(typed, Path::new(HERE)).unwrap_or_else(|e| panic!("{typed}: {e}"))
}

fn error(text: &str, pairs: &[(&str, &str)], typed: &str) -> String {
    let config = RcloneConfig::from_text(Path::new("rclone.conf"), text, &variables(pairs));
    match config.and_then(|config| config.remote(typed, Path::new(HERE))) {
        Ok(remote) => panic!("{typed}: no error: {remote:?}"),
        Err(error) => error.to_string(),
    }
}

fn s3(remote: &Remote) -> &S3Spec {
    match &remote.location().unwrap().bucket {
        BucketSpec::S3(spec) => spec,
        other => panic!("{other:?}"),
    }
}

fn azure(remote: &Remote) -> &AzureSpec {
    match &remote.location().unwrap().bucket {
        BucketSpec::Azure(spec) => spec,
        other => panic!("{other:?}"),
    }
}

fn google(remote: &Remote) -> &GcsSpec {
    match &remote.location().unwrap().bucket {
        BucketSpec::Gcs(spec) => spec,
        other => panic!("{other:?}"),
    }
}

fn directory(remote: &Remote) -> PathBuf {
    match &remote.location().unwrap().bucket {
        BucketSpec::Local(spec) => spec.root.clone(),
        other => panic!("{other:?}"),
    }
}

/// Key, secret and token.
fn keys(remote: &Remote) -> (&str, &str, Option<&str>) {
    match &s3(remote).credentials {
        S3Credentials::Static { access_key_id, secret_access_key, session_token } => {
            (access_key_id, secret_access_key.expose(), session_token.as_ref().map(|token| token.expose()))
        }
        other => panic!("{other:?}"),
    }
}

fn ignored(remote: &Remote) -> Vec<String> {
    remote.ignored.iter().map(ToString::to_string).collect()
}
