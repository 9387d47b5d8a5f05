use clap::Args;

/// Where goes what is replaced or deleted.
#[derive(Clone, Debug, Default, Args)]
pub struct BackupArgs {
    /// Keep what is about to be replaced or deleted here, under the same paths
    #[arg(long, value_name = "DIR")]
    pub backup_dir: Option<String>,

    /// What the names of kept objects end with; without --backup-dir they are kept beside the others
    #[arg(long, value_name = "SUFFIX")]
    pub suffix: Option<String>,

    /// The suffix goes before the extension
    #[arg(long, requires = "suffix")]
    pub suffix_keep_extension: bool,
}
