use std::{fs, io::Write, path::PathBuf};

use anyhow::{Context, Result};

use super::place::testbed_directory;

/// Notes that `test` did not run. Tests run in processes of their own, so the record is a file, one line a test.
#[allow(clippy::print_stderr)] // a test says on its own output that it was skipped
pub(super) fn record(test: &str, reason: &str) -> Result<()> {
    let line = format!("{test}: {reason}");
    eprintln!("skipped {line}");
    let file = file();
    fs::create_dir_all(testbed_directory())?;
    let mut record = fs::OpenOptions::new().create(true).append(true).open(&file);
    record
        .as_mut()
        .map_or_else(|e| Err(anyhow::anyhow!("{e}")), |f| Ok(f.write_all(format!("{line}\n").as_bytes())?))
        .with_context(|| format!("write {}", file.display()))
}

/// The tests that were skipped since [`forget_skipped`], sorted, each with the reason: `test: reason`.
pub fn skipped() -> Vec<String> {
    let text = fs::read_to_string(file()).unwrap_or_default();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines.dedup();
    lines
}

/// Starts a new record: what runs the tests calls it first.
///
/// # Errors
/// The old record cannot be removed.
pub fn forget_skipped() -> Result<()> {
    match fs::remove_file(file()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn file() -> PathBuf {
    testbed_directory().join("skipped.txt")
}
