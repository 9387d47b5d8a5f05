//! Remotes of type `google cloud storage`. <https://rclone.org/googlecloudstorage/>

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use transship_store::GcsSpec;
use transship_types::Secret;

use super::{WriteOptions, s3::endpoint, settings::Settings};
use crate::{ConfigError, Result};

pub(super) fn spec(
    settings: &mut Settings<'_>,
    bucket: &str,
    folder: &Path,
    variables: &BTreeMap<String, Secret>,
) -> Result<GcsSpec> {
    let mut spec = GcsSpec { bucket: bucket.to_owned(), endpoint: endpoint(settings)?, ..GcsSpec::default() };
    let variable = |name| variables.get(name).map(Secret::expose).filter(|value| !value.is_empty());
    if settings.truth("anonymous")? == Some(true) {
        spec.anonymous = true;
        settings.ignore(&["service_account_credentials", "service_account_file"]);
    } else if settings.get("service_account_credentials").is_some() {
        spec.service_account_key = settings.secret("service_account_credentials");
        settings.ignore(&["service_account_file"]);
    } else if let Some(file) = settings.word("service_account_file")? {
        spec.service_account_path = Some(folder.join(under_home(&file, variable("HOME"))));
    } else if settings.truth("env_auth")? == Some(true) {
        let file = variable("GOOGLE_APPLICATION_CREDENTIALS").ok_or_else(|| {
            let problem = ConfigError::new("GOOGLE_APPLICATION_CREDENTIALS is not set").of_key("env_auth");
            settings.error(problem.expected("the file of a service account's key in it"))
        })?;
        spec.service_account_path = Some(folder.join(file));
    } else {
        return Err(no_credentials(settings));
    }
    settings.ignore(&["token", "access_token"]);
    Ok(spec)
}

fn no_credentials(settings: &Settings<'_>) -> ConfigError {
    let expected = "service_account_file, service_account_credentials, env_auth or anonymous";
    match settings.get("token").or_else(|| settings.get("access_token")) {
        Some(token) => token.error(ConfigError::new("tokens of people are not supported").expected(expected)),
        None => settings.error(ConfigError::new("there are no credentials").expected(expected)),
    }
}

fn under_home(file: &str, home: Option<&str>) -> PathBuf {
    match (file.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => PathBuf::from(file),
    }
}

pub(super) fn write_options(settings: &Settings<'_>) -> Result<WriteOptions> {
    Ok(WriteOptions {
        storage_class: settings.word("storage_class")?,
        no_check_bucket: settings.truth("no_check_bucket")?.unwrap_or(false),
        ..WriteOptions::default()
    })
}
