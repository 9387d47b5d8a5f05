use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use crate::{ConfigError, Result, layers::variable, solgate::read_text};

/// The file to read and its text; nothing where there is none and none is needed.
///
/// # Errors
/// A file that was named is not there; any file cannot be read.
pub(super) fn read(named: Option<&Path>, variables: &BTreeMap<String, String>) -> Result<Option<(PathBuf, String)>> {
    let Some(file) = find(named, variables)? else { return Ok(None) };
    let text = read_text(&file)?;
    Ok(Some((file, text)))
}

/// `--config`, `RCLONE_CONFIG`, and then the first that is there of the usual places. Where either of the first two is
/// empty, no file is read.
fn find(named: Option<&Path>, variables: &BTreeMap<String, String>) -> Result<Option<PathBuf>> {
    const VARIABLE: &str = "RCLONE_CONFIG";
    let (file, by) = match (named, variables.get(VARIABLE)) {
        (Some(file), _) => (file.to_owned(), "--config"),
        (None, Some(file)) => (PathBuf::from(file), VARIABLE),
        (None, None) => return Ok(usual(variables).into_iter().find(|file| file.try_exists().unwrap_or(true))),
    };
    if file.as_os_str().is_empty() {
        return Ok(None);
    }
    if file.try_exists().unwrap_or(true) {
        return Ok(Some(file));
    }
    Err(ConfigError::new("there is no such file").of_key(by).in_file(&file, None).expected("an rclone.conf"))
}

fn usual(variables: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let folder = |name| variable(variables, name).map(PathBuf::from);
    let mut files: Vec<_> = folder("XDG_CONFIG_HOME").map(|xdg| xdg.join("rclone/rclone.conf")).into_iter().collect();
    if let Some(home) = folder("HOME") {
        files.extend([home.join(".config/rclone/rclone.conf"), home.join(".rclone.conf")]);
    }
    files
}
