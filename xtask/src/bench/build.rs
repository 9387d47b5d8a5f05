//! The programs that are measured, as a user would have them.

use std::{collections::HashMap, path::PathBuf, process::Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::workspace;

/// Release builds.
#[derive(Debug)]
pub(crate) struct Programs {
    /// The program under test.
    pub(crate) solgate: PathBuf,
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
        let format = "--message-format=json-render-diagnostics";
        let mut build = workspace::cargo(["build", "--release", format, "--bins", "-p", "solgate", "-p", "xtask"]);
        let built = build.stderr(Stdio::inherit()).output().context("start cargo build")?;
        if !built.status.success() {
            bail!("the release build failed");
        }
        let lines = String::from_utf8_lossy(&built.stdout);
        let artifacts = lines.lines().filter_map(|line| serde_json::from_str::<Artifact>(line).ok());
        let mut found: HashMap<_, _> = artifacts.filter_map(|a| Some((a.target.name, a.executable?))).collect();
        let mut take = |name: &str| found.remove(name).with_context(|| format!("cargo built no program {name}"));
        Ok(Self { solgate: take("solgate")?, xtask: take("xtask")? })
    }
}
