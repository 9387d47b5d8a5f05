use std::fmt;

use transship_report::Totals;
use transship_types::ErrorClass;

/// How a process ends: the table in `docs/exit-codes.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// All done, all verified.
    Done = 0,
    /// The run itself failed; what was copied stays, and nothing was deleted.
    RunFailed = 1,
    /// Bad usage or configuration; nothing was touched.
    Usage = 2,
    /// Nothing to do, where the tool being replaced says so.
    NothingToDo = 3,
    /// Some objects failed; the rest are done.
    ObjectsFailed = 4,
    /// Only a guard refused: copies stand, nothing was deleted.
    GuardRefused = 5,
    /// Stopped early: run again to go on.
    Stopped = 6,
}

impl ExitCode {
    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// What it means, in a few words.
    pub fn meaning(self) -> &'static str {
        transship_alert::exit_code_meaning(i64::from(self.code())).unwrap_or_default()
    }

    /// The code of a run of which both are true. What concerns the whole run outranks what concerns objects.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        if other.rank() < self.rank() { other } else { self }
    }

    fn rank(self) -> u8 {
        match self {
            Self::Usage => 0,
            Self::RunFailed => 1,
            Self::Stopped => 2,
            Self::ObjectsFailed => 3,
            Self::GuardRefused => 4,
            Self::NothingToDo => 5,
            Self::Done => 6,
        }
    }
}

/// What the objects of a run that came to its end say.
impl From<&Totals> for ExitCode {
    fn from(totals: &Totals) -> Self {
        let stopped = if totals.counts.cancelled > 0 { Self::Stopped } else { Self::Done };
        let failed = if totals.counts.failed > 0 { Self::ObjectsFailed } else { Self::Done };
        stopped.and(failed)
    }
}

/// What an error that ended the run says.
impl From<ErrorClass> for ExitCode {
    fn from(class: ErrorClass) -> Self {
        if class == ErrorClass::Cancelled { Self::Stopped } else { Self::RunFailed }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.code())
    }
}

/// An error that knows the exit code that it ends the process with. Errors without one end it with
/// [`ExitCode::RunFailed`].
///
/// ```
/// use transship_support::{ExitCode, Failure};
///
/// let error = Failure::usage(anyhow::anyhow!("--max-delete: expected a number"));
/// assert_eq!(ExitCode::of(&error.context("flags")), ExitCode::Usage);
/// ```
#[derive(Debug)]
pub struct Failure {
    code: ExitCode,
    error: anyhow::Error,
}

impl Failure {
    /// Gives `error` an exit code.
    #[expect(clippy::new_ret_no_self, reason = "an error is of use only as the error type that is returned")]
    pub fn new(code: ExitCode, error: impl Into<anyhow::Error>) -> anyhow::Error {
        anyhow::Error::new(Self { code, error: error.into() })
    }

    /// An error of usage or configuration, found before anything was touched.
    pub fn usage(error: impl Into<anyhow::Error>) -> anyhow::Error {
        Self::new(ExitCode::Usage, error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

impl ExitCode {
    /// The code that an error ends the process with.
    pub fn of(error: &anyhow::Error) -> Self {
        error.downcast_ref::<Failure>().map_or(Self::RunFailed, |failure| failure.code)
    }
}

#[cfg(test)]
mod tests {
    use transship_report::Counts;

    use super::*;

    const ALL: [ExitCode; 7] = [
        ExitCode::Done,
        ExitCode::RunFailed,
        ExitCode::Usage,
        ExitCode::NothingToDo,
        ExitCode::ObjectsFailed,
        ExitCode::GuardRefused,
        ExitCode::Stopped,
    ];

    #[test]
    fn the_numbers_are_those_of_the_table_and_each_has_a_meaning() {
        let table = include_str!("../../../docs/exit-codes.md");
        for (number, code) in ALL.into_iter().enumerate() {
            assert_eq!(usize::from(code.code()), number);
            let row = table.lines().find(|line| line.starts_with(&format!("| {number} |"))).unwrap();
            let first = code.meaning().split([';', ',', ' ']).next().unwrap();
            assert!(row.contains(first), "{row} / {}", code.meaning());
        }
    }

    #[test]
    fn the_graver_code_wins_whichever_comes_first() {
        for (one, other, both) in [
            (ExitCode::Done, ExitCode::NothingToDo, ExitCode::NothingToDo),
            (ExitCode::GuardRefused, ExitCode::ObjectsFailed, ExitCode::ObjectsFailed),
            (ExitCode::ObjectsFailed, ExitCode::Stopped, ExitCode::Stopped),
            (ExitCode::Stopped, ExitCode::RunFailed, ExitCode::RunFailed),
        ] {
            assert_eq!((one.and(other), other.and(one)), (both, both));
        }
    }

    #[test]
    fn objects_decide_where_the_run_went_well() {
        let totals = |failed, cancelled| Totals {
            counts: Counts { failed, cancelled, ..Counts::default() },
            ..Totals::default()
        };
        assert_eq!(ExitCode::from(&totals(0, 0)), ExitCode::Done);
        assert_eq!(ExitCode::from(&totals(1, 0)), ExitCode::ObjectsFailed);
        assert_eq!(ExitCode::from(&totals(1, 1)), ExitCode::Stopped);
        assert_eq!(ExitCode::from(ErrorClass::Cancelled), ExitCode::Stopped);
        assert_eq!(ExitCode::from(ErrorClass::Permanent), ExitCode::RunFailed);
    }
}
