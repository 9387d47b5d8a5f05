use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::{place, skipped};

/// The program `name` for the test named `test`, which compares with it. Where it is missing the test is to be skipped,
/// which is printed and recorded as for servers.
///
/// # Errors
/// In continuous integration (`CI` is set) a missing program is one.
pub fn peer_or_skip(name: &str, test: &str) -> Result<Option<PathBuf>> {
    let wanted = place::variable("TRANSSHIP_TEST_SERVERS").as_deref() != Some("off");
    let found = place::program(name).filter(|_| wanted);
    if found.is_none() {
        ensure!(!place::in_ci() || !wanted, "{name} is not on this machine: run `cargo xtask testbed install`");
        skipped::record(test, &format!("{name} is not on this machine (`cargo xtask testbed install` brings it)"))?;
    }
    Ok(found)
}
