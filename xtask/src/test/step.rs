//! One check: a command with a name, and how it ended.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Read, Write},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;

use super::counts::Counts;

/// A check.
pub(crate) struct Step {
    name: String,
    work: Work,
}

enum Work {
    Command(Command),
    Tests(Command),
    Own(fn() -> anyhow::Result<()>),
    Nothing { because: &'static str },
}

/// How a check ended.
pub(crate) struct Ended {
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
    pub(crate) elapsed: Duration,
    /// The tests that it ran, if it ran any.
    pub(crate) counts: Counts,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    NotRun,
}

impl Step {
    /// A check that passes when the command succeeds.
    pub(crate) fn command(name: impl Into<String>, command: Command) -> Self {
        Self { name: name.into(), work: Work::Command(command) }
    }

    /// The same, and the tests that the command reports are counted.
    pub(crate) fn tests(name: impl Into<String>, command: Command) -> Self {
        Self { name: name.into(), work: Work::Tests(command) }
    }

    /// A check that is more than one command. Its error is what is wrong.
    pub(crate) fn own(name: impl Into<String>, check: fn() -> anyhow::Result<()>) -> Self {
        Self { name: name.into(), work: Work::Own(check) }
    }

    /// A check that cannot be made here.
    pub(crate) fn nothing(name: impl Into<String>, because: &'static str) -> Self {
        Self { name: name.into(), work: Work::Nothing { because } }
    }

    /// Runs the check, its output going to ours.
    ///
    /// # Errors
    /// The command cannot be started.
    pub(crate) fn run(self) -> anyhow::Result<Ended> {
        let Self { name, work } = self;
        let start = Instant::now();
        let (verdict, counts) = match work {
            Work::Nothing { because } => {
                headline(&format!("{name}: not run: {because}"));
                (Verdict::NotRun, Counts::default())
            }
            Work::Own(check) => {
                headline(&name);
                let found = check().inspect_err(|error| println!("{error:#}"));
                (Verdict::of(found.is_ok()), Counts::default())
            }
            Work::Command(mut command) => {
                headline(&format!("{name}: {}", line_of(&command)));
                let status = command.stdin(Stdio::null()).status();
                let status = status.with_context(|| format!("start {}", line_of(&command)))?;
                (Verdict::of(status.success()), Counts::default())
            }
            Work::Tests(mut command) => {
                headline(&format!("{name}: {}", line_of(&command)));
                let (success, counts) = watched(&mut command, io::stdout(), io::stderr())?;
                (Verdict::of(success), counts)
            }
        };
        let elapsed = start.elapsed();
        if verdict != Verdict::NotRun {
            println!("{name}: {verdict} in {}", duration(elapsed));
        }
        Ok(Ended { name, verdict, elapsed, counts })
    }
}

impl Verdict {
    fn of(success: bool) -> Self {
        if success { Self::Passed } else { Self::Failed }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::NotRun => "not run",
        })
    }
}

/// Marks where a check begins.
pub(crate) fn headline(text: &str) {
    println!("\n==> {text}");
    // What the command prints must come after it, also where both go into one file.
    io::stdout().flush().ok();
}

/// `3.2 s`, or `4 min 10 s` from a minute on.
pub(crate) fn duration(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    if seconds < 60 {
        return format!("{:.1} s", elapsed.as_secs_f64());
    }
    format!("{} min {} s", seconds / 60, seconds % 60)
}

fn line_of(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Runs a command, passes its output on, and counts the tests that it reports.
fn watched(command: &mut Command, to_out: impl Write, to_err: impl Write + Send) -> anyhow::Result<(bool, Counts)> {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("start {}", line_of(command)))?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let counts = thread::scope(|scope| {
        let errors = scope.spawn(|| err.map_or_else(Counts::default, |err| pass_on(err, to_err)));
        let mut counts = out.map_or_else(Counts::default, |out| pass_on(out, to_out));
        counts += errors.join().unwrap_or_default();
        counts
    });
    let status = child.wait().with_context(|| format!("wait for {}", line_of(command)))?;
    Ok((status.success(), counts))
}

fn pass_on(from: impl Read, mut to: impl Write) -> Counts {
    let mut counts = Counts::default();
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        // A reader of ours that went away must not end the tests.
        to.write_all(&line).ok();
        counts += Counts::of_line(&String::from_utf8_lossy(&line));
        line.clear();
    }
    counts
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
    fn a_failing_command_is_a_failed_check() {
        assert_eq!(Step::command("no", shell("exit 3")).run().unwrap().verdict, Verdict::Failed);
        assert_eq!(Step::command("yes", shell("exit 0")).run().unwrap().verdict, Verdict::Passed);
    }

    #[test]
    fn tests_are_counted_on_both_outputs() {
        let script = "echo 'test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured'
                      echo '     Summary [ 0.1s] 4 tests run: 3 passed, 1 failed, 0 skipped' >&2; exit 1";
        // Not onto our own outputs, where a run that watches this one would count it too.
        let (success, counts) = watched(&mut shell(script), io::sink(), io::sink()).unwrap();
        assert_eq!((success, counts.to_string().as_str()), (false, "5 passed, 1 failed, 1 skipped"));
    }

    #[test]
    fn a_command_that_is_not_there_is_named() {
        let error = Step::command("gone", Command::new("no-such-program-anywhere")).run().err().unwrap();
        assert!(error.to_string().contains("no-such-program-anywhere"), "{error:#}");
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(Duration::from_millis(3_210)), "3.2 s");
        assert_eq!(duration(Duration::from_secs(250)), "4 min 10 s");
    }
}
