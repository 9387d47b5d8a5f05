use std::sync::{Mutex, OnceLock};

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::{ExitCode, LogFormat, logging, run::escaped};

/// A token that is cancelled by the first SIGTERM, SIGINT (Ctrl-C) or SIGHUP; the second one ends the process at once,
/// with [`ExitCode::Stopped`], and says what [`left_behind`] told it to. A SIGHUP that the process was started to ignore (`nohup`) stays ignored.
///
/// # Errors
/// The system refuses the handlers.
pub fn cancel_on_signals() -> anyhow::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut signals = Signals::new().context("listen for signals")?;
    let cancel = token.clone();
    tokio::spawn(async move {
        let name = signals.next().await;
        let _ = STOPPED_BY.set(name);
        tracing::warn!("{name}: stopping after what is in flight; a second signal stops at once");
        cancel.cancel();
        let name = signals.next().await;
        tell_end(name);
        exit_now();
    });
    Ok(token)
}

/// From now on a reader that goes away is an error of whoever writes, and not the end of the process. To be called where a
/// runtime is.
#[cfg(unix)]
pub(crate) fn outlive_readers() {
    // Once there is a handler it stays, without this value as well. There is nothing to do about a failure.
    let _handler = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::pipe());
}

#[cfg(not(unix))]
pub(crate) fn outlive_readers() {}

static STOPPED_BY: OnceLock<&str> = OnceLock::new();

/// The first signal that came to the token of [`cancel_on_signals`]: `SIGTERM`.
pub fn stopped_by() -> Option<&'static str> {
    STOPPED_BY.get().copied()
}

type Told = Box<dyn Fn() -> Vec<String> + Send>;

static LEFT_BEHIND: Mutex<Option<Told>> = Mutex::new(None);

/// What an end at once leaves behind, a line for each thing, is asked for when a second signal comes.
pub fn left_behind(lines: impl Fn() -> Vec<String> + Send + 'static) {
    if let Ok(mut told) = LEFT_BEHIND.lock() {
        *told = Some(Box::new(lines));
    }
}

fn tell_end(signal: &str) {
    let lines = LEFT_BEHIND.lock().ok().and_then(|told| told.as_ref().map(|lines| lines())).unwrap_or_default();
    for line in lines {
        match logging::format() {
            LogFormat::Text => logging::say(format!("left behind: {}\n", escaped(&line)).as_bytes()),
            LogFormat::Json => tracing::error!(target: logging::ENDING, "left behind: {}", escaped(&line)),
        }
    }
    match logging::format() {
        LogFormat::Text => logging::say(format!("{signal} again: stopped at once\n").as_bytes()),
        LogFormat::Json => tracing::error!(target: logging::ENDING, "{signal} again: stopped at once"),
    }
}

#[expect(clippy::exit, reason = "whoever sends a second signal wants the process gone, whatever it is doing")]
fn exit_now() {
    std::process::exit(i32::from(ExitCode::Stopped.code()));
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = if hangup_is_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())?, hangup })
    }

    async fn next(&mut self) -> &'static str {
        let hangup = async {
            match &mut self.hangup {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = hangup => "SIGHUP",
        }
    }
}

/// Linux tells ignored signals as a mask, bit 0 being signal 1: SIGHUP. See proc(5), `SigIgn`.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            Err(_) => std::future::pending().await,
        }
    }
}
