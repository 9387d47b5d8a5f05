use clap::Args;
use transship_support::OutputFormat;

use super::{COMPARISON, ComparisonArgs, DELETIONS, FILTERS};
use crate::filters::FilterArgs;

/// Flags of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// `remote:path`, a connection string, or a local path
    #[arg(value_name = "SOURCE")]
    pub source: String,

    /// The same
    #[arg(value_name = "DEST")]
    pub destination: String,

    /// Paths below both
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<String>,

    /// How the explanations are printed; json: an object a line
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub output: OutputFormat,

    /// When an object is unchanged.
    #[command(flatten, next_help_heading = COMPARISON)]
    pub comparison: ComparisonArgs,

    /// Which objects take part.
    #[command(flatten, next_help_heading = FILTERS)]
    pub filters: FilterArgs,

    /// Objects at the destination that the filters exclude are to be deleted, too
    #[arg(long, help_heading = DELETIONS)]
    pub delete_excluded: bool,
}
