//! What `deploy/` holds fits this program.

use std::{collections::BTreeMap, fs, io::Write, path::Path};

use anyhow::{Context, Result};
use assert_cmd::Command;
use flate2::{Compression, write::GzEncoder};
use serde_json::Value;
use transship_testbed::s3::S3Server;

const HISTORIC: &str = "tables/sales/historic/2024-05-06-sales.csv";

fn text(path: &str) -> Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))
}

/// The CronJob's manifest, taken apart.
struct CronJob {
    secret: BTreeMap<String, String>,
    job: Value,
}

impl CronJob {
    fn read() -> Result<Self> {
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text("deploy/kubernetes/solgate-cronjob.yaml")?)?;
        let of_kind = |kind: &str| {
            let found = documents.iter().find(|document| document["kind"] == kind);
            found.cloned().with_context(|| format!("there is no {kind}"))
        };
        let secret = serde_json::from_value(of_kind("Secret")?["stringData"].clone())?;
        Ok(Self { secret, job: of_kind("CronJob")? })
    }

    fn at(&self, pointer: &str) -> &Value {
        self.job.pointer(pointer).unwrap_or(&Value::Null)
    }

    fn pod(&self) -> &Value {
        self.at("/spec/jobTemplate/spec/template/spec")
    }

    fn container(&self) -> &Value {
        &self.pod()["containers"][0]
    }

    /// The variables that the container gets, the pod's name being `pod`.
    fn environment(&self, pod: &str) -> Result<BTreeMap<String, String>> {
        let variable = |one: &Value| {
            let from = &one["valueFrom"];
            let value = match from["secretKeyRef"]["key"].as_str() {
                Some(key) => self.secret.get(key).cloned().with_context(|| format!("the secret has no {key}"))?,
                None => {
                    assert_eq!(from["fieldRef"]["fieldPath"], "metadata.name");
                    pod.to_owned()
                }
            };
            Ok((word(&one["name"])?, value))
        };
        list(&self.container()["env"])?.iter().map(variable).collect()
    }

    /// The arguments, with variables put in as Kubernetes does.
    fn arguments(&self, environment: &BTreeMap<String, String>) -> Result<Vec<String>> {
        let put_in = |argument: &Value| {
            let written = word(argument)?;
            Ok(environment.iter().fold(written, |text, (name, value)| text.replace(&format!("$({name})"), value)))
        };
        list(&self.container()["args"])?.iter().map(put_in).collect()
    }
}

fn word(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).with_context(|| format!("{value} is no text"))
}

