use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};

/// The guard's script. It starts the program in the guard's own process group and waits for its input to end, which
/// it does when the owner drops it and also when the owner's process dies, however that happens. Then it kills the
/// group: the program, its children and itself. It does the same when the program ends by itself, so that a dead
/// guard means a dead program.
const SCRIPT: &str = r#"{ "$@"; kill -s KILL 0; } </dev/null & read -r _; kill -s KILL 0"#;

/// A program that ends, with all its children, when this is dropped.
#[derive(Debug)]
pub(crate) struct Guarded {
    guard: Child,
}

impl Guarded {
    /// Starts `command` in the foreground of its own process group; what it prints goes to the file `log`.
    pub(crate) fn start(command: &Command, log: &Path) -> Result<Self> {
        use std::os::unix::process::CommandExt;
        let program = command.get_program();
        let output = File::create(log).with_context(|| format!("create {}", log.display()))?;
        let mut guard = Command::new("sh");
        guard.args(["-c", SCRIPT, "guard"]).arg(program).args(command.get_args()).process_group(0);
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guard.env(name, value),
                None => guard.env_remove(name),
            };
        }
        if let Some(directory) = command.get_current_dir() {
            guard.current_dir(directory);
        }
        guard.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output);
        let guard = guard.spawn().with_context(|| format!("start {}", program.display()))?;
        Ok(Self { guard })
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        matches!(self.guard.try_wait(), Ok(None))
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // The group is being killed: this waits for moments, and there is nothing to do about a failure.
        let _ended = self.guard.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::{thread::sleep, time::Duration};

    use super::*;

    fn alive(pid: &str) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }

    #[test]
    fn a_dropped_program_takes_its_children_along() {
        let directory = tempfile::tempdir().unwrap();
        let pids = directory.path().join("pids");
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 60 & echo $! >pids.new; echo $$ >>pids.new; mv pids.new pids; wait"]);
        command.current_dir(directory.path());
        let mut program = Guarded::start(&command, &directory.path().join("log")).unwrap();
        while !pids.exists() {
            sleep(Duration::from_millis(10));
        }
        assert!(program.runs());
        let pids = std::fs::read_to_string(pids).unwrap();
        assert!(pids.lines().all(alive), "{pids}");
        drop(program);
        for _ in 0..200 {
            if !pids.lines().any(alive) {
                return;
            }
            sleep(Duration::from_millis(10));
        }
        panic!("still alive: {pids}");
    }

    #[test]
    fn a_program_that_ends_by_itself_is_seen_to_have_ended() {
        let directory = tempfile::tempdir().unwrap();
        let mut program = Guarded::start(&Command::new("true"), &directory.path().join("log")).unwrap();
        for _ in 0..500 {
            if !program.runs() {
                return;
            }
            sleep(Duration::from_millis(10));
        }
        panic!("it never ended");
    }
}
