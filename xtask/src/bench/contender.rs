//! The programs that are compared.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde::Serialize;
use transship_testbed::servers::testbed_directory;

use super::{
    build::Programs,
    measure::Terms,
    setting::Setting,
    tool::{Flags, Tool},
    workload::{Case, Kind, Task},
};
use crate::workspace;

/// Below this, the source's objects are.
pub(crate) const SOURCE: &str = "in";

/// One row of the table.
#[derive(Debug, Serialize)]
pub(crate) struct Contender {
    /// What the table calls it.
    pub(crate) name: &'static str,
    /// As it tells it.
    pub(crate) version: String,
    #[serde(skip)]
    pub(crate) program: PathBuf,
    #[serde(skip)]
    pub(crate) tool: Tool,
    /// More resident memory than this is a failure: for ours.
    #[serde(skip)]
    pub(crate) most_memory: Option<u64>,
}

/// A program that is looked for, and what is set.
type Known = (&'static str, &'static str, &'static str, Tool);

/// Name in the table, program, argument that asks for its version, tool.
const PEERS: [Known; 13] = [
    ("rclone", "rclone", "version", Tool::Rclone(Setting::Default)),
    ("rclone, tuned", "rclone", "version", Tool::Rclone(Setting::Tuned)),
    ("juicefs sync", "juicefs", "version", Tool::JuiceFs(Setting::Default)),
    ("juicefs sync, tuned", "juicefs", "version", Tool::JuiceFs(Setting::Tuned)),
    ("s3sync", "s3sync", "--version", Tool::S3Sync(Setting::Default)),
    ("s3sync, tuned", "s3sync", "--version", Tool::S3Sync(Setting::Tuned)),
    ("s5cmd", "s5cmd", "version", Tool::S5cmd(Setting::Default)),
    ("s5cmd, tuned", "s5cmd", "version", Tool::S5cmd(Setting::Tuned)),
    ("aws s3", "aws", "--version", Tool::Aws(Setting::Default)),
    ("aws s3, tuned", "aws", "--version", Tool::Aws(Setting::Tuned)),
    ("gunzip alone", "gzip", "--version", Tool::Gunzip),
    ("rclone, gunzip, rclone", "rclone", "version", Tool::Pipes(Setting::Default)),
    ("rclone, gunzip, rclone, tuned", "rclone", "version", Tool::Pipes(Setting::Tuned)),
];

const FLOOR: &str = "bare loop";
/// Ours alone.
const NOBODY: &str = "nobody";

const MIB: u64 = 1 << 20;

/// What one or more names in the table begin with, or nobody.
///
/// # Errors
/// No name begins like this: what they are.
pub(super) fn named(text: &str) -> Result<String, String> {
    let names: Vec<_> = PEERS.iter().map(|known| known.0).chain([FLOOR, NOBODY]).collect();
    if names.iter().any(|name| name.starts_with(text)) && !text.is_empty() {
        return Ok(text.to_owned());
    }
    Err(format!("expected how one of these begins: {}", names.join("; ")))
}

impl Contender {
    /// Ours, the floor, and those peers that are on this machine and can do it; and a line for each reason why
    /// others do not run.
    ///
    /// # Errors
    /// One does not tell its version.
    pub(crate) fn of(case: &Case, programs: &Programs) -> Result<(Vec<Self>, Vec<String>)> {
        let mut all = ours(case, programs)?;
        // An object of 8 GiB in memory is no floor.
        if case.stock.count() > 1 {
            let version = format!("object_store {}", locked("object_store")?);
            let (program, tool) = (programs.xtask.clone(), Tool::Floor);
            all.push(Self { name: FLOOR, version, program, tool, most_memory: None });
        }
        let mut missing = BTreeMap::<&str, Vec<&str>>::new();
        for known in PEERS {
            match Self::known(case, known)? {
                Ok(one) => all.push(one),
                Err(Some(reason)) => missing.entry(reason).or_default().push(known.0),
                Err(None) => {}
            }
        }
        let missing = missing.into_iter().map(|(reason, names)| format!("not run, {reason}: {}", names.join("; ")));
        Ok((all, missing.collect()))
    }

    /// A peer that is set so; or why it does not do the work.
    ///
    /// # Errors
    /// It does not tell its version.
    pub(crate) fn peer(
        case: &Case,
        program: &str,
        name: &'static str,
        setting: Setting,
    ) -> Result<Result<Self, &'static str>> {
        let known = PEERS.into_iter().find(|known| known.1 == program);
        let (_, program, question, tool) = known.with_context(|| format!("{program} is no peer"))?;
        let able = Self::known(case, (name, program, question, tool.set(setting)))?;
        Ok(able.map_err(|reason| reason.unwrap_or("other work")))
    }

    /// It, or why it does not do the work: `None` where nobody would expect it to.
    fn known(case: &Case, (name, program, question, tool): Known) -> Result<Result<Self, Option<&'static str>>> {
        Ok(match (tool.refusal(case), find(program)) {
            (Err(reason), _) => Err(reason),
            (Ok(()), None) => Err(Some("not on this machine")),
            (Ok(()), Some(path)) => {
                let version = first_line(&path, question)?;
                Ok(Self { name, version, program: path, tool, most_memory: None })
            }
        })
    }

    /// Whether this is one of the programs under test.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self.tool, Tool::Solgate(_) | Tool::Mirror(_))
    }

    /// How it may end: s3sync with 3 where it copied everything and could not compare all ETags, because it wrote in parts
    /// what was in one.
    pub(crate) fn terms(&self) -> Terms {
        Terms { accept: matches!(self.tool, Tool::S3Sync(_)).then_some(3), ..Terms::default() }
    }

    /// Whether it leaves something behind that can be looked at.
    pub(crate) fn copies(&self) -> bool {
        self.tool != Tool::Gunzip
    }
}

