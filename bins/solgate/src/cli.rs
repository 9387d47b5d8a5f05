//! The command line.

use std::path::PathBuf;

use clap::{Arg, Args, CommandFactory, Parser, Subcommand, ValueEnum};
use transship_support::{LogArgs, OutputFormat, RunArgs};

const CONFIGURATION: &str = "Configuration";
const LOGS: &str = "Logs";
const RUN: &str = "What it may take and what it tells";

/// Lists the objects of a source that were modified lately, copies them to any number of destinations, and mails how
/// a workflow ended.
#[derive(Debug, Parser)]
#[command(name = "solgate", version, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    /// Configuration: a file (INI, TOML or YAML), or a folder that holds config.ini, config.yaml or config.toml
    #[arg(short, long, value_name = "PATH", global = true, help_heading = CONFIGURATION, conflicts_with_all = ["config_folder", "config_filename"])]
    pub config: Option<PathBuf>,

    /// Folder of the configuration [default: /etc/solgate]
    #[arg(long, value_name = "DIR", global = true, help_heading = CONFIGURATION)]
    pub config_folder: Option<PathBuf>,

    /// Name of the configuration file in its folder [default: config.ini, else config.yaml, else config.toml]
    #[arg(long, value_name = "NAME", global = true, help_heading = CONFIGURATION)]
    pub config_filename: Option<PathBuf>,

    /// Whether signatures at S3 cover the bytes of objects [default: `sign_payload` of each location]
    #[arg(long, value_name = "WHEN", global = true, help_heading = CONFIGURATION)]
    pub sign_payload: Option<SignPayload>,

    /// What is logged.
    #[command(flatten, next_help_heading = LOGS)]
    pub log: LogArgs,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Whether signatures at S3 cover the bytes of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SignPayload {
    /// On plain HTTP where the copy is not proven otherwise.
    Auto,
    /// Always: what is streamed is gathered in memory first.
    Always,
}

