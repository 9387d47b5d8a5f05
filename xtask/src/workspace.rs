//! Where things are in the workspace.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}

/// A cargo command in the workspace.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments).current_dir(root());
    cargo
}

/// The manifests of the example crates, in the order of their names.
///
/// # Errors
/// `examples/` cannot be read.
pub(crate) fn examples() -> Result<Vec<PathBuf>> {
    let folder = root().join("examples");
    let entries = fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
    let mut manifests: Vec<_> = entries.flatten().map(|entry| entry.path().join("Cargo.toml")).collect();
    manifests.retain(|manifest| manifest.is_file());
    manifests.sort();
    Ok(manifests)
}

/// Whether a program answers when it is asked for its version.
pub(crate) fn answers<const N: usize>(arguments: [&str; N]) -> bool {
    cargo(arguments).output().is_ok_and(|output| output.status.success())
}
