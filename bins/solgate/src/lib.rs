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

use std::{
    ffi::OsString,
    io::{self, Write},
};

use anyhow::{Context, anyhow};
use clap::{
    FromArgMatches,
    error::{ContextKind, ContextValue},
};
use transship_support::{ExitCode, Failure, LogArgs, LogFormat, Output};

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
        Err(error) => return usage(&error, &arguments),
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

/// The flags could not be read: whether the log is to be JSON is asked of the words alone.
fn wants_json(arguments: &[OsString]) -> bool {
    let apart = arguments.windows(2).any(|pair| pair[0] == "--log-format" && pair[1] == "json");
    apart || arguments.iter().any(|argument| argument == "--log-format=json")
}

/// What went wrong, with the tips and the usage behind it.
fn in_one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let told = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<&str> = told.filter(|line| !line.starts_with("For more information")).collect();
    lines.join("; ").replace(":; ", ": ").trim_start_matches("error: ").to_owned()
}

/// The generator panics where its output fails: it gets one that cannot.
fn completions(shell: clap_complete::Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "solgate", &mut script);
    let mut out = Output::stdout();
    out.write_all(&script).and_then(|()| out.flush()).context("print the completions")?;
    Ok(ExitCode::Done)
}

/// Help and version are results; everything else is a mistake, told on stderr.
fn usage(error: &clap::Error, arguments: &[OsString]) -> anyhow::Result<ExitCode> {
    if error.use_stderr() && wants_json(arguments) {
        LogArgs { log_format: LogFormat::Json, ..LogArgs::default() }.init("solgate")?;
        return Err(Failure::usage(anyhow!(in_one_line(error))));
    }
    match error.print() {
        // Nobody reads it any more.
        Err(closed) if closed.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::Stopped),
        printed => printed.context("print the help")?,
    }
    Ok(if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done })
}
