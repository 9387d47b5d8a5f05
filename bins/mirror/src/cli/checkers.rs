use clap::Args;
use transship_support::MemorySize;

/// How many ranges of keys are listed side by side.
#[derive(Debug, Args)]
pub struct CheckersArgs {
    /// How many ranges of keys are listed at once, at most [default: 32, fewer where there is little memory]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    checkers: Option<u16>,
}

impl CheckersArgs {
    /// As the command line says, or as many as there is memory for.
    pub fn within(&self, memory: MemorySize) -> usize {
        self.checkers.unwrap_or_else(|| memory.listers()).into()
    }
}
