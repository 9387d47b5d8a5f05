//! The command line: rclone's, as far as it means something here.

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, error::ContextKind};
use transship::mirror::Share;
use transship_support::{LogArgs, MemorySize, OutputFormat, RunArgs, Size, Span};

use crate::{filters::FilterArgs, flags, values::share};

const CONFIGURATION: &str = "Configuration";
const FILTERS: &str = "Which objects take part";
const COMPARISON: &str = "When an object is unchanged";
const DELETIONS: &str = "What is deleted, and when";
const LOGS: &str = "Logs";
const RUN: &str = "What it may take and what it tells";

/// Makes one place equal to another, with rclone's configuration, flags and filters. Every copy is verified; nothing is
/// deleted unless all else went well.
#[derive(Debug, Parser)]
#[command(name = "transship-mirror", version, propagate_version = true, max_term_width = 110)]
#[command(after_help = "Flags of rclone's backends, such as --s3-storage-class, count as well.")]
pub struct Cli {
    /// rclone's configuration [env: RCLONE_CONFIG] [default: ~/.config/rclone/rclone.conf]
    #[arg(long, value_name = "FILE", global = true, help_heading = CONFIGURATION)]
    pub config: Option<PathBuf>,

    /// What is logged.
    #[command(flatten, next_help_heading = LOGS)]
    pub log: LogArgs,

    /// Log as JSON: the same as --log-format json
    #[arg(long, global = true, help_heading = LOGS)]
    pub use_json_log: bool,

    /// Flags of backends, `s3-region` and so on, and their values.
    #[arg(skip)]
    pub backend_flags: Vec<(String, String)>,

    /// What was given and has no effect, a line each.
    #[arg(skip)]
    pub without_effect: Vec<String>,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the destination equal to the source: copy what is new or differs, then delete what the source does not have
    Sync(MirrorArgs),
    /// Copy what is new or differs, and delete nothing
    Copy(MirrorArgs),
    /// Compare both ends, and change nothing
    Check(CheckArgs),
    /// Say what sync would do with some paths, and why
    Explain(ExplainArgs),
    /// List objects: size and path
    Ls(ListArgs),
    /// Count objects and their bytes
    Size(ListArgs),
    /// Print the version
    Version,
    /// Print completions for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

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

    /// How many ranges of keys are listed at once, at most
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub checkers: u16,

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

    /// Read all objects at both ends, and compare what they hold
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

    /// How many ranges of keys are listed, and objects read, at once
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub checkers: u16,

    /// Rely on no store's order: list both ends whole, and sort them on disk
    #[arg(long)]
    pub sort_listings: bool,

    /// Which objects take part.
    #[command(flatten, next_help_heading = FILTERS)]
    pub filters: FilterArgs,
}

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

/// Flags of `ls` and `size`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// `remote:path`, a connection string, or a local path
    #[arg(value_name = "REMOTE")]
    pub remote: String,

    /// How many ranges of keys are listed at once, at most
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub checkers: u16,

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

impl Cli {
    /// The command line that is understood: [`Parser`]'s own does not know the flags of backends.
    pub fn whole() -> clap::Command {
        flags::with_switched_progress(flags::taking_all(Self::command()))
    }

    /// Reads a command line.
    ///
    /// # Errors
    /// It is none, or it asks for help.
    pub fn read(line: impl IntoIterator<Item = impl Into<std::ffi::OsString> + Clone>) -> Result<Self, clap::Error> {
        let matches = Self::whole().try_get_matches_from(line).map_err(|mut error| {
            // That `-- --flag` would make a value of it helps nobody here.
            error.remove(ContextKind::Suggested);
            error
        })?;
        let mut cli = Self::from_arg_matches(&matches)?;
        cli.backend_flags = flags::of_backends(&matches);
        cli.without_effect = flags::without_effect(&matches);
        Ok(cli)
    }
}

impl MirrorArgs {
    /// The budget.
    pub fn memory(&self) -> u64 {
        let MemorySize(bytes) = self.run.memory.unwrap_or_else(transship_support::default_memory);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::whole().debug_assert();
    }

    #[test]
    fn flags_of_backends_stand_anywhere_and_switches_need_no_value() {
        let line = "transship-mirror --s3-region eu copy --s3-env-auth a: b: --s3-acl=private --s3-no-head=false -M";
        let cli = Cli::read(line.split(' ')).unwrap();
        let given: Vec<_> = cli.backend_flags.iter().map(|(flag, value)| format!("{flag}={value}")).collect();
        assert_eq!(given, ["s3-env-auth=true", "s3-region=eu", "s3-acl=private", "s3-no-head=false"]);
        assert_eq!(cli.without_effect, ["--metadata has no effect here: metadata is always kept"]);
        let error = Cli::read("transship-mirror copy a: b: --s3-regoin eu".split(' ')).unwrap_err().to_string();
        assert!(error.contains("--s3-region"), "{error}");
    }
}
