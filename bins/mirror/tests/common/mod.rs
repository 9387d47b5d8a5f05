//! The program, a folder to run it in, and what came of a run.

// Lints spare tests, but not what tests share; and each file of tests uses its own part of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code)]

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use transship_testbed::s3::{Operation, S3Server, S3ServerBuilder};

/// The secret of every configuration here: it must never be seen again.
pub(crate) const SECRET: &str = "canary/Secret+0f9d8c7b6a";
pub(crate) const KEY_ID: &str = "KEYOFTHESCENE";

/// A folder with an `rclone.conf`.
pub(crate) struct Scene {
    pub(crate) dir: TempDir,
}

/// What a program that has ended left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// The buckets `from` and `to` on a server in this process, and a folder whose `rclone.conf` names it as `source` and as
/// `destination`.
pub(crate) async fn two_buckets(builder: S3ServerBuilder) -> (S3Server, Scene) {
    let server = builder.key(KEY_ID, SECRET).bucket("from").bucket("to").start().await.unwrap();
    let remotes = ["source", "destination"].map(|name| remote(name, &server.endpoint(), KEY_ID, SECRET));
    let scene = Scene::new(&remotes.concat());
    (server, scene)
}

/// A remote as people write it down.
pub(crate) fn remote(name: &str, endpoint: &str, key: &str, secret: &str) -> String {
    format!(
        "[{name}]\ntype = s3\nprovider = Ceph\nenv_auth = false\naccess_key_id = {key}\nsecret_access_key = {secret}\n\
         endpoint = {endpoint}\n\n"
    )
}

/// How often something was written, deleted or asked for by itself.
pub(crate) fn beyond_listings(server: &S3Server) -> Vec<(Operation, u64)> {
    let all = server.counts().into_iter();
    all.filter(|(operation, _)| !matches!(operation, Operation::ListObjects | Operation::ListObjectsV2)).collect()
}

impl Scene {
    pub(crate) fn new(remotes: &str) -> Self {
        let scene = Self { dir: tempfile::tempdir().unwrap() };
        scene.write("rclone.conf", remotes);
        scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let file = self.path(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The program, in the scene's folder, with nothing in its environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_transship-mirror"));
        command.current_dir(self.dir.path()).env_clear().env("HOME", self.dir.path());
        command.args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs the program with `rclone.conf`.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(&[&["--config", "rclone.conf"], arguments].concat()))
    }

    /// Runs the program with a report, and gives the report.
    pub(crate) fn reported(&self, code: i32, arguments: &[&str]) -> serde_json::Value {
        self.run(&[arguments, &["--report", "report.json"]].concat()).ends_with(code);
        serde_json::from_str(&self.read("report.json")).unwrap()
    }
}

impl Ran {
    pub(crate) fn of(command: Command) -> Self {
        let output = assert_cmd::Command::from_std(command).timeout(Duration::from_secs(120)).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran =
            Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
        for never in [SECRET, "panicked", "internal error"] {
            assert!(!ran.stdout.contains(never) && !ran.stderr.contains(never), "{never}: {ran:?}");
        }
        ran
    }

    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Stdout and stderr.
    pub(crate) fn told(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    #[track_caller]
    pub(crate) fn tells(self, what: &[&str]) -> Self {
        what.iter().for_each(|what| assert!(self.told().contains(what), "{what:?} in: {}", self.told()));
        self
    }

    /// One line that starts with `error: ` on stderr, and nothing else anywhere. Gives the line.
    #[track_caller]
    pub(crate) fn fails_with(self, code: i32) -> String {
        let ran = self.ends_with(code);
        assert_eq!((ran.stderr.lines().count(), ran.stdout.as_str()), (1, ""), "{}", ran.stderr);
        let line = ran.stderr.trim_end().strip_prefix("error: ");
        line.unwrap_or_else(|| panic!("no error: {}", ran.stderr)).to_owned()
    }
}

/// The one object of a report that has this key.
#[track_caller]
pub(crate) fn object<'a>(report: &'a serde_json::Value, key: &str) -> &'a serde_json::Value {
    let objects = report["objects"].as_array().unwrap();
    let mut found = objects.iter().filter(|object| object["key"] == key);
    let object = found.next().unwrap_or_else(|| panic!("{key} in {report:#}"));
    assert!(found.next().is_none(), "{key} stands once");
    &object["destinations"][0]
}
