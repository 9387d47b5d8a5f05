use std::path::PathBuf;

use clap::Args;

use super::{CheckersArgs, FILTERS};
use crate::filters::FilterArgs;

/// Flags of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// `remote:path`, a connection string, or a local path
    #[arg(value_name = "SOURCE")]
    pub source: String,

    /// The same
    #[arg(value_name = "DEST")]
    pub destination: String,

    /// Compare sizes only
    #[arg(long, conflicts_with = "download")]
    pub size_only: bool,

    /// Read all objects at both ends, as many at once as --checkers says, and compare what they hold
    #[arg(long)]
    pub download: bool,

    /// Objects that only the destination has are no difference
    #[arg(long)]
    pub one_way: bool,

    /// Write all paths here, each with a sign: = match, - missing on the source, + missing on the destination, * differ, !
    /// error; `-` is stdout
    #[arg(long, value_name = "FILE")]
    pub combined: Option<PathBuf>,

    /// Write paths that differ here
    #[arg(long, value_name = "FILE")]
    pub differ: Option<PathBuf>,

    /// Write paths that the destination lacks here
    #[arg(long, value_name = "FILE")]
    pub missing_on_dst: Option<PathBuf>,

    /// Write paths that the source lacks here
    #[arg(long, value_name = "FILE")]
    pub missing_on_src: Option<PathBuf>,

    /// Write paths that match here
    #[arg(long = "match", value_name = "FILE")]
    pub match_file: Option<PathBuf>,

    /// Write paths that could not be compared here
    #[arg(long, value_name = "FILE")]
    pub error: Option<PathBuf>,

    /// How many ranges of keys are listed, and objects read, at once.
    #[command(flatten)]
    pub checkers: CheckersArgs,

    /// Rely on no store's order: list both ends whole, and sort them on disk
    #[arg(long)]
    pub sort_listings: bool,

    /// Which objects take part.
    #[command(flatten, next_help_heading = FILTERS)]
    pub filters: FilterArgs,
}
