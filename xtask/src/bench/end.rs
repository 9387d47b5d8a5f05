//! One end of a copy: a server in a process of its own.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use serde::Serialize;

use super::{build::Programs, holding::Holding};

/// The keys of every server here.
pub(crate) const ACCESS_KEY: &str = "testbed";
/// See [`ACCESS_KEY`].
pub(crate) const SECRET_KEY: &str = "testbed-secret";
/// The bucket of every server here.
pub(crate) const BUCKET: &str = "data";

/// How long a server may take to listen. One with a large object digests it first.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which server stands at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ServerKind {
    /// The testbed's in-memory server, as `cargo xtask testbed s3` runs it
    Testbed,
    /// `rclone serve s3 :memory:`
    Rclone,
}

/// Requests by S3 operation.
pub(crate) type Counts = BTreeMap<String, u64>;

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct End {
    process: Child,
    answers: Option<BufReader<ChildStdout>>,
    endpoint: String,
}

impl End {
    /// Starts an empty server with the bucket.
    ///
    /// # Errors
    /// It does not start, or does not listen in time.
    pub(crate) fn start(kind: ServerKind, programs: &Programs) -> Result<Self> {
        match kind {
            ServerKind::Testbed => Self::testbed(&programs.xtask, &[]),
            ServerKind::Rclone => Self::rclone(),
        }
    }

    /// Starts a testbed server that holds something.
    ///
    /// # Errors
    /// As [`End::start`].
    pub(crate) fn holding(programs: &Programs, holding: Holding, size: u64) -> Result<Self> {
        Self::testbed(&programs.xtask, &["--holding", &holding.name(), "--size", &size.to_string()])
    }

    /// Starts a testbed server that lists so many objects, each page after so many milliseconds.
    ///
    /// # Errors
    /// As [`End::start`].
    pub(crate) fn numbered(programs: &Programs, count: u64, delay: u64) -> Result<Self> {
        Self::testbed(&programs.xtask, &["--numbered", &count.to_string(), "--page-delay", &delay.to_string()])
    }

    /// Starts a testbed server that digests what it is sent, and drops it. It waits for `delay` milliseconds before it
    /// reads the body of an object or a part.
    ///
    /// # Errors
    /// As [`End::start`].
    pub(crate) fn discarding(programs: &Programs, delay: u64) -> Result<Self> {
        Self::testbed(&programs.xtask, &["--discard", "--delay", &delay.to_string()])
    }

    fn testbed(xtask: &Path, options: &[&str]) -> Result<Self> {
        let mut command = Command::new(xtask);
        command.args(["bench", "server"]).args(options).stdin(Stdio::piped()).stdout(Stdio::piped());
        let process = command.spawn().with_context(|| format!("start {}", xtask.display()))?;
        let mut end = Self { process, answers: None, endpoint: String::new() };
        end.answers = end.process.stdout.take().map(BufReader::new);
        end.endpoint = end.line()?;
        Ok(end)
    }

    fn rclone() -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let keys = format!("{ACCESS_KEY},{SECRET_KEY}");
        let mut command = Command::new("rclone");
        command.args(["serve", "s3", ":memory:", "--addr", &address, "--auth-key", &keys, "--config", "/dev/null"]);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = process.context("start rclone serve s3")?;
        let mut end = Self { process, answers: None, endpoint: format!("http://{address}") };
        end.listening(&address)?;
        end.create_bucket()?;
        Ok(end)
    }

    fn listening(&mut self, address: &str) -> Result<()> {
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if start.elapsed() > PATIENCE || self.process.try_wait()?.is_some() {
                bail!("the server at {address} does not listen");
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn create_bucket(&self) -> Result<()> {
        let remote = format!(
            ":s3,provider=Rclone,endpoint='{}',access_key_id={ACCESS_KEY},secret_access_key={SECRET_KEY}:{BUCKET}",
            self.endpoint
        );
        let made = Command::new("rclone").args(["mkdir", &remote, "--config", "/dev/null"]).output()?;
        if made.status.success() {
            return Ok(());
        }
        bail!("create the bucket: {}", String::from_utf8_lossy(&made.stderr).trim())
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Requests since it started; `None` where the server does not count them.
    ///
    /// # Errors
    /// The server is gone.
    pub(crate) fn counts(&mut self) -> Result<Option<Counts>> {
        if self.answers.is_none() {
            return Ok(None);
        }
        let asked = self.process.stdin.as_mut().map(|stdin| stdin.write_all(b"counts\n"));
        asked.transpose().context("ask the server for its counts")?;
        Ok(Some(serde_json::from_str(&self.line()?)?))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if let Some(answers) = &mut self.answers {
            answers.read_line(&mut line).context("read what the server says")?;
        }
        if line.is_empty() {
            bail!("the server ended");
        }
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about a failure.
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
