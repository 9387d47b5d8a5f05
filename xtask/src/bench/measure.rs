//! What a program costs, by the operating system's own account.

use std::{
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    sync::mpsc::{RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde::{Deserialize, Serialize};
use wait4::Wait4 as _;

/// The resources of one finished program and of the children that it waited for.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// Seconds of processor time in the program itself.
    pub(crate) user: f64,
    /// Seconds of processor time in the kernel on its behalf.
    pub(crate) system: f64,
    /// The most memory that was resident, in bytes.
    pub(crate) peak: u64,
}

impl Usage {
    /// Seconds of processor time.
    pub(crate) fn cpu(&self) -> f64 {
        self.user + self.system
    }
}

/// How a program ends.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terms {
    /// It is told to stop (`SIGTERM`) after so many seconds.
    pub(crate) stop_after: Option<f64>,
    /// A status with which it says that it did its work, beside 0.
    pub(crate) accept: Option<i32>,
}

/// A program that takes longer is stopped, and has failed.
const LONGEST: Duration = Duration::from_secs(15 * 60);

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The program is told to stop after this many seconds
    #[arg(long, value_name = "SECONDS")]
    stop_after: Option<f64>,
    /// The program may end with this status as well as with 0
    #[arg(long, value_name = "STATUS")]
    accept: Option<i32>,
    /// Where the figures go
    usage: PathBuf,
    /// The program and its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// Runs a program to its end, what it prints going to `log`. `xtask` starts it: the system counts what the starting
/// process ever held as the started one's, so that has to be a small one.
///
/// # Errors
/// It cannot be started, or it failed: with the end of what it printed.
pub(crate) fn measured(terms: Terms, xtask: &Path, command: &Command, log: &Path) -> Result<Usage> {
    let name = command.get_program().display().to_string();
    let output = File::create(log).with_context(|| format!("create {}", log.display()))?;
    let usage = tempfile::NamedTempFile::new().context("make a temporary file")?;
    let mut starter = Command::new(xtask);
    starter.args(["bench", "measure"]);
    let Terms { stop_after, accept } = terms;
    let stop_after = stop_after.map(|seconds| format!("--stop-after={seconds}"));
    starter.args(stop_after.into_iter().chain(accept.map(|status| format!("--accept={status}"))));
    starter.arg(usage.path()).arg(command.get_program()).args(command.get_args());
    starter.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    starter.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let status = starter.status().with_context(|| format!("start {}", xtask.display()))?;
    if !status.success() {
        let said = fs::read_to_string(log).unwrap_or_default();
        let last: Vec<_> = said.lines().rev().take(10).collect();
        bail!("{name} failed:\n{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"));
    }
    Ok(serde_json::from_slice(&fs::read(usage.path())?)?)
}

/// Starts the program, waits for it and writes down its usage.
///
/// # Errors
/// It cannot be started, it failed, or the figures cannot be written.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let (program, rest) = arguments.command.split_first().context("no program is named")?;
    let Arguments { stop_after, accept, .. } = *arguments;
    let usage = usage_of(Command::new(program).args(rest), Terms { stop_after, accept }, LONGEST)?;
    fs::write(&arguments.usage, serde_json::to_vec(&usage)?)?;
    Ok(ExitCode::SUCCESS)
}

fn usage_of(command: &mut Command, terms: Terms, longest: Duration) -> Result<Usage> {
    let name = command.get_program().display().to_string();
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("start {name}"))?;
    if let Some(seconds) = terms.stop_after {
        thread::sleep(Duration::try_from_secs_f64(seconds)?);
        // Nobody else has its number before it was waited for.
        kill_process(Pid::from_child(&child), Signal::TERM).with_context(|| format!("stop {name}"))?;
    }
    let late = is_late(Pid::from_child(&child), longest).with_context(|| format!("wait for {name}"))?;
    let ended = child.wait4().with_context(|| format!("wait for {name}"))?;
    let wall = start.elapsed().as_secs_f64();
    ensure!(!late, "{name}: not done after {} s", longest.as_secs());
    if !ended.status.success() && (terms.accept.is_none() || ended.status.code() != terms.accept) {
        bail!("{name}: {}", ended.status);
    }
    let usage = ended.rusage;
    Ok(Usage { wall, user: usage.utime.as_secs_f64(), system: usage.stime.as_secs_f64(), peak: usage.maxrss })
}

/// Waits until a child has ended, and stops it after so long: whether it had to. The child keeps its number: it is still to
/// be waited for.
fn is_late(child: Pid, longest: Duration) -> rustix::io::Result<bool> {
    let (ended, news) = channel::<()>();
    let watch = thread::spawn(move || {
        let late = news.recv_timeout(longest) == Err(RecvTimeoutError::Timeout);
        late && kill_process(child, Signal::KILL).is_ok()
    });
    let outcome = waitid(WaitId::Pid(child), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    drop(ended);
    let late = watch.join().unwrap_or_default();
    outcome.map(|_| late)
}

/// The one in the middle; of an even number what is between the two.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let at = |n: usize| values.get(n).copied().unwrap_or(f64::NAN);
    f64::midpoint(at(values.len().saturating_sub(1) / 2), at(values.len() / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", script]);
        shell
    }

    #[test]
    fn processor_time_and_memory_are_the_programs_own() {
        let idle = usage_of(&mut shell("sleep 0.2"), Terms::default(), LONGEST).unwrap();
        assert!(idle.wall >= 0.2 && idle.cpu() < 0.2, "{idle:?}");
        let busy = "x=$(head -c 60000000 /dev/zero | tr '\\0' a); test ${#x} = 60000000";
        let busy = usage_of(&mut shell(busy), Terms::default(), LONGEST).unwrap();
        assert!(busy.cpu() > idle.cpu() && busy.peak > 60_000_000, "{busy:?}");
    }

    #[test]
    fn a_program_that_fails_is_an_error() {
        for accept in [None, Some(4)] {
            let error = usage_of(&mut shell("exit 3"), Terms { accept, ..Terms::default() }, LONGEST).unwrap_err();
            assert!(error.to_string().contains("exit status: 3"), "{error:#}");
        }
        usage_of(&mut shell("exit 3"), Terms { accept: Some(3), ..Terms::default() }, LONGEST).unwrap();
    }

    #[test]
    fn a_program_that_takes_too_long_is_stopped() {
        let (begun, longest) = (Instant::now(), Duration::from_millis(200));
        let error = usage_of(Command::new("sleep").arg("60"), Terms::default(), longest).unwrap_err();
        assert!(error.to_string().contains("not done after"), "{error:#}");
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_program_is_told_to_stop() {
        let terms = Terms { stop_after: Some(0.2), accept: Some(6) };
        let usage = usage_of(&mut shell("trap 'kill $!; exit 6' TERM; sleep 60 & wait"), terms, LONGEST).unwrap();
        assert!((0.2..30.0).contains(&usage.wall), "{usage:?}");
    }

    #[test]
    fn the_median_is_the_middle_or_between_the_two_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median([]).is_nan());
    }
}
