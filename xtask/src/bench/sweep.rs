//! Ours at its defaults beside ours with what a user might set: whether there is anything to gain by tuning.

use anyhow::Result;

use super::{
    build::Programs,
    contender::{Contender, Flags, mirror, solgate},
    workload::{Case, Task},
};

/// A name for the table, and flags.
type Setting = (&'static str, Flags);

const DEFAULTS: Setting = ("defaults", &[]);
const TRANSFERS: [Setting; 6] = [
    ("--transfers 4", &["--transfers", "4"]),
    ("--transfers 8", &["--transfers", "8"]),
    ("--transfers 16", &["--transfers", "16"]),
    ("--transfers 32", &["--transfers", "32"]),
    ("--transfers 128", &["--transfers", "128"]),
    ("--transfers 256", &["--transfers", "256"]),
];
const MEMORY: [Setting; 4] = [
    ("--memory 32MiB", &["--memory", "32MiB"]),
    ("--memory 64MiB", &["--memory", "64MiB"]),
    ("--memory 384MiB", &["--memory", "384MiB"]),
    ("--memory 768MiB", &["--memory", "768MiB"]),
];
const CHECKERS: [Setting; 5] = [
    ("--checkers 1", &["--checkers", "1"]),
    ("--checkers 4", &["--checkers", "4"]),
    ("--checkers 8", &["--checkers", "8"]),
    ("--checkers 32", &["--checkers", "32"]),
    ("--checkers 64", &["--checkers", "64"]),
];

/// One of ours for each setting, the defaults first.
///
/// # Errors
/// It does not tell its version.
pub(crate) fn settings(case: &Case, programs: &Programs) -> Result<Vec<Contender>> {
    let (copies, tried) = match case.task {
        // How many at once is no question where there is one object.
        Task::Copy if case.stock.count() == 1 => (true, MEMORY.as_slice()),
        Task::Copy | Task::Unpack => (true, TRANSFERS.as_slice()),
        Task::Compare | Task::List => (false, CHECKERS.as_slice()),
    };
    let one = |&(name, flags): &Setting| {
        let one = if copies { solgate(programs, name, flags, 0)? } else { mirror(programs, name, flags)? };
        // What more of it takes is shown, not judged.
        anyhow::Ok(Contender { most_memory: None, ..one })
    };
    std::iter::once(&DEFAULTS).chain(tried).map(one).collect()
}
