//! Keys that a program prints.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>

use std::{fmt, process::Stdio, time::Duration};

use tokio::process::Command;
use transship_types::Secret;

use super::{Keys, document::KeyDocument, profiles::Found, wire::one_line};
use crate::{Error, ErrorKind, Result};

/// A program that waits for somebody at a terminal must not hold up a run for good.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A `credential_process`.
pub(super) struct Process {
    program: String,
    /// They may hold a password.
    arguments: Vec<Secret>,
    origin: String,
}

impl Process {
    /// Splits the command line as a shell would; no shell runs it.
    ///
    /// # Errors
    /// `Configuration`, where it is empty or a quote is not closed.
    pub(super) fn new(setting: Found<'_>) -> Result<Self> {
        let words = shlex::split(setting.value)
            .ok_or_else(|| setting.wrong("credential_process: a quote is not closed, or a backslash ends it"))?;
        let mut words = words.into_iter();
        let program = words.next().ok_or_else(|| setting.wrong("credential_process names no program"))?;
        Ok(Self { program, arguments: words.map(Secret::new).collect(), origin: setting.origin() })
    }

    /// Runs it.
    pub(super) async fn fetch(&self) -> Result<Keys> {
        let mut command = Command::new(&self.program);
        command.args(self.arguments.iter().map(Secret::expose));
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = match tokio::time::timeout(TIMEOUT, command.output()).await {
            Err(_) => {
                return Err(self.failed(ErrorKind::Timeout, &format!("is not done after {} s", TIMEOUT.as_secs())));
            }
            Ok(Err(error)) => return Err(self.failed(ErrorKind::Configuration, &format!("cannot be run: {error}"))),
            Ok(Ok(output)) => output,
        };
        if !output.status.success() {
            // AWS tells the authors of such programs to print no secret to standard error, as it gets logged.
            let said = one_line(&String::from_utf8_lossy(&output.stderr));
            return Err(self.failed(ErrorKind::Credentials, &format!("failed ({}): {said}", output.status)));
        }
        let whom = self.whom();
        let text = Secret::new(String::from_utf8_lossy(&output.stdout));
        let document = KeyDocument::parse(text.expose(), &whom)?;
        match document.version.as_ref().map(|version| version.as_u64()) {
            Some(Some(1)) => document.into_keys(&whom),
            Some(_) => Err(self.failed(ErrorKind::InvalidReply, "answers in another version than 1")),
            None => Err(self.failed(ErrorKind::InvalidReply, "answers without Version")),
        }
    }

    fn whom(&self) -> String {
        format!("{}: credential_process {}", self.origin, self.program)
    }

    fn failed(&self, kind: ErrorKind, what: &str) -> Error {
        Error::new(kind, format!("{} {what}", self.whom()))
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Process({})", self.program)
    }
}
