use std::path::PathBuf;

use clap::{Args, ValueEnum};
use transship_support::{MemorySize, RunArgs, Size, Span};

use super::{BackupArgs, COMPARISON, CheckersArgs, ComparisonArgs, DELETIONS, DeletionArgs, FILTERS, RUN};
use crate::filters::FilterArgs;

/// Flags of `sync` and `copy`.
#[derive(Debug, Args)]
pub struct MirrorArgs {
    /// `remote:path`, a connection string such as `:s3,provider=AWS:bucket/path`, or a local path
    #[arg(value_name = "SOURCE")]
    pub source: String,

    /// The same
    #[arg(value_name = "DEST")]
    pub destination: String,

    /// Say what would be done, and write nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// How many objects are copied at once, at most
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub transfers: u16,

    /// How many ranges of keys are listed at once.
    #[command(flatten)]
    pub checkers: CheckersArgs,

    /// How often an object is tried, the first attempt included
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub retries: u16,

    /// Stop after so long, cleanly: exit code 6
    #[arg(long, value_name = "DURATION")]
    pub max_duration: Option<Span>,

    /// Start nothing more when so much was copied: exit code 6
    #[arg(long, value_name = "SIZE")]
    pub max_transfer: Option<Size>,

    /// How --max-transfer and --max-duration end: soft finishes what is under way; cautious and hard never begin what would
    /// exceed the size; after the time, what is under way has ten seconds, with soft as long as it takes
    #[arg(long, value_name = "MODE", ignore_case = true, default_value = "hard")]
    pub cutoff_mode: CutoffMode,

    /// Split objects that the source holds in one part when they are larger than this
    #[arg(long, value_name = "SIZE", default_value = "1G")]
    pub upload_cutoff: Size,

    /// Rely on no store's order: list both ends whole, and sort them on disk
    #[arg(long)]
    pub sort_listings: bool,

    /// Where goes what is too large for memory [default: the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    pub work_dir: Option<PathBuf>,

    /// When an object is unchanged.
    #[command(flatten, next_help_heading = COMPARISON)]
    pub comparison: ComparisonArgs,

    /// Which objects take part.
    #[command(flatten, next_help_heading = FILTERS)]
    pub filters: FilterArgs,

    /// What may be deleted.
    #[command(flatten, next_help_heading = DELETIONS)]
    pub deletions: DeletionArgs,

    /// Where goes what is replaced or deleted.
    #[command(flatten, next_help_heading = DELETIONS)]
    pub backup: BackupArgs,

    /// Memory, progress and results.
    #[command(flatten, next_help_heading = RUN)]
    pub run: RunArgs,
}

impl MirrorArgs {
    /// The budget.
    pub fn memory(&self) -> MemorySize {
        self.run.memory.unwrap_or_else(transship_support::default_memory)
    }
}

/// How a run ends early.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CutoffMode {
    /// What would exceed the size is not begun; what is under way when the time is over has ten seconds.
    Hard,
    /// What is under way is finished.
    Soft,
    /// As hard.
    Cautious,
}
