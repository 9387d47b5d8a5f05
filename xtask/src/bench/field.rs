//! Who takes part in a case.

use anyhow::Result;

use super::{
    build::Programs,
    contender::{Contender, Flags, mirror, solgate},
    workload::{Case, Task},
};

/// Who takes part.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field<'a> {
    /// Ours and others: those whose names begin so, or all where no name is given.
    Programs(&'a [String]),
    /// Ours alone, set in different ways.
    Settings,
}

impl Field<'_> {
    /// Them, and for people who is missing and why.
    ///
    /// # Errors
    /// One does not tell its version.
    pub(crate) fn contenders(self, case: &Case, programs: &Programs) -> Result<(Vec<Contender>, Vec<String>)> {
        let Self::Programs(chosen) = self else { return Ok((settings(case, programs)?, Vec::new())) };
        let (mut all, missing) = Contender::of(case, programs)?;
        all.retain(|one| one.is_ours() || chosen.is_empty() || chosen.iter().any(|name| one.name.starts_with(name)));
        Ok((all, missing))
    }
}

/// A name for the table, and flags.
pub(crate) type Choice = (&'static str, Flags);

/// What the others are compared with.
pub(crate) const DEFAULTS: Choice = ("defaults", &[]);
const TRANSFERS: [Choice; 6] = [
    ("--transfers 4", &["--transfers", "4"]),
    ("--transfers 8", &["--transfers", "8"]),
    ("--transfers 16", &["--transfers", "16"]),
    ("--transfers 32", &["--transfers", "32"]),
    ("--transfers 128", &["--transfers", "128"]),
    ("--transfers 256", &["--transfers", "256"]),
];
const MEMORY: [Choice; 4] = [
    ("--memory 32MiB", &["--memory", "32MiB"]),
    ("--memory 64MiB", &["--memory", "64MiB"]),
    ("--memory 384MiB", &["--memory", "384MiB"]),
    ("--memory 768MiB", &["--memory", "768MiB"]),
];
const CHECKERS: [Choice; 5] = [
    ("--checkers 1", &["--checkers", "1"]),
    ("--checkers 4", &["--checkers", "4"]),
    ("--checkers 8", &["--checkers", "8"]),
    ("--checkers 16", &["--checkers", "16"]),
    ("--checkers 64", &["--checkers", "64"]),
];

/// Ours with what a user might set, the defaults first: whether there is anything to gain by tuning.
fn settings(case: &Case, programs: &Programs) -> Result<Vec<Contender>> {
    let (copies, tried) = match case.task {
        // How many at once is no question where there is one object.
        Task::Copy if case.stock.count() == 1 => (true, MEMORY.as_slice()),
        Task::Copy | Task::Unpack => (true, TRANSFERS.as_slice()),
        Task::Compare | Task::List => (false, CHECKERS.as_slice()),
    };
    let one = |&(name, flags): &Choice| {
        // What more of it takes is shown, not judged.
        if copies { solgate(programs, name, flags, None) } else { mirror(programs, name, flags, None) }
    };
    std::iter::once(&DEFAULTS).chain(tried).map(one).collect()
}
