//! The programs that are compared, each with the flags it is run with.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde::Serialize;
use transship_testbed::servers::testbed_directory;

use super::{
    build::Programs,
    end::{ACCESS_KEY, BUCKET, SECRET_KEY},
};
use crate::workspace;

/// Below this, the source's objects are.
pub(crate) const SOURCE: &str = "in";

/// What an rclone user sets for many small objects.
const TUNED: &[&str] =
    &["--transfers", "64", "--checkers", "64", "--fast-list", "--checksum", "--s3-no-check-bucket", "--s3-no-head"];

/// One row of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Contender {
    /// What the table calls it.
    pub(crate) name: &'static str,
    /// As it tells it.
    pub(crate) version: String,
    #[serde(skip)]
    program: PathBuf,
    #[serde(skip)]
    tool: Tool,
}

#[derive(Clone, Copy, Debug)]
enum Tool {
    Solgate,
    Rclone(&'static [&'static str]),
    JuiceFs,
    Floor,
}

/// Where one run reads and writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ways<'a> {
    /// Endpoint of the source.
    pub(crate) from: &'a str,
    /// Endpoint of the destination.
    pub(crate) to: &'a str,
    /// Prefix at the destination.
    pub(crate) prefix: &'a str,
    /// For configuration files.
    pub(crate) folder: &'a Path,
}

impl Contender {
    /// Ours, the floor, and those peers that are on this machine; and a line for each one that is not.
    ///
    /// # Errors
    /// One does not tell its version.
    pub(crate) fn all(programs: &Programs) -> Result<(Vec<Self>, Vec<String>)> {
        let ours = Self {
            name: "solgate",
            version: first_line(&programs.solgate, "version")?,
            program: programs.solgate.clone(),
            tool: Tool::Solgate,
        };
        let floor = Self {
            name: "bare loop",
            version: format!("object_store {}", locked("object_store")?),
            program: programs.xtask.clone(),
            tool: Tool::Floor,
        };
        let mut all = vec![ours, floor];
        let mut missing = Vec::new();
        for (name, program, tool) in [
            ("rclone", "rclone", Tool::Rclone(&[])),
            ("rclone, tuned", "rclone", Tool::Rclone(TUNED)),
            ("juicefs sync", "juicefs", Tool::JuiceFs),
        ] {
            match find(program) {
                Some(program) => all.push(Self { name, version: first_line(&program, "version")?, program, tool }),
                None => missing.push(format!("{name}: `cargo xtask testbed install --bench` brings {program}")),
            }
        }
        Ok((all, missing))
    }

    /// The command that copies everything from [`SOURCE`] to the prefix.
    ///
    /// # Errors
    /// Its configuration cannot be written.
    pub(crate) fn command(&self, ways: Ways<'_>) -> Result<Command> {
        let mut command = Command::new(&self.program);
        match self.tool {
            Tool::Solgate => command.arg("--config").arg(solgate_config(ways)?).arg("sync"),
            Tool::Rclone(flags) => {
                let places = [format!("from:{BUCKET}/{SOURCE}"), format!("to:{BUCKET}/{}", ways.prefix)];
                command.arg("--config").arg(rclone_config(ways)?).arg("copy").args(places).args(flags)
            }
            Tool::JuiceFs => {
                let place = |endpoint: &str, prefix: &str| {
                    let host = endpoint.trim_start_matches("http://");
                    format!("minio://{ACCESS_KEY}:{SECRET_KEY}@{host}/{BUCKET}/{prefix}/")
                };
                let places = [place(ways.from, SOURCE), place(ways.to, ways.prefix)];
                command.args(["sync", "--threads", "64"]).args(places)
            }
            Tool::Floor => command.args(["bench", "floor", ways.from, SOURCE, ways.to, ways.prefix]),
        };
        Ok(command)
    }

    /// Whether this is the program under test.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.tool, Tool::Solgate)
    }
}

/// A peer: on `PATH`, or where the testbed installs it.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    // A program for a terminal: it may look at its environment.
    #[allow(clippy::disallowed_methods)]
    let path: OsString = std::env::var_os("PATH").unwrap_or_default();
    let installed = testbed_directory().join("venv/bin");
    std::env::split_paths(&path).chain([installed]).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn first_line(program: &Path, argument: &str) -> Result<String> {
    let output = Command::new(program).arg(argument).output();
    let output = output.with_context(|| format!("ask {} for its version", program.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or("unknown").trim().to_owned())
}

/// The version of a crate that this workspace is built with.
fn locked(name: &str) -> Result<String> {
    let lock = fs::read_to_string(workspace::root().join("Cargo.lock")).context("read Cargo.lock")?;
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{name}\"\n")));
    let version = entry.and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = ")));
    Ok(version.with_context(|| format!("{name} is not in Cargo.lock"))?.trim_matches('"').to_owned())
}

fn solgate_config(ways: Ways<'_>) -> Result<PathBuf> {
    let place = |endpoint: &str, prefix: &str| {
        format!(
            "endpoint_url = {endpoint}\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n\
             base_path = {BUCKET}/{prefix}\n"
        )
    };
    let (source, destination) = (place(ways.from, SOURCE), place(ways.to, ways.prefix));
    let text = format!("[solgate]\ntimedelta = 5200w\n[source]\n{source}[destination_0]\n{destination}");
    written(ways.folder.join("config.ini"), &text)
}

fn rclone_config(ways: Ways<'_>) -> Result<PathBuf> {
    let remote = |name: &str, endpoint: &str| {
        format!(
            "[{name}]\ntype = s3\nprovider = Other\nregion = us-east-1\nendpoint = {endpoint}\n\
             access_key_id = {ACCESS_KEY}\nsecret_access_key = {SECRET_KEY}\n"
        )
    };
    let text = remote("from", ways.from) + &remote("to", ways.to);
    written(ways.folder.join("rclone.conf"), &text)
}

fn written(path: PathBuf, text: &str) -> Result<PathBuf> {
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}
