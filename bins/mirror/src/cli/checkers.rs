use clap::Args;
use transship::listings::ListOptions;

/// How many ranges of keys are listed side by side.
#[derive(Debug, Args)]
pub struct CheckersArgs {
    /// How many ranges of keys are listed at once, at most: fewer where memory does not hold them [default: 32]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    checkers: Option<u16>,
}

impl CheckersArgs {
    /// As the command line says, whatever memory there is.
    pub fn wanted(&self) -> usize {
        self.checkers.map_or(ListOptions::default().listers, usize::from)
    }
}
