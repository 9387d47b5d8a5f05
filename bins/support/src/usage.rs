use std::{ffi::OsString, io};

use anyhow::{Context, anyhow};

use crate::{ExitCode, Failure, LogArgs, LogFormat};

/// Prints what a command line that could not be read comes to. Help and version are results; everything else is a mistake,
/// told on stderr: in one line of JSON where the log was to be JSON.
///
/// # Errors
/// The mistake, where it is to be told in JSON; it cannot be printed.
pub fn usage(tool: &str, error: &clap::Error, arguments: &[OsString]) -> anyhow::Result<ExitCode> {
    if error.use_stderr() && wants_json(arguments) {
        LogArgs { log_format: LogFormat::Json, ..LogArgs::default() }.init(tool)?;
        return Err(Failure::usage(anyhow!(in_one_line(error))));
    }
    match error.print() {
        // Nobody reads it any more.
        Err(closed) if closed.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::Stopped),
        printed => printed.context("print the help")?,
    }
    Ok(if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done })
}

/// The flags could not be read: whether the log is to be JSON is asked of the words alone.
fn wants_json(arguments: &[OsString]) -> bool {
    let apart = arguments.windows(2).any(|pair| pair[0] == "--log-format" && pair[1] == "json");
    apart || arguments.iter().any(|argument| argument == "--log-format=json" || argument == "--use-json-log")
}

/// What went wrong, with the tips and the usage behind it.
fn in_one_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let told = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let lines: Vec<&str> = told.filter(|line| !line.starts_with("For more information")).collect();
    lines.join("; ").replace(":; ", ": ").trim_start_matches("error: ").to_owned()
}
