//! The configuration files that the programs read.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{
    command::Route,
    end::{ACCESS_KEY, SECRET_KEY},
    place::Place,
};

/// For `solgate`: from one place to others, where archives are unpacked or not.
pub(super) fn solgate_config(folder: &Path, from: &Place, to: &[Place], unpack: bool) -> Result<PathBuf> {
    let place = |place: &Place| {
        format!(
            "endpoint_url = {}\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\nbase_path = {}\n",
            place.endpoint,
            place.path()
        )
    };
    let unpack = if unpack { "unpack = yes\n" } else { "" };
    let mut text = format!("[solgate]\ntimedelta = 5200w\n[source]\n{}", place(from));
    for (n, destination) in to.iter().enumerate() {
        text += &format!("[destination_{n}]\n{}{unpack}", place(destination));
    }
    written(folder.join("config.ini"), &text)
}

/// For rclone and what reads its configuration: the remotes `from` and `to`.
pub(super) fn rclone_config(folder: &Path, from: &str, to: &str) -> Result<PathBuf> {
    let remote = |name: &str, endpoint: &str| {
        format!(
            "[{name}]\ntype = s3\nprovider = Other\nregion = us-east-1\nendpoint = {endpoint}\n\
             access_key_id = {ACCESS_KEY}\nsecret_access_key = {SECRET_KEY}\n"
        )
    };
    written(folder.join("rclone.conf"), &(remote("from", from) + &remote("to", to)))
}

pub(super) fn aws_credentials(route: &Route<'_>) -> Result<PathBuf> {
    let text = format!("[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n");
    written(route.folder.join("credentials"), &text)
}

pub(super) fn written(path: PathBuf, text: &str) -> Result<PathBuf> {
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}
