//! The `solgate` command: lists objects of a source that were modified lately, copies them to any number of
//! destinations under new keys, and mails how a workflow ended.
//!
//! Everything it does is in the libraries; here are the command line, and what is printed.

pub mod cli;
mod explain;
mod list;
mod listing;
mod notify;
mod outcome;
mod settings;
mod sync;
mod transfer;

use clap::{CommandFactory, Parser};
use transship_support::{ExitCode, Output};

use crate::cli::{Cli, Command};

/// Parses the command line and does what it says.
///
/// # Errors
/// Whatever ends the command; [`ExitCode::of`] tells the exit code.
pub async fn main() -> anyhow::Result<ExitCode> {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    cli.run.log.init("solgate")?;
    match &cli.command {
        Command::List(args) => list::run(&cli, args).await,
        Command::Transfer(args) => transfer::run(&cli, args).await,
        Command::Sync(args) => sync::run(&cli, args).await,
        Command::Notify(args) => notify::run(&cli, args).await,
        Command::Explain(args) => explain::run(&cli, args).await,
        Command::Version => {
            Output::stdout().line(&format_args!("solgate {}", env!("CARGO_PKG_VERSION")))?;
            Ok(ExitCode::Done)
        }
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Cli::command(), "solgate", &mut Output::stdout());
            Ok(ExitCode::Done)
        }
    }
}

/// Help and version are results; everything else is a mistake, told on stderr.
fn usage(error: &clap::Error) -> anyhow::Result<ExitCode> {
    error.print()?;
    Ok(if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done })
}
