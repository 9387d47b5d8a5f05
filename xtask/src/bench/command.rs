//! How each program is told what to do: its flags and its environment.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use super::{
    config::{aws_credentials, rclone_config, solgate_config, written},
    contender::Contender,
    end::{ACCESS_KEY, SECRET_KEY, ServerKind},
    holding::Archives,
    place::Place,
    setting::Setting,
    stock::Stock,
    tool::Tool,
    workload::{Case, Kind, Task},
};

/// Where one run reads and writes.
#[derive(Clone, Debug)]
pub(crate) struct Route<'a> {
    pub(crate) from: Place,
    pub(crate) to: Vec<Place>,
    /// For configuration files.
    pub(crate) folder: &'a Path,
}

/// What an rclone user sets beside the number of requests at once: for many small objects, for large ones, for a comparison.
const RCLONE_SMALL: &str = "--fast-list --checksum --s3-no-check-bucket --s3-no-head";
const RCLONE_LARGE: &str = "--fast-list --checksum --s3-no-check-bucket --s3-no-head --s3-disable-checksum \
     --s3-upload-cutoff 5Gi --s3-chunk-size 64Mi";
const RCLONE_COMPARE: &str = "--fast-list --checksum --s3-no-check-bucket";
const RCLONE_LIST: &str = "--fast-list";
/// What an s3sync user sets. It still verifies what it wrote.
const S3SYNC: &str = "--max-parallel-listings 64 --disable-tagging --disable-payload-signing";

/// How many small objects at once rclone and s3sync are quickest with.
fn best_for_small(case: &Case) -> u16 {
    if case.server == ServerKind::Seaweed { 128 } else { 32 }
}

/// One object: read, unpacked, written to two places side by side.
const PIPES: &str = r#"f=$(mktemp -u) && mkfifo "$f" && { "$0" --config "$1" rcat "to:$3/${5%.gz}" <"$f" & } && "$0" \
--config "$1" cat "from:$2/$5" | gunzip | tee "$f" | "$0" --config "$1" rcat "to:$4/${5%.gz}"; wait; rm "$f""#;

impl Contender {
    /// The command.
    ///
    /// # Errors
    /// Its configuration cannot be written.
    pub(crate) fn command(&self, case: &Case, route: &Route<'_>) -> Result<Command> {
        let mut command = Command::new(&self.program);
        match self.tool {
            Tool::Solgate(flags) => {
                command
                    .arg("--config")
                    .arg(solgate_config(route.folder, &route.from, &route.to, case.task == Task::Unpack)?)
                    .arg("sync")
                    .args(["--output", "json"])
                    .args(flags);
            }
            Tool::Mirror(flags) => {
                command.arg("--config").arg(route_config(route)?);
                match case.task {
                    Task::List => command.args(["ls", &remote("from", &route.from)]),
                    _ => command.arg("sync").args(remotes(route)),
                };
                command.args(flags);
            }
            Tool::Rclone(setting) => rclone(&mut command, setting, case, route)?,
            Tool::JuiceFs(setting) => juicefs(&mut command, setting, case, route),
            Tool::S3Sync(setting) => s3sync(&mut command, setting, case, route),
            Tool::S5cmd(setting) => s5cmd(&mut command, setting, case, route)?,
            Tool::Aws(setting) => aws(&mut command, setting, case, route)?,
            Tool::Floor => floor(&mut command, case, route),
            Tool::Gunzip => command = gunzip(case, route)?,
            Tool::Pipes(setting) => command = pipes(&self.program, setting, case, route)?,
        }
        Ok(command)
    }
}

fn rclone(command: &mut Command, setting: Setting, case: &Case, route: &Route<'_>) -> Result<()> {
    command.arg("--config").arg(route_config(route)?);
    let (numbers, best, flags): (&[_], _, _) = match (case.task, case.kind) {
        (Task::List, _) => {
            command.args(["lsf", "-R", &remote("from", &route.from)]);
            (&["--checkers"], 64, RCLONE_LIST)
        }
        (Task::Compare, _) => {
            command.arg("sync").args(remotes(route));
            (&["--checkers"], 16, RCLONE_COMPARE)
        }
        (_, kind) => {
            command.arg("copy").args(remotes(route));
            match kind {
                Kind::Large if case.is_one_object() => (&["--multi-thread-streams"], 4, RCLONE_LARGE),
                Kind::Large => (&["--transfers"], 4, RCLONE_LARGE),
                Kind::Small => (&["--transfers", "--checkers"], best_for_small(case), RCLONE_SMALL),
            }
        }
    };
    if let Some(n) = setting.at_once(best) {
        command.args(numbers.iter().flat_map(|number| [*number, &n])).args(flags.split_whitespace());
    }
    Ok(())
}

fn juicefs(command: &mut Command, setting: Setting, case: &Case, route: &Route<'_>) {
    command.arg("sync");
    let (number, best, flags): (_, _, &[_]) = match (case.task, case.kind) {
        (Task::Compare, _) => ("--list-threads", 16, &["--list-depth", "3"]),
        (_, Kind::Large) => ("--threads", 8, &[]),
        (_, Kind::Small) => ("--threads", 32, &[]),
    };
    if let Some(n) = setting.at_once(best) {
        command.args([number, &n]).args(flags);
    }
    let place = |place: &Place| format!("minio://{ACCESS_KEY}:{SECRET_KEY}@{}/{}", place.host(), place.folder());
    command.arg(place(&route.from)).args(route.to.iter().map(place));
}