/// Bytes that copies may take at the defaults.
pub(super) const MOST_MEMORY_OF_COPIES: u64 = 256 * MIB;

/// Bytes that listings may take at the defaults.
pub(super) const MOST_MEMORY_OF_LISTINGS: u64 = 64 * MIB;

/// The same where one side is listed in order, and what is printed is taken quickly: six pages of 256 KiB for each of 64
/// ranges, and what is read of one that arrives.
pub(super) const MOST_MEMORY_IN_ORDER: u64 = 112 * MIB;

fn ours(case: &Case, programs: &Programs) -> Result<Vec<Contender>> {
    let (of_copies, of_listings) = (Some(MOST_MEMORY_OF_COPIES), Some(MOST_MEMORY_OF_LISTINGS));
    Ok(match case.task {
        Task::Copy if case.kind == Kind::Large => vec![
            solgate(programs, "solgate", &[], of_copies)?,
            solgate(programs, "solgate, little memory", &["--memory", "32MiB"], Some(64 * MIB))?,
        ],
        Task::Copy | Task::Unpack => vec![solgate(programs, "solgate", &[], of_copies)?],
        Task::Compare => vec![mirror(programs, "transship-mirror", &[], of_listings)?],
        Task::List => vec![
            mirror(programs, "transship-mirror", &[], Some(MOST_MEMORY_IN_ORDER))?,
            mirror(programs, "transship-mirror, 16 listers", &["--checkers", "16"], Some(64 * MIB))?,
            mirror(programs, "transship-mirror, one lister", &["--checkers", "1"], Some(64 * MIB))?,
        ],
    })
}

pub(super) fn solgate(programs: &Programs, name: &'static str, flags: Flags, most: Option<u64>) -> Result<Contender> {
    let version = version(&programs.solgate)?;
    let (program, tool) = (programs.solgate.clone(), Tool::Solgate(flags));
    Ok(Contender { name, version, program, tool, most_memory: most })
}

pub(super) fn mirror(programs: &Programs, name: &'static str, flags: Flags, most: Option<u64>) -> Result<Contender> {
    let version = version(&programs.mirror)?;
    let (program, tool) = (programs.mirror.clone(), Tool::Mirror(flags));
    Ok(Contender { name, version, program, tool, most_memory: most })
}

/// The version of a program of ours, and of which commit it is.
///
/// # Errors
/// It does not tell.
pub(super) fn version(program: &Path) -> Result<String> {
    first_line(program, "version").map(built)
}

/// A version of ours, and of which commit it is.
pub(super) fn built(version: String) -> String {
    workspace::commit().map_or(version.clone(), |commit| format!("{version}, commit {commit}"))
}

/// A peer: on `PATH`, or where the testbed installs it.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    // A program for a terminal: it may look at its environment.
    #[allow(clippy::disallowed_methods)]
    let path: OsString = std::env::var_os("PATH").unwrap_or_default();
    let installed = testbed_directory().join("venv/bin");
    let folders = std::env::split_paths(&path).chain([installed]);
    folders.map(|folder| folder.join(program)).find(|file| file.is_file()).map(|file| packaged(&file).unwrap_or(file))
}

/// The program itself, where a Python package puts a script before it: Python's start is not what is measured.
fn packaged(script: &Path) -> Option<PathBuf> {
    let name = script.file_name()?;
    let environments = fs::read_dir(script.parent()?.parent()?.join("lib")).ok()?;
    let packages = environments.filter_map(|python| Some(python.ok()?.path().join("site-packages").join(name)));
    packages.map(|package| package.join("bin").join(name)).find(|file| file.is_file())
}

pub(super) fn first_line(program: &Path, argument: &str) -> Result<String> {
    let output = Command::new(program).arg(argument).output();
    let output = output.with_context(|| format!("ask {} for its version", program.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or("unknown").trim().to_owned())
}

/// The version of a crate that this workspace is built with.
fn locked(name: &str) -> Result<String> {
    let lock = fs::read_to_string(workspace::root().join("Cargo.lock")).context("read Cargo.lock")?;
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{name}\"\n")));
    let version = entry.and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = ")));
    Ok(version.with_context(|| format!("{name} is not in Cargo.lock"))?.trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_run_itself_and_not_through_the_script_of_its_package() {
        let folder = tempfile::tempdir().unwrap();
        let [scripts, package] = ["bin", "lib/python3/site-packages/tool/bin"].map(|name| folder.path().join(name));
        fs::create_dir_all(&scripts).unwrap();
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("tool"), "").unwrap();
        assert_eq!(packaged(&scripts.join("tool")), Some(package.join("tool")));
        assert_eq!(packaged(&scripts.join("other")), None);
    }
}
