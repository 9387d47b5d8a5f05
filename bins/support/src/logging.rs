use std::{
    io::{self, IsTerminal, Write},
    sync::OnceLock,
};

use anyhow::anyhow;
use clap::{ArgAction, Args, ValueEnum};
use indicatif::MultiProgress;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::{Failure, environment};

/// What is logged, and how. Logs go to stderr.
#[derive(Clone, Debug, Default, Args)]
pub struct LogArgs {
    /// Log as text or as one JSON object a line
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    pub log_format: LogFormat,

    /// Log more: -v debug, -vv everything
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub verbose: u8,

    /// Log less: -q warnings and errors, -qq errors only
    #[arg(short, long, action = ArgAction::Count, global = true, conflicts_with = "verbose")]
    pub quiet: u8,

    /// Log at this level (error, warn, info, debug, trace) or by these rules (info,transship_store=debug)
    #[arg(long, value_name = "LEVEL", env = "TRANSSHIP_LOG", global = true)]
    pub log_level: Option<String>,
}

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// One JSON object a line: `timestamp`, `level`, `message`, `target` and the event's own fields.
    Json,
}

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// The target of the error that ends the process, which is told whatever the level is.
pub(crate) const ENDING: &str = "transship::ending";

static FORMAT: OnceLock<LogFormat> = OnceLock::new();

impl LogArgs {
    /// Starts logging, once per process. `tool` is the binary's crate name.
    ///
    /// `--log-level` (or `TRANSSHIP_LOG`, which it overrides) takes a level for this program's own events, or full
    /// rules for all; `-v` and `-q` are short for levels and are overridden by it. `RUST_LOG` is not read: in a pod it
    /// is often meant for another program. Colours appear on a terminal only, and not where `NO_COLOR` is set.
    ///
    /// # Errors
    /// A level or rule that is none (exit code 2).
    pub fn init(&self, tool: &str) -> anyhow::Result<()> {
        let (filter, wrong) = match (EnvFilter::try_new(self.rules(tool)), self.unknown_level()) {
            (_, Some(_)) => (EnvFilter::default(), Some("there is no such level".to_owned())),
            (Ok(filter), _) => (filter, None),
            (Err(error), _) => (EnvFilter::default(), Some(error.to_string())),
        };
        let filter =
            format!("{ENDING}=error").parse().map_or_else(|_| EnvFilter::default(), |end| filter.add_directive(end));
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(LogWriter)
            .with_ansi(coloured())
            .log_internal_errors(false); // they are reported with eprintln!, which panics where stderr is closed
        let started = match self.log_format {
            LogFormat::Text => builder.with_target(self.verbose > 0).try_init(),
            LogFormat::Json => {
                builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
            }
        };
        if started.is_ok() {
            let _ = FORMAT.set(self.log_format);
        }
        let Some(error) = wrong else { return Ok(()) };
        let given = self.log_level.as_deref().unwrap_or_default();
        let expected = "expected error, warn, info, debug, trace, off or rules such as info,hyper=debug";
        Err(Failure::usage(anyhow!("--log-level {given:?}: {error}; {expected}")))
    }

    /// The level that was given in place of rules. That of rclone's notices is info.
    fn level(&self) -> Option<String> {
        let given = self.log_level.as_ref()?.trim().to_ascii_lowercase();
        given.chars().all(|c| c.is_ascii_alphabetic()).then(|| given.replace("notice", "info"))
    }

    /// A word that is no level would be taken for a part of the program that alone may tell something.
    fn unknown_level(&self) -> Option<String> {
        self.level().filter(|level| !LEVELS.contains(&level.as_str()))
    }

    fn rules(&self, tool: &str) -> String {
        let own = |level: &str, others: &str| format!("{others},transship={level},{}={level}", tool.replace('-', "_"));
        match (&self.log_level, self.verbose, self.quiet) {
            (Some(given), ..) => self.level().map_or_else(
                || given.clone(),
                |level| own(&level, if level == "error" || level == "off" { &level } else { "warn" }),
            ),
            (None, 0, 0) => own("info", "warn"),
            (None, 1, _) => own("debug", "warn"),
            (None, 2.., _) => own("trace", "info"),
            (None, 0, 1) => own("warn", "warn"),
            (None, 0, 2..) => own("error", "error"),
        }
    }
}

fn coloured() -> bool {
    let environment = environment();
    let no_color = environment.get("NO_COLOR").is_some_and(|value| !value.is_empty()); // https://no-color.org
    let dumb = environment.get("TERM").is_some_and(|term| term == "dumb");
    io::stderr().is_terminal() && !no_color && !dumb
}

/// The format that was chosen; text before that.
pub(crate) fn format() -> LogFormat {
    FORMAT.get().copied().unwrap_or_default()
}

/// The terminal's bars, which step aside for every line of the log.
pub(crate) fn bars() -> &'static MultiProgress {
    static BARS: OnceLock<MultiProgress> = OnceLock::new();
    BARS.get_or_init(MultiProgress::new)
}

/// Writes a line to stderr, beside the bars. One that nobody can read is no reason to fail.
pub(crate) fn say(line: &[u8]) {
    bars().suspend(|| {
        let mut stderr = io::stderr().lock();
        let _ = stderr.write_all(line).and_then(|()| stderr.flush());
    });
}

struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        say(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_concern_this_program_and_rules_everything() {
        let rules = |log_level: Option<&str>, verbose, quiet| {
            let log_level = log_level.map(str::to_owned);
            LogArgs { log_level, verbose, quiet, ..LogArgs::default() }.rules("transship-mirror")
        };
        assert_eq!(rules(None, 0, 0), "warn,transship=info,transship_mirror=info");
        assert_eq!(rules(None, 3, 0), "info,transship=trace,transship_mirror=trace");
        assert_eq!(rules(None, 0, 2), "error,transship=error,transship_mirror=error");
        assert_eq!(rules(Some("DEBUG"), 0, 2), "warn,transship=debug,transship_mirror=debug");
        assert_eq!(rules(Some("info,hyper=debug"), 1, 0), "info,hyper=debug");
    }
}
