use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::MemorySize;

/// The flags that every command which moves objects has.
#[derive(Clone, Debug, Default, Args)]
pub struct RunArgs {
    /// Write the run report (JSON) to this file or URL (s3://, az://, gs://, file://)
    #[arg(long, value_name = "PATH|URL")]
    pub report: Option<String>,

    /// Show progress: bars on a terminal, lines otherwise
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub progress: ProgressMode,

    /// Memory for listings and data in flight, such as 64MiB [default: a quarter of the container's limit, at most
    /// 256MiB]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<MemorySize>,

    /// How results are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub output: OutputFormat,
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
