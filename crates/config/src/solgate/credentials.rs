//! AWS keys from a section, or from the files of keys beside the configuration.

use std::{
    fmt, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use transship_store::S3Credentials;
use transship_types::Secret;

use super::{
    find::read,
    keywords::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, SESSION_TOKEN},
};
use crate::{
    ConfigError, Origin, Result, Sourced,
    written::{self, Reading},
};

/// Where a location's credentials come from. Says nothing of what they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialsFrom {
    /// The location needs none.
    NotNeeded,
    /// They are given: here.
    Keys(Origin),
    /// The provider's usual places: environment, profiles, instance.
    Chain,
}

impl fmt::Display for CredentialsFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNeeded => f.write_str("none needed"),
            Self::Keys(origin) => origin.fmt(f),
            Self::Chain => f.write_str("the environment"),
        }
    }
}

/// The keys of a section; `None` where it has none.
///
/// # Errors
/// One half of a pair, or a token without one.
pub(super) fn written(section: &Reading<'_>) -> Result<Option<Sourced<S3Credentials>>> {
    let id = section.text(ACCESS_KEY_ID)?;
    let secret = section.text(SECRET_ACCESS_KEY)?;
    // A token belongs to the keys beside it: keys of the section's own take none from `[DEFAULT]`.
    let own_keys = id.is_some_and(|id| !id.inherited) || secret.is_some_and(|secret| !secret.inherited);
    let token = section.text(SESSION_TOKEN)?.filter(|token| !(token.inherited && own_keys));
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Some(Sourced {
            value: S3Credentials::Static {
                access_key_id: id.value.to_owned(),
                secret_access_key: Secret::new(secret.value),
                session_token: token.map(|token| Secret::new(token.value)),
            },
            origin: section.origin(id.at),
        })),
        (None, None) => match token {
            Some(token) => Err(section.error_at(token, ConfigError::new("a token without keys").expected(both()))),
            None => Ok(None),
        },
        (Some(there), None) => Err(section.error_at(there, half(section, SECRET_ACCESS_KEY)).expected(both())),
        (None, Some(there)) => Err(section.error_at(there, half(section, ACCESS_KEY_ID)).expected(both())),
    }
}

fn both() -> String {
    format!("{ACCESS_KEY_ID} and {SECRET_ACCESS_KEY}, or neither")
}

fn half(section: &Reading<'_>, missing: &str) -> ConfigError {
    let empty = section.section.entries.iter().any(|entry| entry.key == missing);
    let ini = " (white space and then ; or # start a comment)";
    let why = if empty { format!("is empty{ini}") } else { "is missing".to_owned() };
    ConfigError::new(format!("half a pair: {missing} {why}"))
}

/// The keys of `source.creds.yaml`; `destination.N.creds.yaml`, or else `destination.creds.yaml`.
///
/// # Errors
/// Such a file is there but cannot be read, or holds anything else than the two keys.
pub(super) fn beside(config: &Path, index: Option<usize>) -> Result<Option<Sourced<S3Credentials>>> {
    let folder = config.parent().unwrap_or(Path::new(""));
    let names = match index {
        None => vec!["source.creds.yaml".to_owned()],
        Some(index) => vec![format!("destination.{index}.creds.yaml"), "destination.creds.yaml".to_owned()],
    };
    for file in names.into_iter().map(|name| folder.join(name)) {
        if let Some(keys) = keys(&file)? {
            return Ok(Some(keys));
        }
    }
    Ok(None)
}

fn keys(file: &Path) -> Result<Option<Sourced<S3Credentials>>> {
    match fs::metadata(file) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        _ => {}
    }
    let text = read(file)?;
    let section = written::keys_file(file, &text)?;
    let reading = Reading { file, section: &section };
    reading.check_keys().map_err(|error| error.expected("only aws_access_key_id and aws_secret_access_key"))?;
    let keys = written(&reading)?;
    keys.map(Some).ok_or_else(|| reading.error(ConfigError::new("there are no keys").expected(both())))
}

/// Someone who counts destinations from 1 has a file for one too many, and none for the first.
///
/// # Errors
/// So it is.
pub(super) fn check_numbering(config: &Path, destinations: usize) -> Result<()> {
    let folder = config.parent().unwrap_or(Path::new(""));
    let file = |index: usize| -> PathBuf { folder.join(format!("destination.{index}.creds.yaml")) };
    if destinations > 0 && file(destinations).exists() && !file(0).exists() {
        let problem = format!("there are {destinations} destinations, and files of keys count them from 0");
        let expected = format!("destination.0.creds.yaml to destination.{}.creds.yaml", destinations - 1);
        return Err(ConfigError::new(problem).in_file(&file(destinations), None).expected(expected));
    }
    Ok(())
}
