//! Two places and a configuration.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, SystemTime},
};

use tempfile::TempDir;
use time::OffsetDateTime;
use transship_testbed::s3::{S3Server, S3ServerBuilder, StoredObject};

/// The secret of every configuration here: it must never be seen again.
pub(crate) const SECRET: &str = "canary/Secret+0f9d8c7b6a";
pub(crate) const KEY_ID: &str = "KEYOFTHESCENE";

/// Buckets `raw`, `lake` and `archive`, either on an S3 server or as directories, and a folder to work in.
pub(crate) struct Scene {
    pub(crate) dir: TempDir,
    pub(crate) server: Option<S3Server>,
}

/// What a program that has ended left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Scene {
    pub(crate) async fn s3() -> Self {
        Self::with(S3Server::builder()).await
    }

    /// On a server that is a little different.
    pub(crate) async fn with(builder: S3ServerBuilder) -> Self {
        let builder = builder.key(KEY_ID, SECRET).bucket("raw").bucket("lake").bucket("archive");
        Self { dir: tempfile::tempdir().unwrap(), server: Some(builder.start().await.unwrap()) }
    }

    pub(crate) fn files() -> Self {
        let scene = Self { dir: tempfile::tempdir().unwrap(), server: None };
        fs::create_dir(scene.path("raw")).unwrap();
        scene
    }

    /// The same test runs on both.
    pub(crate) async fn both() -> [Self; 2] {
        [Self::s3().await, Self::files()]
    }

    pub(crate) fn server(&self) -> &S3Server {
        self.server.as_ref().expect("a scene on S3")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The lines of a section that say where a place is: `raw` or `raw/prefix`.
    pub(crate) fn at(&self, place: &str) -> String {
        match &self.server {
            None => format!("url = file://{}\n", self.path(place).display()),
            Some(server) => at(server, place),
        }
    }

    /// A configuration from `raw/in` to `lake/out`.
    pub(crate) fn plain(&self) -> &Self {
        self.config(&format!("[source]\n{}\n[destination_lake]\n{}", self.at("raw/in"), self.at("lake/out")))
    }

    pub(crate) fn config(&self, text: &str) -> &Self {
        self.write("config.ini", text)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> &Self {
        fs::write(self.path(name), text).unwrap();
        self
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(crate) fn put(&self, bucket: &str, key: &str, bytes: impl Into<Vec<u8>>) -> &Self {
        self.put_aged(bucket, key, bytes, Duration::ZERO)
    }

    /// An object that was written so long ago.
    pub(crate) fn put_aged(&self, bucket: &str, key: &str, bytes: impl Into<Vec<u8>>, age: Duration) -> &Self {
        let bytes = bytes.into();
        if let Some(server) = &self.server {
            let object = StoredObject::new(bytes);
            let modified = OffsetDateTime::now_utc() - age;
            server.put(bucket, key, if age.is_zero() { object } else { object.modified_at(modified) });
            return self;
        }
        let file = self.path(bucket).join(key);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, bytes).unwrap();
        fs::File::options().write(true).open(&file).unwrap().set_modified(SystemTime::now() - age).unwrap();
        self
    }

    pub(crate) fn get(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        match &self.server {
            Some(server) => Some(server.object(bucket, key)?.bytes()?.to_vec()),
            None => fs::read(self.path(bucket).join(key)).ok(),
        }
    }

    pub(crate) fn keys(&self, bucket: &str) -> Vec<String> {
        let mut keys = match &self.server {
            Some(server) => server.keys(bucket),
            None => files_below(&self.path(bucket), ""),
        };
        keys.sort();
        keys
    }

    /// The program, in the scene's folder, with nothing in its environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> assert_cmd::Command {
        assert_cmd::Command::from_std(self.process(arguments))
    }

    pub(crate) fn process(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_solgate"));
        command.current_dir(self.dir.path()).env_clear().env("HOME", self.dir.path());
        command.env("PATH", "/usr/bin:/bin").env("AWS_EC2_METADATA_DISABLED", "true");
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program with `config.ini`.
    pub(crate) fn solgate(&self, arguments: &[&str]) -> Ran {
        self.solgate_reading("", arguments)
    }

    pub(crate) fn solgate_reading(&self, stdin: &str, arguments: &[&str]) -> Ran {
        let mut all = vec!["-c", "config.ini"];
        all.extend(arguments);
        Ran::of(self.command(&all).write_stdin(stdin))
    }

    /// The run report `report.json`.
    pub(crate) fn report(&self) -> serde_json::Value {
        serde_json::from_str(&self.read("report.json")).unwrap()
    }
}

impl Ran {
    pub(crate) fn of(command: &mut assert_cmd::Command) -> Self {
        Self::told(command.timeout(Duration::from_secs(60)).output().unwrap())
    }

    pub(crate) fn told(output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let ran =
            Self { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) };
        for secret in [SECRET, "panicked", "internal error"] {
            assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "{secret}: {ran:?}");
        }
        ran
    }

    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.stdout, self.stderr);
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

    /// Stdout as JSON, one value a line.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        json_lines(&self.stdout)
    }
}

pub(crate) fn json_lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

/// A place on any server that has the scene's keys.
pub(crate) fn at(server: &S3Server, place: &str) -> String {
    format!(
        "base_path = {place}\nendpoint_url = {}\naws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n",
        server.endpoint()
    )
}

fn files_below(folder: &Path, prefix: &str) -> Vec<String> {
    let Ok(found) = fs::read_dir(folder) else { return Vec::new() };
    let entries = found.map(|entry| entry.unwrap());
    let keys = entries.flat_map(|entry| {
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        let is_folder = entry.file_type().unwrap().is_dir();
        if is_folder { files_below(&entry.path(), &format!("{name}/")) } else { vec![name] }
    });
    keys.collect()
}
