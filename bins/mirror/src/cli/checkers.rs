use clap::Args;
use transship::listings::ListOptions;
use transship_support::LISTERS_ALONE;

/// How many ranges of keys are listed side by side.
#[derive(Debug, Args)]
pub struct CheckersArgs {
    /// How many ranges of keys are listed at once, at most: fewer where memory does not hold them [default: 32,
    /// and 64 where one remote is listed]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    checkers: Option<u16>,
}

impl CheckersArgs {
    /// As the command line says, whatever memory there is.
    pub fn wanted(&self) -> usize {
        self.or(ListOptions::default().listers)
    }

    /// The same where one remote is listed, and nothing else is done.
    pub fn wanted_alone(&self) -> usize {
        self.or(LISTERS_ALONE)
    }

    fn or(&self, default: usize) -> usize {
        self.checkers.map_or(default, usize::from)
    }
}
