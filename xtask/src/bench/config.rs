//! The configuration files that the programs read.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};

use super::{
    command::Route,
    end::{ACCESS_KEY, SECRET_KEY},
    place::Place,
    workload::{Case, Task},
};

pub(super) fn solgate_config(case: &Case, route: &Route<'_>) -> Result<PathBuf> {
    let place = |place: &Place| {
        format!(
            "endpoint_url = {}\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\nbase_path = {}\n",
            place.endpoint,
            place.path()
        )
    };
    let unpack = if case.task == Task::Unpack { "unpack = yes\n" } else { "" };
    let mut text = format!("[solgate]\ntimedelta = 5200w\n[source]\n{}", place(&route.from));
    for (n, destination) in route.to.iter().enumerate() {
        text += &format!("[destination_{n}]\n{}{unpack}", place(destination));
    }
    written(route.folder.join("config.ini"), &text)
}

pub(super) fn rclone_config(route: &Route<'_>) -> Result<PathBuf> {
    let remote = |name: &str, endpoint: &str| {
        format!(
            "[{name}]\ntype = s3\nprovider = Other\nregion = us-east-1\nendpoint = {endpoint}\n\
             access_key_id = {ACCESS_KEY}\nsecret_access_key = {SECRET_KEY}\n"
        )
    };
    let to = route.to.first().unwrap_or(&route.from);
    let text = remote("from", &route.from.endpoint) + &remote("to", &to.endpoint);
    written(route.folder.join("rclone.conf"), &text)
}

pub(super) fn aws_credentials(route: &Route<'_>) -> Result<PathBuf> {
    let text = format!("[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n");
    written(route.folder.join("credentials"), &text)
}

pub(super) fn written(path: PathBuf, text: &str) -> Result<PathBuf> {
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}
