use clap::{Args, ValueEnum};
use serde::Serialize;

use transship_transfer::Bandwidth;

use crate::{MemorySize, Shown, Span, Timetable};

/// The flags that every command which moves objects has.
#[derive(Clone, Debug, Default, Args)]
pub struct RunArgs {
    /// Write the run report (JSON) to this file or URL (s3://, az://, gs://, file://)
    #[arg(long, value_name = "PATH|URL")]
    pub report: Option<String>,

    /// Show progress: bars on a terminal, lines otherwise
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub progress: ProgressMode,

    /// How often a line of progress is logged where there is no bar, such as 30s or 5m; 0 for never
    #[arg(long, value_name = "DURATION", default_value = "1m")]
    pub stats: Span,

    /// At which level
    #[arg(long, value_name = "LEVEL", default_value = "info", ignore_case = true)]
    pub stats_log_level: StatsLevel,

    /// Limit what is sent and received: 10M is MiB a second, a bare number KiB, 10M:1M what is sent and what is received,
    /// "08:00,512k Sat-00:00,off" a table in local time
    #[arg(long, value_name = "RATE|TABLE", default_value = "off", hide_default_value = true)]
    pub bwlimit: Timetable,

    /// Memory for listings and data in flight, such as 64MiB [default: a quarter of the container's limit, at most
    /// 192MiB]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<MemorySize>,

    /// How results are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub output: OutputFormat,
}

impl RunArgs {
    /// How progress is to be shown.
    pub fn shown(&self) -> Shown {
        Shown { mode: self.progress, every: self.stats.0, level: self.stats_log_level }
    }

    /// The limit on bandwidth, from now on and as its table says. Must be called on a runtime.
    pub fn bandwidth(&self) -> Bandwidth {
        self.bwlimit.start()
    }
}

/// At which level lines of progress are logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum StatsLevel {
    /// As errors.
    Error,
    /// As warnings.
    #[value(alias = "notice")]
    Warn,
    /// As what happens.
    #[default]
    Info,
    /// As what helps to find out.
    Debug,
}

/// When to show progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// A bar on a terminal, lines from time to time otherwise.
    #[default]
    Auto,
    /// The same, and the first line at once.
    On,
    /// None.
    Off,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}
