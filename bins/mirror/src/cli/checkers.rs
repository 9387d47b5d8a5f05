use clap::Args;
use transship::{listings::ListOptions, mirror::MirrorOptions};

/// How many ranges of keys are listed side by side.
#[derive(Debug, Args)]
pub struct CheckersArgs {
    /// How many ranges of keys are listed at once, at most: fewer where memory does not hold them [default: 64 of
    /// one remote, 32 of two]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    checkers: Option<u16>,
}

impl CheckersArgs {
    /// As the command line says, whatever memory there is, where one remote is listed.
    pub fn of_one(&self) -> usize {
        self.or(ListOptions::default().listers)
    }

    /// The same where two are compared.
    pub fn of_two(&self) -> usize {
        self.or(MirrorOptions::default().list.listers)
    }

    fn or(&self, default: usize) -> usize {
        self.checkers.map_or(default, usize::from)
    }
}
