//! One end of a copy: a server in a process of its own.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use transship_testbed::servers::{Server, ServerKind as RealServer};

use super::{
    build::Programs,
    contender::{built, find, first_line},
    server::Setup,
};

/// The keys of every server here: those that the testbed gives to the real ones.
pub(crate) const ACCESS_KEY: &str = "TESTBEDACCESSKEY0001";
/// See [`ACCESS_KEY`].
pub(crate) const SECRET_KEY: &str = "testbedsecretkey00000000000000000000001";
/// The bucket of every server here.
pub(crate) const BUCKET: &str = "data";
/// A second one, for what is compared with the first.
pub(crate) const TWIN: &str = "twin";

/// A third one, with nothing in it.
pub(crate) const EMPTY: &str = "empty";

/// How long a server may take to listen.
const PATIENCE: Duration = Duration::from_secs(120);

/// Which server stands at both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ServerKind {
    /// The testbed's in-memory server, as `cargo xtask testbed s3` runs it
    Testbed,
    /// `rclone serve s3 :memory:`
    Rclone,
    /// SeaweedFS
    Seaweed,
}

impl ServerKind {
    /// For names of files.
    pub(crate) fn slug(self) -> &'static str {
        match self {
            Self::Testbed => "testbed",
            Self::Rclone => "rclone",
            Self::Seaweed => "seaweed",
        }
    }

    /// Its own word on its version.
    ///
    /// # Errors
    /// It is not on this machine.
    pub(crate) fn version(self) -> Result<String> {
        let of = |name, argument| first_line(&self.program(name)?, argument);
        match self {
            Self::Testbed => Ok(built("testbed".to_owned())),
            Self::Rclone => of("rclone", "--version"),
            Self::Seaweed => of("weed", "version"),
        }
    }

    fn program(self, name: &str) -> Result<PathBuf> {
        let missing = || format!("{} is not on this machine: `cargo xtask testbed install`", self.name());
        find(name).with_context(missing)
    }

    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Testbed => "the testbed's in-memory server",
            Self::Rclone => "`rclone serve s3 :memory:`",
            Self::Seaweed => "SeaweedFS",
        }
    }
}

/// Requests by S3 operation, or keys by bucket.
pub(crate) type Counts = BTreeMap<String, u64>;

/// One request as the testbed's server saw it. Times are seconds since 1970, the same clock at both ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Seen {
    /// What S3 calls it.
    pub(crate) operation: String,
    /// The object's key.
    pub(crate) key: String,
    /// When it came.
    pub(crate) arrived: f64,
    /// When its reply began.
    pub(crate) answered: f64,
}

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct End {
    process: Process,
    endpoint: String,
}

#[derive(Debug)]
enum Process {
    /// It answers questions.
    Testbed(Child, BufReader<ChildStdout>),
    Rclone(Child),
    /// Ends by itself.
    Seaweed(#[allow(dead_code)] Box<Server>),
}

impl End {
    /// Starts an empty server with the bucket. Only the testbed's can be set up as anything else.
    ///
    /// # Errors
    /// It does not start, or does not listen in time.
    pub(crate) fn start(kind: ServerKind, setup: &Setup, programs: &Programs) -> Result<Self> {
        match kind {
            ServerKind::Testbed => Self::testbed(programs, setup),
            ServerKind::Rclone => Self::rclone(),
            ServerKind::Seaweed => Self::seaweed(),
        }
    }

    /// Starts a testbed server.
    ///
    /// # Errors
    /// As [`End::start`].
    pub(crate) fn testbed(programs: &Programs, setup: &Setup) -> Result<Self> {
        let mut command = Command::new(&programs.xtask);
        command.args(["bench", "server"]).arg(serde_json::to_string(setup)?);
        let process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut process = process.with_context(|| format!("start {}", programs.xtask.display()))?;
        let answers = process.stdout.take().context("a server without standard output")?;
        let mut end = Self { process: Process::Testbed(process, BufReader::new(answers)), endpoint: String::new() };
        end.endpoint = end.line()?;
        Ok(end)
    }

    fn seaweed() -> Result<Self> {
        let started = Runtime::new()?.block_on(async {
            let server = Server::start(RealServer::SeaweedFs).await?;
            let server = server.context("SeaweedFS is not on this machine: `cargo xtask testbed install`")?;
            server.create_bucket(BUCKET).await.map(|()| server)
        });
        let server = started?;
        ensure!(server.access_key_id() == ACCESS_KEY, "this SeaweedFS has other keys");
        let endpoint = server.endpoint().to_owned();
        Ok(Self { process: Process::Seaweed(Box::new(server)), endpoint })
    }

    fn rclone() -> Result<Self> {
        let rclone = ServerKind::Rclone.program("rclone")?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let keys = format!("{ACCESS_KEY},{SECRET_KEY}");
        let mut command = Command::new(&rclone);
        command.args(["serve", "s3", ":memory:", "--addr", &address, "--auth-key", &keys, "--config", "/dev/null"]);
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let process = process.context("start rclone serve s3")?;
        let mut end = Self { process: Process::Rclone(process), endpoint: format!("http://{address}") };
        end.listening(&address)?;
        let remote = format!(
            ":s3,provider=Rclone,endpoint='{}',access_key_id={ACCESS_KEY},secret_access_key={SECRET_KEY}:{BUCKET}",
            end.endpoint
        );
        let made = Command::new(rclone).args(["mkdir", &remote, "--config", "/dev/null"]).output()?;
        ensure!(made.status.success(), "create the bucket: {}", String::from_utf8_lossy(&made.stderr).trim());
        Ok(end)
    }

    fn listening(&mut self, address: &str) -> Result<()> {
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if start.elapsed() > PATIENCE {
                bail!("the server at {address} does not listen");
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
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
        self.asked("counts")
    }

    /// The requests since this was asked last; `None` where the server keeps none.
    ///
    /// # Errors
    /// The server is gone.
    pub(crate) fn seen(&mut self) -> Result<Option<Vec<Seen>>> {
        self.asked("seen")
    }

    /// How many different keys of each bucket, of those that are made up, were listed since this was asked last; `None`
    /// where the server does not count them.
    ///
    /// # Errors
    /// The server is gone.
    pub(crate) fn listed(&mut self) -> Result<Option<Counts>> {
        self.asked("listed")
    }

    /// How many reads and copies since it started would not have noticed that the object is another one than was listed;
    /// `None` where the server does not count them.
    ///
    /// # Errors
    /// The server is gone.
    pub(crate) fn unpinned(&mut self) -> Result<Option<u64>> {
        self.asked("unpinned")
    }

    fn asked<T: serde::de::DeserializeOwned>(&mut self, question: &str) -> Result<Option<T>> {
        let Process::Testbed(process, _) = &mut self.process else { return Ok(None) };
        let stdin = process.stdin.as_mut().context("a server without standard input")?;
        writeln!(stdin, "{question}").with_context(|| format!("ask the server for its {question}"))?;
        Ok(Some(serde_json::from_str(&self.line()?)?))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if let Process::Testbed(_, answers) = &mut self.process {
            answers.read_line(&mut line).context("read what the server says")?;
        }
        ensure!(!line.is_empty(), "the server ended");
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if let Process::Testbed(process, _) | Process::Rclone(process) = &mut self.process {
            // It may have ended already; there is nothing to do about a failure.
            process.kill().ok();
            process.wait().ok();
        }
    }
}
