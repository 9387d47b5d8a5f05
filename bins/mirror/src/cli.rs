//! The command line: rclone's, as far as it means something here.

mod backup;
mod check;
mod checkers;
mod comparison;
mod deletion;
mod explain;
mod list;
mod mirror;

use std::{ffi::OsString, path::PathBuf};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, error::ContextKind};
use transship_support::LogArgs;

pub use self::{
    backup::BackupArgs,
    check::CheckArgs,
    checkers::CheckersArgs,
    comparison::ComparisonArgs,
    deletion::DeletionArgs,
    explain::ExplainArgs,
    list::ListArgs,
    mirror::{CutoffMode, MirrorArgs},
};
use crate::flags;

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

impl Cli {
    /// The command line that is understood: [`Parser`]'s own does not know the flags of backends.
    pub fn whole() -> clap::Command {
        flags::with_switched_progress(flags::taking_all(Self::command()))
    }

    /// Reads a command line.
    ///
    /// # Errors
    /// It is none, or it asks for help.
    pub fn read(line: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Self, clap::Error> {
        let line: Vec<OsString> = line.into_iter().map(Into::into).collect();
        let command = Self::whole();
        let line = flags::without_values_of_switches(&command, &line);
        let matches = command.try_get_matches_from(line).map_err(|mut error| {
            // That `-- --flag` would make a value of it helps nobody here.
            error.remove(ContextKind::Suggested);
            flags::told_unsupported(error)
        })?;
        let mut cli = Self::from_arg_matches(&matches)?;
        cli.backend_flags = flags::of_backends(&matches);
        cli.without_effect = flags::without_effect(&matches);
        Ok(cli)
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
        let line = "transship-mirror copy a: b: --checksum=true --dry-run=false";
        let Command::Copy(args) = Cli::read(line.split(' ')).unwrap().command else { panic!("copy") };
        assert!(args.comparison.checksum && !args.dry_run);
        let error = Cli::read("transship-mirror copy a: b: --max-depth 1".split(' ')).unwrap_err().to_string();
        assert!(
            error.contains("rclone's --max-depth is not supported here") && !error.contains("--max-delete"),
            "{error}"
        );
        let error = Cli::read("transship-mirror copy a: b: --s3-regoin eu".split(' ')).unwrap_err().to_string();
        assert!(error.contains("--s3-region"), "{error}");
    }
}
