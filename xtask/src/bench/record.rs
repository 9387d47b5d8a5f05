//! Raw samples, kept for whoever doubts a table.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::workspace;

/// Where a benchmark leaves its samples and what its programs printed: made if it is not there.
///
/// # Errors
/// It cannot be made.
pub(crate) fn directory() -> Result<PathBuf> {
    let directory = workspace::root().join("target/bench");
    fs::create_dir_all(&directory).with_context(|| format!("create {}", directory.display()))?;
    Ok(directory)
}

/// Writes samples as JSON; says where.
///
/// # Errors
/// They cannot be written.
pub(crate) fn write(name: &str, samples: &impl Serialize) -> Result<()> {
    let path = directory()?.join(format!("{name}.json"));
    let json = serde_json::to_string_pretty(samples)?;
    fs::write(&path, json).with_context(|| format!("write {}", path.display()))?;
    println!("samples: {}", path.strip_prefix(workspace::root()).map_or(&*path, Path::new).display());
    Ok(())
}