fn list(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().with_context(|| format!("{value} is no list"))
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cronjob_s_own_arguments_environment_and_configuration_copy_and_report() -> Result<()> {
    let cronjob = CronJob::read()?;
    let server = S3Server::builder()
        .key("KEY_ID", "SECRET")
        .key(&cronjob.secret["AWS_ACCESS_KEY_ID"], &cronjob.secret["AWS_SECRET_ACCESS_KEY"])
        .bucket("raw")
        .bucket("lake")
        .bucket("reports")
        .start()
        .await?;
    server.put_object("raw", "exports/2024-05-06/sales.csv.gz", gzip(b"id,price\n1,2\n")?);

    let folder = tempfile::tempdir()?;
    let endpoint = server.endpoint();
    let here = |text: &str| {
        let aws = text.replace("https://s3.amazonaws.com", &endpoint);
        aws.replace("https://ceph.example.com", &endpoint).replace("https://s3.example.com", &endpoint)
    };
    fs::write(folder.path().join("config.ini"), here(&cronjob.secret["config.ini"]))?;
    let environment = cronjob.environment("solgate-28991527-x7k2p")?;
    let mut command = Command::cargo_bin("solgate")?;
    command.env_clear().arg("--config-folder").arg(folder.path());
    for (name, value) in &environment {
        command.env(name, here(value));
    }
    for argument in cronjob.arguments(&environment)? {
        command.arg(argument.replace("/tmp/", &format!("{}/", folder.path().display())));
    }
    command.assert().success();

    assert_eq!(server.keys("lake"), ["archive/2024-05-06/sales.csv.gz", HISTORIC]);
    assert_eq!(server.keys("reports"), ["solgate/solgate-28991527-x7k2p.json"]);
    Ok(())
}

#[test]
fn the_cronjob_runs_one_at_a_time_and_without_rights_it_does_not_need() -> Result<()> {
    let cronjob = CronJob::read()?;
    assert_eq!(cronjob.at("/spec/concurrencyPolicy"), "Forbid");
    assert_eq!(cronjob.pod()["securityContext"]["runAsNonRoot"], true);
    let rights = &cronjob.container()["securityContext"];
    assert_eq!((&rights["readOnlyRootFilesystem"], &rights["allowPrivilegeEscalation"]), (&true.into(), &false.into()));
    assert_eq!(rights["capabilities"]["drop"][0], "ALL");
    Ok(())
}

#[test]
fn the_cronjob_does_not_try_again_what_stays_as_it_is() -> Result<()> {
    let cronjob = CronJob::read()?;
    // Kubernetes takes a podFailurePolicy only with this.
    assert_eq!(cronjob.pod()["restartPolicy"], "Never");
    let rule = &cronjob.at("/spec/jobTemplate/spec/podFailurePolicy/rules/0");
    assert_eq!(rule["action"], "FailJob");
    assert_eq!(rule["onExitCodes"]["containerName"], cronjob.container()["name"]);
    assert_eq!(rule["onExitCodes"]["values"], serde_json::json!([2, 3]));
    Ok(())
}

#[test]
fn the_cronjob_mounts_its_configuration_where_solgate_looks() -> Result<()> {
    let cronjob = CronJob::read()?;
    let mounts = list(&cronjob.container()["volumeMounts"])?;
    let volumes = list(&cronjob.pod()["volumes"])?;
    for mount in mounts {
        assert!(volumes.iter().any(|volume| volume["name"] == mount["name"]), "{mount} has no volume");
    }
    let config = mounts.iter().find(|mount| mount["mountPath"] == "/etc/solgate").context("no configuration")?;
    let volume = volumes.iter().find(|volume| volume["name"] == config["name"]).context("no volume")?;
    let item = &volume["secret"]["items"][0];
    assert!(cronjob.secret.contains_key(&word(&item["key"])?));
    assert_eq!(item["path"], "config.ini");
    assert!(word(&cronjob.container()["image"])?.ends_with(concat!(":", env!("CARGO_PKG_VERSION"))));
    Ok(())
}

#[test]
fn the_container_file_builds_this_program_and_runs_it_as_nobody() -> Result<()> {
    let file = text("deploy/container/Containerfile")?;
    let lines: Vec<_> = file.lines().filter(|line| !line.starts_with('#')).collect();
    let has = |line: &str| assert!(lines.contains(&line), "no line {line:?}");
    has("RUN cargo build --release --locked --package solgate --package transship-mirror --bins");
    has("COPY --from=build /src/target/release/solgate /usr/local/bin/solgate");
    has("ENTRYPOINT [\"/usr/local/bin/solgate\"]");
    let user = lines.iter().rev().find_map(|line| line.strip_prefix("USER ")).context("no user")?;
    let (user, group) = user.split_once(':').context("user and group")?;
    assert!(user.parse::<u32>()? > 0 && group.parse::<u32>()? > 0);

    let manifest = text("Cargo.toml")?;
    let oldest = manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).context("rust-version")?;
    let image =
        lines.iter().find_map(|line| line.strip_prefix("FROM docker.io/library/rust:")).context("rust image")?;
    let minor = |version: &str| -> Result<u32> {
        let minor = version.trim_matches('"').split(['.', '-']).nth(1).context("a version")?;
        Ok(minor.parse()?)
    };
    assert!(minor(image)? >= minor(oldest)?, "{image} is older than {oldest}");
    Ok(())
}
