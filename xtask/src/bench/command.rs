//! How each program is told what to do: its flags, its configuration, its environment.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{
    contender::{Contender, Setting, Tool},
    end::{ACCESS_KEY, SECRET_KEY},
    holding::Archives,
    place::Place,
    stock::Stock,
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

/// What an rclone user sets: for many small objects, for large ones, for a comparison.
const RCLONE_SMALL: &str = "--transfers 64 --checkers 64 --fast-list --checksum --s3-no-check-bucket --s3-no-head";
const RCLONE_LARGE: &str = "--transfers 4 --fast-list --checksum --s3-no-check-bucket --s3-no-head --s3-disable-checksum \
     --s3-upload-cutoff 5Gi --s3-chunk-size 64Mi --multi-thread-streams 8";
const RCLONE_COMPARE: &str = "--checksum --fast-list --checkers 64 --s3-no-check-bucket";
const RCLONE_LIST: &str = "--fast-list --checkers 64";
/// What an s3sync user sets. It still verifies what it wrote.
const S3SYNC: &str = "--worker-size 64 --max-parallel-listings 64 --disable-tagging --disable-payload-signing";

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
                    .arg(solgate_config(case, route)?)
                    .arg("sync")
                    .args(["--output", "json"])
                    .args(flags);
            }
            Tool::Mirror(flags) => {
                command.arg("--config").arg(rclone_config(route)?);
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
            Tool::Pipes => command = pipes(&self.program, case, route)?,
        }
        Ok(command)
    }
}

fn rclone(command: &mut Command, setting: Setting, case: &Case, route: &Route<'_>) -> Result<()> {
    command.arg("--config").arg(rclone_config(route)?);
    let flags = match (case.task, case.kind) {
        (Task::List, _) => {
            command.args(["lsf", "-R", &remote("from", &route.from)]);
            RCLONE_LIST
        }
        (Task::Compare, _) => {
            command.arg("sync").args(remotes(route));
            RCLONE_COMPARE
        }
        (_, kind) => {
            command.arg("copy").args(remotes(route));
            if kind == Kind::Large { RCLONE_LARGE } else { RCLONE_SMALL }
        }
    };
    if setting == Setting::Tuned {
        command.args(flags.split_whitespace());
    }
    Ok(())
}

fn juicefs(command: &mut Command, setting: Setting, case: &Case, route: &Route<'_>) {
    command.arg("sync");
    if setting == Setting::Tuned {
        command.args(match (case.task, case.kind) {
            (Task::Compare, _) => ["--list-threads", "16", "--list-depth", "3"].as_slice(),
            (_, Kind::Large) => &["--threads", "8"],
            _ => &["--threads", "64"],
        });
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
    if setting == Setting::Tuned {
        command.args(S3SYNC.split_whitespace());
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
    if setting == Setting::Tuned {
        command.args(["--numworkers", "64"]);
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
    let settings = match setting {
        Setting::Default => "",
        Setting::Tuned => "s3 =\n  max_concurrent_requests = 64\n  max_queue_size = 10000\n",
    };
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
    let script = format!("for n in $(seq {count}); do cat \"$0\"; done | gzip -dc >/dev/null");
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(archive);
    Ok(command)
}

fn pipes(rclone: &Path, case: &Case, route: &Route<'_>) -> Result<Command> {
    let names: String = (0..case.stock.count()).map(|n| case.stock.key(n) + "\n").collect();
    let names = written(route.folder.join("names"), &names)?;
    let config = rclone_config(route)?;
    let script = written(route.folder.join("one.sh"), PIPES)?;
    let paths: Vec<_> = std::iter::once(&route.from).chain(&route.to).map(Place::path).collect();
    let [from, first, second] = &*paths else { anyhow::bail!("this needs two destinations") };
    let mut command = Command::new("sh");
    let all = "xargs -P 4 -n 1 sh -c \"$(cat \"$1\")\" \"$2\" \"$3\" \"$4\" \"$5\" \"$6\" <\"$0\"";
    command.arg("-c").arg(all).arg(names).arg(script).arg(rclone).arg(config).args([from, first, second]);
    Ok(command)
}

fn solgate_config(case: &Case, route: &Route<'_>) -> Result<PathBuf> {
    let place = |place: &Place| {
        format!(
            "endpoint_url = {}\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\nbase_path = {}\n",
            place.endpoint,
            place.path()
        )
    };
    let unpack = if case.task == Task::Unpack { "unpack = yes\n" } else { "" };
    let mut text = format!("[solgate]\ntimedelta = 5200w\n[source]\n{}", place(&route.from));
    for (n, destination) in route.to.iter().enumerate() {
        text += &format!("[destination_{n}]\n{}{unpack}", place(destination));
    }
    written(route.folder.join("config.ini"), &text)
}

/// The remote that a place is at: where both are at one endpoint, it is one remote.
fn remote(name: &str, place: &Place) -> String {
    format!("{name}:{}", place.path())
}

fn remotes(route: &Route<'_>) -> Vec<String> {
    let name = |place: &Place| if place.endpoint == route.from.endpoint { "from" } else { "to" };
    std::iter::once(&route.from).chain(&route.to).map(|place| remote(name(place), place)).collect()
}

fn rclone_config(route: &Route<'_>) -> Result<PathBuf> {
    let remote = |name: &str, endpoint: &str| {
        format!(
            "[{name}]\ntype = s3\nprovider = Other\nregion = us-east-1\nendpoint = {endpoint}\n\
             access_key_id = {ACCESS_KEY}\nsecret_access_key = {SECRET_KEY}\n"
        )
    };
    let to = route.to.first().unwrap_or(&route.from);
    let text = remote("from", &route.from.endpoint) + &remote("to", &to.endpoint);
    written(route.folder.join("rclone.conf"), &text)
}

fn aws_credentials(route: &Route<'_>) -> Result<PathBuf> {
    let text = format!("[default]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = {SECRET_KEY}\n");
    written(route.folder.join("credentials"), &text)
}

fn written(path: PathBuf, text: &str) -> Result<PathBuf> {
    fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
    Ok(path)
}
