//! What every Transship binary shares: one table of exit codes, logs and progress on stderr, signals that stop a run
//! cleanly, and where a report goes.
//!
//! A binary is a function under [`run`]:
//!
//! ```no_run
//! use transship_support::{ExitCode, LogArgs, Output, cancel_on_signals, run};
//!
//! fn main() -> std::process::ExitCode {
//!     run(|| async {
//!         LogArgs::default().init("example")?;
//!         let cancel = cancel_on_signals()?;
//!         Output::stdout().line(&"results go to stdout")?;
//!         Ok(if cancel.is_cancelled() { ExitCode::Stopped } else { ExitCode::Done })
//!     })
//! }
//! ```

mod allocator;
mod args;
mod bandwidth;
mod environment;
mod exit_code;
mod leftovers;
mod logging;
mod memory;
mod output;
mod progress;
mod report_output;
mod results;
mod run;
mod signals;
mod size;
mod span;
mod upload;
mod usage;

pub use args::{OutputFormat, ProgressMode, RunArgs, StatsLevel};
pub use bandwidth::Timetable;
pub use environment::{environment, with_environment};
pub use exit_code::{ExitCode, Failure};
pub use leftovers::removal;
pub use logging::{LogArgs, LogFormat};
pub use memory::{LISTERS_ALONE, MemorySize, default_memory};
pub use output::{Output, OutputClosed, next_or_pause};
pub use progress::{Progress, Shown, Snapshot};
pub use report_output::ReportOutput;
pub use results::{End, Results, requests_to};
pub use run::{one_line, run};
pub use signals::{cancel_on_signals, left_behind, stopped_by};
pub use size::Size;
pub use span::Span;
pub use usage::usage;
