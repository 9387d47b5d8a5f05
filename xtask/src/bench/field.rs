//! Who takes part in a case.

use anyhow::Result;
use clap::ValueEnum;

use super::{
    build::Programs,
    contender::{Contender, MOST_MEMORY_IN_ORDER, MOST_MEMORY_OF_COPIES, MOST_MEMORY_OF_LISTINGS, mirror, solgate},
    setting::Setting,
    tool::Flags,
    workload::{Case, Task},
};

/// Who is tried with different settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Swept {
    Ours,
    Rclone,
    Juicefs,
    S3sync,
    S5cmd,
    Aws,
}

impl Swept {
    /// Of the names of a case's files.
    pub(crate) fn suffix(self) -> String {
        self.peer().map(|peer| format!("-{peer}")).unwrap_or_default()
    }

    fn peer(self) -> Option<&'static str> {
        match self {
            Self::Ours => None,
            Self::Rclone => Some("rclone"),
            Self::Juicefs => Some("juicefs"),
            Self::S3sync => Some("s3sync"),
            Self::S5cmd => Some("s5cmd"),
            Self::Aws => Some("aws"),
        }
    }
}

/// Who takes part.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Field<'a> {
    /// Ours and others: those whose names begin so, or all where no name is given.
    Programs(&'a [String]),
    /// One program alone, set in different ways.
    Settings(Swept),
}

impl Field<'_> {
    /// Them, and for people who is missing and why.
    ///
    /// # Errors
    /// One does not tell its version.
    pub(crate) fn contenders(self, case: &Case, programs: &Programs) -> Result<(Vec<Contender>, Vec<String>)> {
        let chosen = match self {
            Self::Programs(chosen) => chosen,
            Self::Settings(swept) => {
                let Some(peer) = swept.peer() else { return Ok((settings(case, programs)?, Vec::new())) };
                return at_once(case, peer);
            }
        };
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
const CHECKERS: [Choice; 4] = [
    ("--checkers 1", &["--checkers", "1"]),
    ("--checkers 4", &["--checkers", "4"]),
    ("--checkers 8", &["--checkers", "8"]),
    ("--checkers 16", &["--checkers", "16"]),
];
const MANY_LISTERS: [Choice; 2] =
    [("--checkers 32", &["--checkers", "32"]), ("--checkers 128", &["--checkers", "128"])];
/// Comparisons take more memory for each.
const MANY_LISTERS_OF_TWO: [Choice; 1] =
    [("--checkers 64 --memory 512MiB", &["--checkers", "64", "--memory", "512MiB"])];

/// What is tried with peers.
const AT_ONCE: [(&str, u16); 6] = [
    ("4 at once", 4),
    ("8 at once", 8),
    ("16 at once", 16),
    ("32 at once", 32),
    ("64 at once", 64),
    ("128 at once", 128),
];

/// A peer at its defaults, and tuned with so many requests at once: which of them is its best setting. Nobody, and the
/// reason, where it does not do the work.
fn at_once(case: &Case, peer: &str) -> Result<(Vec<Contender>, Vec<String>)> {
    let tried = AT_ONCE.iter().map(|&(name, n)| (name, Setting::AtOnce(n)));
    let all = std::iter::once((DEFAULTS.0, Setting::Default)).chain(tried);
    let all: Vec<_> = all.map(|(name, setting)| Contender::peer(case, peer, name, setting)).collect::<Result<_>>()?;
    Ok(match all.into_iter().collect::<Result<_, _>>() {
        Ok(all) => (all, Vec::new()),
        Err(reason) => (Vec::new(), vec![format!("not run, {reason}: {peer}")]),
    })
}

/// Ours with what a user might set, the defaults first: whether there is anything to gain by tuning.
fn settings(case: &Case, programs: &Programs) -> Result<Vec<Contender>> {
    let (copies, tried, more): (_, &[Choice], &[Choice]) = match case.task {
        // How many at once is no question where there is one object: its parts are read eight at once.
        Task::Copy if case.is_one_object() => (true, &MEMORY, &[]),
        Task::Copy | Task::Unpack => (true, &TRANSFERS, &[]),
        Task::Compare => (false, &CHECKERS, &MANY_LISTERS_OF_TWO),
        Task::List => (false, &CHECKERS, &MANY_LISTERS),
    };
    let of_listings = if case.task == Task::List { MOST_MEMORY_IN_ORDER } else { MOST_MEMORY_OF_LISTINGS };
    let one = |&(name, flags): &Choice| {
        // What others take is shown, not judged.
        let most = |bytes| (name == DEFAULTS.0).then_some(bytes);
        if copies {
            solgate(programs, name, flags, most(MOST_MEMORY_OF_COPIES))
        } else {
            mirror(programs, name, flags, most(of_listings))
        }
    };
    std::iter::once(&DEFAULTS).chain(tried).chain(more).map(one).collect()
}
