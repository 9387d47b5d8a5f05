//! The workspace, and cargo in it.

use std::{path::Path, process::Command};

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

/// What is checked out, as far as git knows it; `-dirty` where something else is built.
pub(crate) fn commit() -> Option<String> {
    let mut git = Command::new("git");
    git.args(["describe", "--always", "--dirty", "--abbrev=9", "--exclude=*"]).current_dir(root());
    let output = git.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether a cargo subcommand is installed: it answers when it is asked for its version.
pub(crate) fn answers<const N: usize>(arguments: [&str; N]) -> bool {
    cargo(arguments).output().is_ok_and(|output| output.status.success())
}
