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

use std::{ffi::OsString, io::Write};

use anyhow::Context;
use clap::{
    FromArgMatches,
    error::{ContextKind, ContextValue},
};
use transship_support::{ExitCode, Output, usage};

use crate::cli::{Cli, Command};

/// Parses the command line and does what it says.
///
/// # Errors
/// Whatever ends the command; [`ExitCode::of`] tells the exit code.
pub async fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let parsed = cli::command()
        .try_get_matches_from(&arguments)
        .map_err(hinted)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return usage("solgate", &error, &arguments),
    };
    cli.log.init("solgate")?;
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

/// `list` has no choice of forms, and elsewhere `--output` is that.
fn hinted(mut error: clap::Error) -> clap::Error {
    let listing = error.get(ContextKind::Usage).is_some_and(|usage| usage.to_string().contains("solgate list"));
    let unknown = error.get(ContextKind::InvalidArg) == Some(&ContextValue::String("--output".to_owned()));
    if listing && unknown {
        let hint = "the list is always JSON lines; -o FILE (--output-file) says where it is written";
        error.remove(ContextKind::SuggestedArg);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![hint.into()]));
    }
    error
}

/// The generator panics where its output fails: it gets one that cannot.
fn completions(shell: clap_complete::Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "solgate", &mut script);
    let mut out = Output::stdout();
    out.write_all(&script).and_then(|()| out.flush()).context("print the completions")?;
    Ok(ExitCode::Done)
}
