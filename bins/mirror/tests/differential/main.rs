//! Random trees, filters and flags, through rclone and through `transship-mirror`: afterwards the destinations hold the
//! same, and both say the same of their success.
//!
//! The cases are the same each time, so that a change is judged by what it changes.
//! `PROPTEST_CASES=5000 cargo test -p transship-mirror --test differential` draws others, and `PROPTEST_RNG_SEED` those of a
//! seed. The seed of a case that failed is kept in a file beside this one, and tried first the next time.

// Lints spare tests, but not what tests share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![cfg(unix)]

mod ages;
mod buckets;
mod cases;
mod disks;
mod excuses;
mod folders;
mod mixed;

use std::{
    fmt::Debug,
    path::PathBuf,
    process::Output,
    time::{Duration, SystemTime},
};

use proptest::{
    prelude::*,
    test_runner::{FileFailurePersistence, RngSeed, TestRunner},
};

fn ours() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_transship-mirror"))
}

/// The time of a file or object that is so many minutes old, in a way: 2023-11-14 22:13:20 and later.
fn time(minutes: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + 60 * minutes)
}

/// Tries so many cases, unless `PROPTEST_CASES` says how many; `seeds` is where those are kept that failed.
fn same<S: Strategy>(
    cases: u32,
    seeds: &'static str,
    test: &str,
    strategy: &S,
    try_one: impl Fn(S::Value) -> Result<(), TestCaseError>,
) where
    S::Value: Debug,
{
    let default = ProptestConfig::default();
    let is_asked_for = default.cases != 256;
    let config = ProptestConfig {
        cases: if is_asked_for { default.cases } else { cases },
        rng_seed: match default.rng_seed {
            RngSeed::Random if !is_asked_for => RngSeed::Fixed(1),
            given => given,
        },
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(seeds))),
        // The smallest case is to be told before the run's own limit ends the test.
        max_shrink_time: 60_000,
        ..default
    };
    if let Err(error) = TestRunner::new(config).run(strategy, try_one) {
        panic!(
            "{error}\nThe seed is in {seeds} and is tried first by:\n\
             cargo test -p transship-mirror --test differential {test}"
        );
    }
}

fn text(output: &Output) -> String {
    format!("{} {}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
