use clap::Args;
use transship::mirror::Share;

use crate::values::share;

/// What may be deleted.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct DeletionArgs {
    /// Delete nothing at all where more than so many objects, or such a share of the destination, would go [default: half
    /// of a destination of 100 objects or more]
    #[arg(long, value_name = "N|P%", value_parser = share)]
    pub max_delete: Option<Share>,

    /// An empty source is meant: otherwise nothing is deleted for it
    #[arg(long)]
    pub allow_empty_source: bool,

    /// Delete objects at the destination that the filters exclude, too
    #[arg(long)]
    pub delete_excluded: bool,
}
