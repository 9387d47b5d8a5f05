//! The `solgate` command: lists objects of a source that were modified lately, copies them to any number of
//! destinations under new keys, and mails how a workflow ended.
//!
//! Everything it does is in the libraries; here are the command line, and what is printed.

pub mod cli;
mod copying;
mod explain;
mod failures;
mod list;
mod listing;
mod notify;
mod results;
mod settings;
mod sync;
mod transfer;

use std::io::{ErrorKind, Write};

use anyhow::{Context, anyhow};
use clap::{CommandFactory, Parser};
use transship_support::{ExitCode, Failure, Output};

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
    if let (Some(_), Some(command)) = (&cli.run.report, without_report(&cli.command)) {
        return Err(Failure::usage(anyhow!("--report: `{command}` writes no run report, `transfer` and `sync` do")));
    }
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
        Command::Completions { shell } => completions(*shell),
    }
}

/// The name of a command that moves nothing.
fn without_report(command: &Command) -> Option<&'static str> {
    match command {
        Command::Transfer(_) | Command::Sync(_) => None,
        Command::List(_) => Some("list"),
        Command::Notify(_) => Some("notify"),
        Command::Explain(_) => Some("explain"),
        Command::Version => Some("version"),
        Command::Completions { .. } => Some("completions"),
    }
}

/// The generator panics where its output fails: it gets one that cannot.
fn completions(shell: clap_complete::Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "solgate", &mut script);
    let mut out = Output::stdout();
    out.write_all(&script).and_then(|()| out.flush()).context("print the completions")?;
    Ok(ExitCode::Done)
}

/// Help and version are results; everything else is a mistake, told on stderr.
fn usage(error: &clap::Error) -> anyhow::Result<ExitCode> {
    match error.print() {
        // Nobody reads it any more.
        Err(closed) if closed.kind() == ErrorKind::BrokenPipe => return Ok(ExitCode::Stopped),
        printed => printed.context("print the help")?,
    }
    Ok(if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done })
}
