//! What a program costs, by the operating system's own account.

use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use wait4::Wait4 as _;

/// The resources of one finished program and of the children that it waited for.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Usage {
    /// Seconds from start to end.
    pub(crate) wall: f64,
    /// Seconds of processor time in the program itself.
    pub(crate) user: f64,
    /// Seconds of processor time in the kernel on its behalf.
    pub(crate) system: f64,
    /// The most memory that was resident, in bytes. The system counts what the starting process held at the fork, too:
    /// figures below some 15 MiB are its own.
    pub(crate) peak: u64,
}

impl Usage {
    /// Seconds of processor time.
    pub(crate) fn cpu(&self) -> f64 {
        self.user + self.system
    }
}

/// Runs a program to its end, what it prints going to `log`.
///
/// # Errors
/// It cannot be started, or it failed: with the end of what it printed.
pub(crate) fn measured(command: &mut Command, log: &Path) -> Result<Usage> {
    let name = command.get_program().display().to_string();
    let output = File::create(log).with_context(|| format!("create {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("start {name}"))?;
    let ended = child.wait4().with_context(|| format!("wait for {name}"))?;
    let wall = start.elapsed().as_secs_f64();
    if !ended.status.success() {
        let said = fs::read_to_string(log).unwrap_or_default();
        let last: Vec<_> = said.lines().rev().take(10).collect();
        bail!("{name}: {}\n{}", ended.status, last.into_iter().rev().collect::<Vec<_>>().join("\n"));
    }
    let usage = ended.rusage;
    Ok(Usage { wall, user: usage.utime.as_secs_f64(), system: usage.stime.as_secs_f64(), peak: usage.maxrss })
}

/// The one in the middle; of an even number the lower of the two.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
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
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let idle = measured(&mut shell("sleep 0.2"), &log).unwrap();
        assert!(idle.wall >= 0.2 && idle.cpu() < 0.2, "{idle:?}");
        let busy = measured(&mut shell("x=$(head -c 60000000 /dev/zero | tr '\\0' a); echo ${#x}"), &log).unwrap();
        assert!(busy.cpu() > idle.cpu() && busy.peak > 60_000_000, "{busy:?}");
        assert_eq!(fs::read_to_string(&log).unwrap().trim(), "60000000");
    }

    #[test]
    fn a_program_that_fails_is_quoted() {
        let directory = tempfile::tempdir().unwrap();
        let error =
            measured(&mut shell("echo what went wrong >&2; exit 3"), &directory.path().join("log")).unwrap_err();
        assert!(error.to_string().contains("what went wrong"), "{error:#}");
    }

    #[test]
    fn the_median_is_a_value_that_was_measured() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.0);
        assert!(median([]).is_nan());
    }
}