fn s3sync(command: &mut Command, setting: Setting, case: &Case, route: &Route<'_>) {
    for (end, place) in [("source", Some(&route.from)), ("target", route.to.first())] {
        let endpoint = place.map_or("", |place| &place.endpoint);
        for (flag, value) in [
            ("endpoint-url", endpoint),
            ("access-key", ACCESS_KEY),
            ("secret-access-key", SECRET_KEY),
            ("region", "us-east-1"),
        ] {
            command.arg(format!("--{end}-{flag}")).arg(value);
        }
        command.arg(format!("--{end}-force-path-style"));
    }
    let (number, best) = match case.kind {
        Kind::Large if case.is_one_object() => ("--max-parallel-uploads", 8),
        Kind::Large => ("--worker-size", 4),
        Kind::Small => ("--worker-size", best_for_small(case)),
    };
    if let Some(n) = setting.at_once(best) {
        command.args([number, &n]).args(S3SYNC.split_whitespace());
        if case.together {
            command.arg("--server-side-copy");
        }
    }
    command.args(std::iter::once(&route.from).chain(&route.to).map(|place| format!("s3://{}", place.folder())));
}

fn s5cmd(command: &mut Command, setting: Setting, case: &Case, route: &Route<'_>) -> Result<()> {
    let everything = format!("s3://{}*", route.from.folder());
    command.env("AWS_REGION", "us-east-1").arg("--credentials-file").arg(aws_credentials(route)?);
    command.args(["--endpoint-url", &route.from.endpoint]);
    if case.task != Task::List {
        // Otherwise it prints a line for each object that it copies.
        command.args(["--log", "error"]);
    }
    if let Some(n) = setting.at_once(64) {
        command.args(["--numworkers", &n]);
    }
    let to = route.to.iter().map(|place| format!("s3://{}", place.folder()));
    match case.task {
        Task::List => command.args(["ls", &everything]),
        Task::Compare => command.args(["sync", &everything]).args(to),
        _ => command.args(["cp", &everything]).args(to),
    };
    Ok(())
}

fn aws(command: &mut Command, setting: Setting, case: &Case, route: &Route<'_>) -> Result<()> {
    let settings = setting
        .at_once(64)
        .map_or_else(String::new, |n| format!("s3 =\n  max_concurrent_requests = {n}\n  max_queue_size = 10000\n"));
    let config = written(route.folder.join("aws"), &format!("[default]\nregion = us-east-1\n{settings}"))?;
    command.env("AWS_SHARED_CREDENTIALS_FILE", aws_credentials(route)?).env("AWS_CONFIG_FILE", config);
    command.args(["--endpoint-url", &route.from.endpoint, "s3"]);
    let from = format!("s3://{}", route.from.folder());
    let to = route.to.iter().map(|place| format!("s3://{}", place.folder()));
    match case.task {
        Task::List => command.args(["ls", "--recursive", &from]),
        _ => command.args(["sync", "--only-show-errors", &from]).args(to),
    };
    Ok(())
}

fn floor(command: &mut Command, case: &Case, route: &Route<'_>) {
    let deed = match case.task {
        Task::Copy if case.together => "order",
        Task::Copy => "copy",
        Task::Unpack => "unpack",
        Task::Compare | Task::List => "list",
    };
    command.args(["bench", "floor", deed]);
    if case.kind == Kind::Large {
        command.args(["--at-once", "4"]);
    }
    command.arg(route.from.to_string()).args(route.to.iter().map(Place::to_string));
}

fn gunzip(case: &Case, route: &Route<'_>) -> Result<Command> {
    let Stock::Archives { count, size } = case.stock else { anyhow::bail!("nothing to unpack") };
    let archive = route.folder.join("archive.gz");
    fs::write(&archive, Archives::new(size)?.packed(0)?)?;
    let script = format!("gzip -dc $(for n in $(seq {count}); do echo \"$0\"; done) >/dev/null");
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(archive);
    Ok(command)
}

fn pipes(rclone: &Path, setting: Setting, case: &Case, route: &Route<'_>) -> Result<Command> {
    let names: String = (0..case.stock.count()).map(|n| case.stock.key(n) + "\n").collect();
    let names = written(route.folder.join("names"), &names)?;
    let config = route_config(route)?;
    let script = written(route.folder.join("one.sh"), PIPES)?;
    let paths: Vec<_> = std::iter::once(&route.from).chain(&route.to).map(Place::path).collect();
    let [from, first, second] = &*paths else { anyhow::bail!("this needs two destinations") };
    let mut command = Command::new("sh");
    let all = "xargs -P 4 -n 1 sh -c \"$(cat \"$1\")\" \"$2\" \"$3\" \"$4\" \"$5\" \"$6\" <\"$0\"";
    command.arg("-c").arg(all).arg(names).arg(script).arg(rclone).arg(config).args([from, first, second]);
    if setting != Setting::Default {
        command.envs(["RCLONE_S3_NO_CHECK_BUCKET", "RCLONE_S3_DISABLE_CHECKSUM"].map(|flag| (flag, "true")));
    }
    Ok(command)
}

fn route_config(route: &Route<'_>) -> Result<PathBuf> {
    let to = route.to.first().unwrap_or(&route.from);
    rclone_config(route.folder, &route.from.endpoint, &to.endpoint)
}

/// The remote that a place is at: where both are at one endpoint, it is one remote.
fn remote(name: &str, place: &Place) -> String {
    format!("{name}:{}", place.path())
}

fn remotes(route: &Route<'_>) -> Vec<String> {
    let name = |place: &Place| if place.endpoint == route.from.endpoint { "from" } else { "to" };
    std::iter::once(&route.from).chain(&route.to).map(|place| remote(name(place), place)).collect()
}
