//! The `transship-mirror` command: rclone's configuration, flags and filters over the libraries.

mod check;
pub mod cli;
mod explain;
mod filters;
mod flags;
mod listing;
mod overlap;
mod plan;
mod policy;
mod remotes;
mod results;
mod stats;
mod sync;
mod values;

use std::{ffi::OsString, io::Write};

use anyhow::Context;
use transship_support::{ExitCode, LogFormat, Output, usage};

use crate::cli::{Cli, Command};

/// Parses the command line and does what it says.
///
/// # Errors
/// Whatever ends the command; [`ExitCode::of`] tells the exit code.
pub async fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let mut cli = match Cli::read(&arguments) {
        Ok(cli) => cli,
        Err(error) => return usage("transship_mirror", &error, &arguments),
    };
    if cli.use_json_log {
        cli.log.log_format = LogFormat::Json;
    }
    cli.log.init("transship_mirror")?;
    cli.without_effect.iter().for_each(|line| tracing::debug!("{line}"));
    match &cli.command {
        Command::Sync(args) => sync::run(&cli, args, true).await,
        Command::Copy(args) => sync::run(&cli, args, false).await,
        Command::Check(args) => check::run(&cli, args).await,
        Command::Explain(args) => explain::run(&cli, args).await,
        Command::Ls(args) => listing::ls(&cli, args).await,
        Command::Size(args) => listing::size(&cli, args).await,
        Command::Version => {
            Output::stdout().line(&format_args!("transship-mirror {}", env!("CARGO_PKG_VERSION")))?;
            Ok(ExitCode::Done)
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::whole(), "transship-mirror", &mut script);
            let mut out = Output::stdout();
            out.write_all(&script).and_then(|()| out.flush()).context("print the completions")?;
            Ok(ExitCode::Done)
        }
    }
}
