use clap::Args;
use transship_support::Span;

/// When an object that both ends have is unchanged.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ComparisonArgs {
    /// The same size is enough
    #[arg(long, conflicts_with_all = ["checksum", "ignore_times"])]
    pub size_only: bool,

    /// The same size and the same ETag; where ETags cannot be compared, the same size
    #[arg(short, long)]
    pub checksum: bool,

    /// Leave alone what is newer at the destination
    #[arg(short, long)]
    pub update: bool,

    /// Leave alone what is there, whatever it is
    #[arg(long)]
    pub ignore_existing: bool,

    /// Copy everything, whatever is there
    #[arg(short = 'I', long)]
    pub ignore_times: bool,

    /// Never replace what is there: an object that differs is an error
    #[arg(long)]
    pub immutable: bool,

    /// Times that differ by less are the same [default: 1ns between disks]
    #[arg(long, value_name = "DURATION")]
    pub modify_window: Option<Span>,
}
