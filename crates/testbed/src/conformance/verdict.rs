use std::{collections::BTreeMap, fs, path::PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::Report;
use crate::servers::testbed_directory;

/// The servers whose word counts: the in-memory server is ours, and must not be its own oracle.
const REFERENCES: [&str; 2] = ["Ceph RGW", "SeaweedFS"];

/// What a run of the tests keeps of one suite.
#[derive(Serialize, Deserialize)]
struct Verdict {
    passes: bool,
    passed: Vec<String>,
}

/// Keeps a suite's outcome for [`references_agree`]: suites run in processes of their own.
///
/// # Errors
/// It cannot be written.
pub fn store_verdict(report: &Report) -> Result<()> {
    let file = directory().join(format!("{}.json", report.suite));
    fs::create_dir_all(directory())?;
    let verdict = Verdict { passes: report.passes(), passed: report.passed.clone() };
    fs::write(&file, serde_json::to_vec(&verdict)?).with_context(|| format!("write {}", file.display()))
}

/// Starts a new run: what runs the tests calls it first.
///
/// # Errors
/// The old verdicts cannot be removed.
pub fn forget_verdicts() -> Result<()> {
    match fs::remove_dir_all(directory()) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Looks whether what the suites found in this run counts: whether both Ceph RGW and SeaweedFS passed their suites,
/// and every case that any S3 server passed was also passed by one of them. Returns what speaks against it, a line
/// each; nothing where it counts.
///
/// # Errors
/// A verdict cannot be read.
pub fn references_agree() -> Result<Vec<String>> {
    let mut verdicts = BTreeMap::new();
    for file in fs::read_dir(directory()).into_iter().flatten() {
        let path = file?.path();
        let verdict: Verdict = serde_json::from_slice(&fs::read(&path)?).with_context(|| path.display().to_string())?;
        verdicts.insert(path.file_stem().unwrap_or_default().to_string_lossy().into_owned(), verdict);
    }
    Ok(objections(&verdicts))
}

fn objections(verdicts: &BTreeMap<String, Verdict>) -> Vec<String> {
    let mut objections = Vec::new();
    for name in REFERENCES {
        match verdicts.get(name) {
            None => objections.push(format!("{name} was not asked: what passed elsewhere does not count")),
            Some(verdict) if !verdict.passes => objections.push(format!("{name} did not pass its suite")),
            Some(_) => {}
        }
    }
    let word: Vec<_> = REFERENCES.iter().filter_map(|name| verdicts.get(*name)).collect();
    if objections.is_empty()
        && let Some(ours) = verdicts.get("in-memory S3")
    {
        let backed = |case: &String| word.iter().any(|verdict| verdict.passed.contains(case));
        let alone = ours.passed.iter().filter(|case| !backed(case));
        objections.extend(alone.map(|case| format!("no reference server passes what the in-memory one does: {case}")));
    }
    objections
}

fn directory() -> PathBuf {
    testbed_directory().join("verdicts")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(passes: bool, passed: &[&str]) -> Verdict {
        Verdict { passes, passed: passed.iter().map(|&case| case.to_owned()).collect() }
    }

    #[test]
    fn the_in_memory_server_is_not_its_own_oracle() {
        let mut verdicts = BTreeMap::from([("in-memory S3".to_owned(), verdict(true, &["a", "b", "c"]))]);
        assert_eq!(objections(&verdicts).len(), 2, "neither reference was asked");
        verdicts.insert("Ceph RGW".to_owned(), verdict(true, &["a"]));
        verdicts.insert("SeaweedFS".to_owned(), verdict(false, &["b", "c"]));
        assert_eq!(objections(&verdicts), ["SeaweedFS did not pass its suite"]);
        verdicts.insert("SeaweedFS".to_owned(), verdict(true, &["b"]));
        assert_eq!(objections(&verdicts), ["no reference server passes what the in-memory one does: c"]);
        verdicts.insert("SeaweedFS".to_owned(), verdict(true, &["b", "c"]));
        assert_eq!(objections(&verdicts), [] as [&str; 0]);
    }
}
