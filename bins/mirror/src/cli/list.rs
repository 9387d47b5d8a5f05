use clap::Args;
use transship_support::OutputFormat;

use super::{CheckersArgs, FILTERS};
use crate::filters::FilterArgs;

/// Flags of `ls` and `size`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// `remote:path`, a connection string, or a local path
    #[arg(value_name = "REMOTE")]
    pub remote: String,

    /// How many ranges of keys are listed at once.
    #[command(flatten)]
    pub checkers: CheckersArgs,

    /// How the list is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub output: OutputFormat,

    /// Rely on no store's order: list all of it, and sort it on disk
    #[arg(long)]
    pub sort_listings: bool,

    /// Which objects take part.
    #[command(flatten, next_help_heading = FILTERS)]
    pub filters: FilterArgs,
}
