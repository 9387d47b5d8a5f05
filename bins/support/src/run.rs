use std::{
    any::Any,
    num::NonZeroUsize,
    panic::{self, AssertUnwindSafe},
    time::Duration,
};

use crate::{ExitCode, LogFormat, Output, allocator, environment, logging, signals};

/// An allocator keeps some memory for each thread: more of them than the network can use cost and bring nothing.
const MOST_THREADS: usize = 4;

/// Runs a binary's main function and ends as it says: an error is printed as one line, a panic as well.
///
/// Call it first: the process begins again with settings of the allocator in its environment, unless they are there. The
/// function runs on a runtime with a thread for each core, four at most, or as many as `TOKIO_WORKER_THREADS` says. Tasks
/// that it leaves behind get two seconds.
pub fn run<F, Fut>(main: F) -> std::process::ExitCode
where
    F: FnOnce() -> Fut,
    Fut: Future<Output = anyhow::Result<ExitCode>>,
{
    allocator::settle();
    panic::set_hook(Box::new(|info| {
        let place =
            info.location().map_or_else(|| "unknown place".to_owned(), |at| format!("{}:{}", at.file(), at.line()));
        say_error(&format!("internal error, a defect in this program: {} ({place})", payload(info.payload())));
    }));
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = threads(environment().get("TOKIO_WORKER_THREADS").map(String::as_str), cores);
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            say_error(&format!("start the runtime: {error}"));
            return ExitCode::RunFailed.into();
        }
    };
    {
        let _context = runtime.enter();
        signals::outlive_readers();
    }
    let ended = panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(async { main().await })));
    let code = match ended {
        Ok(Ok(code)) => code,
        Ok(Err(error)) if Output::was_closed(&error) => ExitCode::Stopped,
        Ok(Err(error)) => {
            say_error(&one_line(&error));
            ExitCode::of(&error)
        }
        Err(_) => ExitCode::RunFailed, // the hook has told it
    };
    // A blocking read of a terminal or a dead file system must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(2));
    code.into()
}

/// What the runtime would make of its variable by itself, had it not been told a number.
fn threads(asked: Option<&str>, cores: usize) -> usize {
    let asked = asked.and_then(|number| number.parse().ok()).filter(|number| *number > 0);
    asked.unwrap_or(cores.min(MOST_THREADS))
}

/// An error and its causes on one line: causes that only repeat what was said are left out, and control characters are
/// escaped.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    let mut last = String::new();
    for cause in error.chain() {
        let text = cause.to_string();
        // An error often quotes its cause already, and a wrapper often prints as what it wraps.
        let repeats = text.is_empty() || last.contains(&text) || line.contains(&text);
        if !repeats {
            if line.is_empty() {
                line.push_str(&text);
            } else {
                line = format!("{}: {text}", line.trim_end_matches([':', '.', ' ']));
            }
        }
        last = text;
    }
    escaped(&line)
}

pub(crate) fn escaped(text: &str) -> String {
    let trimmed = text.trim_end();
    let mut out = String::with_capacity(trimmed.len());
    for c in trimmed.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// The line on stderr, whatever the log's level is.
fn say_error(line: &str) {
    match logging::format() {
        LogFormat::Text => logging::say(format!("error: {line}\n").as_bytes()),
        LogFormat::Json => tracing::error!(target: logging::ENDING, "{line}"),
    }
}

fn payload(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    escaped(text.unwrap_or("no message"))
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;
    use crate::Failure;

    #[test]
    fn threads_are_as_many_as_there_are_cores_within_bounds_or_as_are_asked_for() {
        for (asked, cores, expected) in
            [(None, 2, 2), (None, 64, 4), (Some("2"), 64, 2), (Some("16"), 2, 16), (Some("0"), 4, 4), (Some("x"), 4, 4)]
        {
            assert_eq!(threads(asked, cores), expected, "{asked:?} with {cores} cores");
        }
    }

    #[test]
    fn causes_are_joined_once_and_on_one_line() {
        let io = || std::io::Error::from_raw_os_error(13);
        let plain = anyhow::Error::new(io()).context("read /etc/x").context("load the configuration:");
        let expected = "load the configuration: read /etc/x: Permission denied (os error 13)";
        assert_eq!(one_line(&plain), expected);
        let quoting = Err::<(), _>(io()).map_err(|e| anyhow!("read /etc/x: {e}")).unwrap_err();
        assert_eq!(one_line(&quoting), "read /etc/x: Permission denied (os error 13)");
        let wrapped = Failure::usage(anyhow::Error::new(io()).context("read /etc/x: Permission denied (os error 13)"));
        assert_eq!(one_line(&wrapped), "read /etc/x: Permission denied (os error 13)");
        let odd = Err::<(), _>(anyhow!("key \"a\nb\u{1b}[0m\"\n")).context("copy").unwrap_err();
        assert_eq!(one_line(&odd), "copy: key \"a\\nb\\u{1b}[0m\"");
    }
}
