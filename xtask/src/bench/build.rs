//! The programs that are measured, as a user would have them.

use std::{path::PathBuf, process::Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::workspace;

/// Release builds.
#[derive(Debug)]
pub(crate) struct Programs {
    /// The program under test.
    pub(crate) solgate: PathBuf,
    /// The mirror.
    pub(crate) mirror: PathBuf,
    /// This program: the servers and the bare loop.
    pub(crate) xtask: PathBuf,
}

/// One line of cargo's report; the others are of no interest.
#[derive(Debug, Deserialize)]
struct Artifact {
    executable: Option<PathBuf>,
    target: Target,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
}

impl Programs {
    /// Builds them; cargo's progress goes to the terminal.
    ///
    /// # Errors
    /// The build failed.
    pub(crate) fn build() -> Result<Self> {
        // Each by itself: built together, the one would get the features that the other asks of shared crates. One target
        // folder serves all three, because cargo keeps a shared crate once for each set of features: going from one to
        // the other builds nothing anew.
        Ok(Self { solgate: program("solgate")?, mirror: program("transship-mirror")?, xtask: program("xtask")? })
    }
}

fn program(name: &str) -> Result<PathBuf> {
    let format = "--message-format=json-render-diagnostics";
    let mut build = workspace::cargo(["build", "--release", format, "--package", name, "--bin", name]);
    let built = build.stderr(Stdio::inherit()).output().context("start cargo build")?;
    if !built.status.success() {
        bail!("the release build of {name} failed");
    }
    let lines = String::from_utf8_lossy(&built.stdout);
    let artifacts = lines.lines().filter_map(|line| serde_json::from_str::<Artifact>(line).ok());
    let found = artifacts.filter(|artifact| artifact.target.name == name).find_map(|artifact| artifact.executable);
    found.with_context(|| format!("cargo built no program {name}"))
}
