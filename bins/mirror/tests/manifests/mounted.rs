//! A command line with what is mounted for it: run here as in the pod.

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use assert_cmd::Command;
use clap::Parser;
use serde_json::Value;
use transship_config::RcloneConfig;
use transship_mirror::cli::{Cli, MirrorArgs};
use transship_testbed::s3::S3Server;

use crate::{at, list, word};

/// What a pod runs, and what it sees.
pub(crate) struct Mounted<'a> {
    pub(crate) arguments: Vec<String>,
    pub(crate) container: &'a Value,
    pub(crate) volumes: &'a Value,
    pub(crate) secret: &'a Value,
}

/// `copy` or `sync`, and its flags.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) deletes: bool,
    pub(crate) args: MirrorArgs,
    pub(crate) config: String,
}

impl Parsed {
    /// As this program's own parser reads them.
    pub(crate) fn from(arguments: &[String]) -> Result<Self> {
        use transship_mirror::cli::Command::{Copy, Sync};
        let cli = Cli::try_parse_from([&["transship-mirror".to_owned()], arguments].concat())?;
        let config = cli.config.context("no --config")?.display().to_string();
        match cli.command {
            Copy(args) => Ok(Self { deletes: false, args, config }),
            Sync(args) => Ok(Self { deletes: true, args, config }),
            other => bail!("{other:?} neither copies nor syncs"),
        }
    }
}

impl Mounted<'_> {
    pub(crate) fn parsed(&self) -> Result<Parsed> {
        Parsed::from(&self.arguments)
    }

    /// The Secret's file is mounted, read-only, where `--config` looks, and `--work-dir` is a directory that can be written.
    pub(crate) fn check_places(&self) -> Result<()> {
        let parsed = self.parsed()?;
        let (config, file) = parsed.config.rsplit_once('/').context("--config is no absolute path")?;
        let (mount, volume) = self.volume_at(config)?;
        ensure!(mount["readOnly"] == true, "the configuration can be written");
        ensure!(volume["secret"]["secretName"] == self.secret["metadata"]["name"], "{volume} is not the secret");
        let items = list(&volume["secret"]["items"])?;
        let item = items.iter().find(|item| item["path"] == file).with_context(|| format!("no item makes {file}"))?;
        ensure!(self.secret["stringData"][word(&item["key"])?].is_string(), "the secret has no {}", item["key"]);
        let work = parsed.args.work_dir.context("no --work-dir")?;
        let (_, volume) = self.volume_at(&work.display().to_string())?;
        ensure!(volume["emptyDir"].is_object(), "--work-dir is no emptyDir: {volume}");
        let mounts = list(&self.container["volumeMounts"])?.len();
        ensure!(mounts == list(self.volumes)?.len(), "a volume is not mounted");
        Ok(())
    }

    fn volume_at(&self, path: &str) -> Result<(&Value, &Value)> {
        let mount = list(&self.container["volumeMounts"])?.iter().find(|mount| mount["mountPath"] == path);
        let mount = mount.with_context(|| format!("nothing is mounted at {path}"))?;
        let volume = list(self.volumes)?.iter().find(|volume| volume["name"] == mount["name"]);
        Ok((mount, volume.with_context(|| format!("{mount} has no volume"))?))
    }

    /// `rclone.conf`, as the Secret has it.
    pub(crate) fn rclone_conf(&self) -> Result<&str> {
        word(at(self.secret, "/stringData/rclone.conf"))
    }

    /// The example's remotes are the two that the command line names.
    pub(crate) fn check_remotes(&self) -> Result<()> {
        let parsed = self.parsed()?;
        let config = RcloneConfig::from_text(Path::new("rclone.conf"), self.rclone_conf()?, &BTreeMap::new())?;
        let mut remotes = config.remotes();
        remotes.sort();
        ensure!(remotes == ["destination", "source"], "{remotes:?}");
        for (remote, typed) in [("source:", &parsed.args.source), ("destination:", &parsed.args.destination)] {
            ensure!(typed.starts_with(remote) && typed.len() > remote.len(), "{typed} is no bucket of {remote}");
            config.remote(typed, Path::new("/"))?.location()?;
        }
        Ok(())
    }

    /// Runs the program with the example's keys against a server, and gives what the destination holds afterwards:
    /// before, the source holds `new` and the destination `old`.
    pub(crate) async fn run(&self) -> Result<Vec<String>> {
        let parsed = self.parsed()?;
        let bucket = |typed: &str| typed.split_once(':').map(|(_, bucket)| bucket.to_owned()).context("no bucket");
        let (from, to) = (bucket(&parsed.args.source)?, bucket(&parsed.args.destination)?);
        let server = S3Server::builder().key("CHANGEME", "CHANGEME").bucket(&from).bucket(&to).start().await?;
        server.put_object(&from, "new", b"new".to_vec());
        server.put_object(&to, "old", b"old".to_vec());

        let folder = tempfile::tempdir()?;
        let config = folder.path().join("rclone.conf");
        fs::write(&config, self.rclone_conf()?)?;
        let work = parsed.args.work_dir.context("no --work-dir")?.display().to_string();
        let mut command = Command::cargo_bin("transship-mirror")?;
        command.env_clear().env("RCLONE_CONFIG_SOURCE_ENDPOINT", server.endpoint());
        command.env("RCLONE_CONFIG_DESTINATION_ENDPOINT", server.endpoint());
        for argument in &self.arguments {
            let here = argument.replace(&parsed.config, &config.display().to_string());
            command.arg(here.replace(&format!("={work}"), &format!("={}", folder.path().display())));
        }
        command.assert().success();
        Ok(server.keys(&to))
    }
}
