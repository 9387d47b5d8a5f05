//! Random trees, filters and flags, through rclone and through `transship-mirror`: afterwards the destinations hold the
//! same, and both say the same of their success.
//!
//! `PROPTEST_CASES=5000 cargo test -p transship-mirror --test differential` runs longer.

// Lints spare tests, but not what tests share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod buckets;
mod cases;
mod disks;

use std::{
    path::PathBuf,
    process::Output,
    time::{Duration, SystemTime},
};

use proptest::{prelude::*, test_runner::TestRunner};

fn ours() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_transship-mirror"))
}

/// The time of a file or object that is so many minutes old, in a way: 2023-11-14 22:13:20 and later.
fn time(minutes: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + 60 * minutes)
}

/// So many cases, unless `PROPTEST_CASES` says more.
fn runner(cases: u32) -> TestRunner {
    let default = ProptestConfig::default();
    let cases = if default.cases == 256 { cases } else { default.cases };
    TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..default })
}

fn text(output: &Output) -> String {
    format!("{} {}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
