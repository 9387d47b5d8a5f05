use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tokio::{
    process::Command,
    time::{Instant, sleep, timeout},
};

use super::{
    Server, ServerKind,
    guard::Guarded,
    place, ports,
    server::{ACCESS_KEY_ID, SECRET_ACCESS_KEY},
};

/// What a one-node Ceph with an S3 gateway needs, from Debian's `ceph-mon`, `ceph-osd` and `radosgw` (which bring
/// `ceph-common`). No manager: neither the OSD nor the gateway asks for one.
const PROGRAMS: [&str; 7] = ["ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin"];

/// A monitor, an OSD that keeps objects in memory, and a gateway.
pub(super) async fn launch() -> Result<Option<Server>> {
    let Some(programs) = PROGRAMS.iter().map(|name| place::program(name)).collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let cluster = Cluster::lay_out(programs)?;
    let processes = cluster.start().await?;
    let endpoint = format!("http://127.0.0.1:{}", cluster.port);
    Ok(Some(Server::started(ServerKind::Ceph, endpoint, processes, cluster.data)))
}

struct Cluster {
    data: TempDir,
    programs: Vec<PathBuf>,
    conf: PathBuf,
    monitor: [u16; 2],
    port: u16,
    fsid: String,
}

impl Cluster {
    fn lay_out(programs: Vec<PathBuf>) -> Result<Self> {
        let data = tempfile::Builder::new().prefix("transship-ceph-").tempdir()?;
        for directory in ["mon", "osd", "rgw", "run"] {
            fs::create_dir(data.path().join(directory))?;
        }
        let [v2, v1, port] = ports::free()?;
        let conf = data.path().join("ceph.conf");
        let cluster = Self { programs, conf, monitor: [v2, v1], port, fsid: uuid()?, data };
        fs::write(&cluster.conf, cluster.configuration())?;
        Ok(cluster)
    }

    async fn start(&self) -> Result<Vec<Guarded>> {
        let [v2, v1] = self.monitor;
        let addresses = format!("[v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]");
        let (map, ring) = (self.path("monmap"), self.path("keyring"));
        self.run("monmaptool", ["--create", "--clobber", "--fsid", &self.fsid, "--addv", "a", &addresses, &map])
            .await?;
        self.run("ceph-authtool", ["--create-keyring", &ring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *"])
            .await?;
        self.run("ceph-mon", ["-i", "a", "--mkfs", "--monmap", &map, "--keyring", &ring]).await?;
        let monitor = self.daemon("ceph-mon", &["-i", "a"])?;
        // An OSD whose own uuid is not the registered one stays "booting" for ever.
        let id = uuid()?;
        self.run("ceph", ["osd", "new", &id]).await?;
        self.run("ceph-osd", ["-i", "0", "--mkfs", "--osd-uuid", &id]).await?;
        self.run("ceph", ["osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost"]).await?;
        let osd = self.daemon("ceph-osd", &["-i", "0"])?;
        self.osd_up().await?;
        let (id, secret) = (format!("--access-key={ACCESS_KEY_ID}"), format!("--secret-key={SECRET_ACCESS_KEY}"));
        self.run("radosgw-admin", ["user", "create", "--uid=testbed", "--display-name=testbed", &id, &secret]).await?;
        let gateway = self.daemon("radosgw", &["-n", "client.rgw", "--rgw-init-timeout=60"])?;
        Ok(vec![gateway, osd, monitor])
    }

    async fn osd_up(&self) -> Result<()> {
        let started = Instant::now();
        loop {
            if self.run("ceph", ["osd", "stat"]).await?.contains("1 up") {
                return Ok(());
            }
            ensure!(started.elapsed() < Duration::from_secs(60), "Ceph's OSD does not come up");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Runs one of Ceph's commands to its end and gives what it printed.
    async fn run<'a>(&self, program: &str, arguments: impl IntoIterator<Item = &'a str>) -> Result<String> {
        let mut command = Command::new(self.program(program)?);
        // The two that make files take no configuration.
        if !matches!(program, "monmaptool" | "ceph-authtool") {
            command.arg("-c").arg(&self.conf);
        }
        command.args(arguments).env_remove("CEPH_ARGS").stdin(Stdio::null()).kill_on_drop(true);
        let output = timeout(Duration::from_secs(60), command.output())
            .await
            .with_context(|| format!("{program} does not end"))?
            .with_context(|| format!("run {program}"))?;
        if !output.status.success() {
            bail!("{program}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn daemon(&self, program: &str, arguments: &[&str]) -> Result<Guarded> {
        let mut command = std::process::Command::new(self.program(program)?);
        command.arg("-f").arg("-c").arg(&self.conf).args(arguments).env_remove("CEPH_ARGS");
        Guarded::start(&command, &self.data.path().join(format!("{program}.log")))
    }

    fn program(&self, name: &str) -> Result<&Path> {
        let found = self.programs.iter().find(|path| path.file_name() == Some(OsStr::new(name)));
        found.map(PathBuf::as_path).with_context(|| format!("{name} is not on this machine"))
    }

    fn path(&self, name: &str) -> String {
        self.data.path().join(name).display().to_string()
    }

    fn configuration(&self) -> String {
        let ([v2, v1], port, fsid, data) = (self.monitor, self.port, &self.fsid, self.data.path().display());
        format!(
            "[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{v2},v1:127.0.0.1:{v1}]
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
run dir = {data}/run
admin socket = {data}/run/$cluster-$name.asok
log file =
log to stderr = true
crash dir =
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon warn on pool no redundancy = false
mon data avail warn = 2
mon data avail crit = 1
ms bind ipv6 = false
# The gateway makes its pools one by one, and each waits for the monitor: a second by default, ten in all.
paxos propose interval = 0.02
paxos min wait = 0.01
mon tick interval = 1
[mon.a]
mon data = {data}/mon
[osd]
osd data = {data}/osd
osd objectstore = memstore
enable experimental unrecoverable data corrupting features = memstore
memstore device bytes = 8589934592
[client.rgw]
# The default, secure, cannot be had without authentication: the gateway would hang.
ms mon client mode = crc
rgw data = {data}/rgw
# Without tcp_nodelay every small reply waits 40 ms.
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
rgw enable ops log = false
rgw thread pool size = 128
debug rgw = 0
"
        )
    }
}

/// A random UUID, from the kernel.
fn uuid() -> Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/uuid")?.trim().to_owned())
}