/// The command line as clap sees it. Flags of all commands are not shown where they mean nothing.
pub fn command() -> clap::Command {
    let command = Cli::command();
    let of_all: Vec<Arg> =
        command.get_arguments().filter(|a| a.is_global_set()).map(|a| a.clone().hide(true)).collect();
    let of_stores: Vec<Arg> = of_all.iter().filter(|a| a.get_id() == "sign_payload").cloned().collect();
    // A command that is changed moves to the end: those that follow keep their order.
    let unused = [("notify", of_stores), ("explain", vec![]), ("version", of_all.clone()), ("completions", of_all)];
    unused.into_iter().fold(command, |all, (name, hidden)| all.mut_subcommand(name, |one| one.args(hidden)))
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List objects of the source that were modified within `timedelta`
    List(ListArgs),
    /// Copy listed objects to all destinations
    #[command(visible_alias = "send")]
    Transfer(TransferArgs),
    /// List and transfer in one run
    Sync(SyncArgs),
    /// Mail how a workflow ended
    #[command(visible_alias = "report")]
    Notify(NotifyArgs),
    /// Say what would happen to one key at each destination, and why
    Explain(ExplainArgs),
    /// Print the version
    Version,
    /// Print completions for a shell
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Flags of `list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Write the list here instead of to stdout
    #[arg(short, long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,

    /// List everything, however old
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "false", default_missing_value = "true",
          require_equals = false, value_parser = boolean, action = clap::ArgAction::Set)]
    pub backfill: bool,

    /// Print nothing on stdout
    #[arg(short, long)]
    pub silent: bool,
}

/// Flags of everything that copies.
#[derive(Debug, Args)]
pub struct CopyArgs {
    /// Say what would be done, and write nothing
    #[arg(short = 'n', long)]
    pub dry_run: bool,

    /// Leave alone what a destination holds already: lists each destination once
    #[arg(long)]
    pub skip_existing: bool,

    /// Where objects that failed are listed, to be tried again with `transfer -l` [default: failed.json, where that can
    /// be written]
    #[arg(long, value_name = "FILE")]
    pub failed_file: Option<PathBuf>,

    /// How many objects are copied at once, at most
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub transfers: u16,

    /// How often an object is tried, the first attempt included; a store that is away is tried for a minute at least,
    /// unless this is 1
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub attempts: u16,

    /// Split objects that the source holds in one part when they are larger than this, so that parts travel side by
    /// side; up to it the destination keeps the source's ETag
    #[arg(long, value_name = "SIZE", default_value = "1GiB")]
    pub split_above: transship_support::MemorySize,

    /// Where a plan goes that is too large for memory [default: the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    pub work_dir: Option<PathBuf>,

    /// Memory, progress and results.
    #[command(flatten, next_help_heading = RUN)]
    pub run: RunArgs,
}

/// Flags of `transfer`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").args(["key", "listing_file"]).required(true))]
pub struct TransferArgs {
    /// One key, relative to the source's base path
    #[arg(value_name = "KEY")]
    pub key: Option<String>,

    /// A list as `solgate list` writes it, JSON lines or a JSON array; `-` is stdin
    #[arg(short, long, value_name = "FILE")]
    pub listing_file: Option<PathBuf>,

    /// How to copy.
    #[command(flatten)]
    pub copy: CopyArgs,
}

/// Flags of `sync`.
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// Copy everything, however old
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_value = "false", default_missing_value = "true",
          require_equals = false, value_parser = boolean, action = clap::ArgAction::Set)]
    pub backfill: bool,

    /// How to copy.
    #[command(flatten)]
    pub copy: CopyArgs,
}

/// Flags of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A key, relative to the source's base path
    #[arg(value_name = "KEY")]
    pub key: String,

    /// How the explanation is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub output: OutputFormat,
}

/// Flags of `notify`. Each may come from the environment, and some from the configuration.
///
/// The mail server's login comes from the configuration (`alerts_smtp_username`, ...) or the environment
/// (`SMTP_USERNAME`, `SMTP_PASSWORD`, `SMTP_SECURITY`, `SMTP_CA_BUNDLE`): a password on a command line is everybody's.
#[derive(Debug, Args)]
pub struct NotifyArgs {
    /// What failed: JSON, or JSON in a quoted string, as Argo gives `{{workflow.failures}}`
    #[arg(long, env = "WORKFLOW_FAILURES", hide_env_values = true, value_name = "JSON", default_value = "")]
    pub failures: String,

    /// The workflow's name
    #[arg(short, long, env = "WORKFLOW_NAME", hide_env_values = true, value_name = "NAME")]
    pub name: String,

    /// The workflow's namespace
    #[arg(long, env = "WORKFLOW_NAMESPACE", hide_env_values = true, value_name = "NAME")]
    pub namespace: String,

    /// The workflow's status
    #[arg(short, long, env = "WORKFLOW_STATUS", hide_env_values = true, value_name = "STATUS")]
    pub status: String,

    /// When the workflow started
    #[arg(short, long, env = "WORKFLOW_TIMESTAMP", hide_env_values = true, value_name = "TIME", default_value = "")]
    pub timestamp: String,

    /// Host of the Argo UI, for the link
    #[arg(long, env = "ARGO_UI_HOST", hide_env_values = true, value_name = "HOST", default_value = "")]
    pub host: String,

    /// Who the mail is from [env: ALERT_SENDER] [default: `alerts_from`]
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,

    /// Who gets the mail; several with `,` or `;` between [env: ALERT_RECIPIENT] [default: `alerts_to`]
    #[arg(long, value_name = "ADDRESS")]
    pub to: Option<String>,

    /// The mail server: host, host:port, smtp://host or smtps://host [env: SMTP_SERVER] [default:
    /// `alerts_smtp_server`]
    #[arg(long, value_name = "SERVER")]
    pub smtp: Option<String>,
}

/// The booleans of the configuration are those of the command line.
fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Ok(true),
        "no" | "false" | "off" | "0" => Ok(false),
        _ => Err("expected yes, no, true, false, on, off, 1 or 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }
}
