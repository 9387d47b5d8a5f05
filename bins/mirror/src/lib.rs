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

use std::io::Write;

use anyhow::Context;
use transship_support::{ExitCode, LogFormat, Output};

use crate::cli::{Cli, Command};

/// Parses the command line and does what it says.
///
/// # Errors
/// Whatever ends the command; [`ExitCode::of`] tells the exit code.
pub async fn main() -> anyhow::Result<ExitCode> {
    let mut cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            match error.print() {
                // Nobody reads it any more.
                Err(closed) if closed.kind() == std::io::ErrorKind::BrokenPipe => return Ok(ExitCode::Stopped),
                printed => printed.context("print the help")?,
            }
            return Ok(if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done });
        }
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
