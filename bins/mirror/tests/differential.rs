//! Random trees, filters and flags, through rclone and through `transship-mirror`: afterwards the destinations hold the
//! same, and both say the same of their success.
//!
//! `PROPTEST_CASES=5000 cargo test -p transship-mirror --test differential` runs longer.

// Lints spare tests, but not what tests share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::{Duration, SystemTime},
};

use proptest::{prelude::*, test_runner::TestRunner};
use transship_testbed::servers::peer_or_skip;

/// Content, and minutes of its time, by path.
type Tree = BTreeMap<String, (String, u64)>;

#[derive(Clone, Debug)]
struct Case {
    command: &'static str,
    source: Tree,
    destination: Tree,
    flags: Vec<String>,
}

/// Folders have no dot and files do, so that no path is both.
fn path() -> impl Strategy<Value = String> {
    let folder = prop::sample::select(vec!["a", "b", "ab", "é", "a b"]);
    let file = prop::sample::select(vec!["a.x", "b.x", "ab.y", "é.y", "[a].x", "a+b.y"]);
    (prop::collection::vec(folder, 0..3), file).prop_map(|(mut folders, file)| {
        folders.push(file);
        folders.join("/")
    })
}

fn tree() -> impl Strategy<Value = Tree> {
    prop::collection::btree_map(path(), ("[xy]{0,3}", 0_u64..3), 0..12)
}

fn pattern() -> impl Strategy<Value = String> {
    let parts = vec!["a", "b", "*", "**", "?", "*.x", "*.{x,y}", "[ab]*", "é", "a b", "a.x", "{{[ab]+}}", "\\[a\\].x"];
    let part = prop::sample::select(parts);
    (prop::bool::ANY, prop::collection::vec(part, 1..4), prop::bool::weighted(0.2)).prop_map(|(root, parts, folder)| {
        format!("{}{}{}", if root { "/" } else { "" }, parts.join("/"), if folder { "/" } else { "" })
    })
}

fn filter() -> impl Strategy<Value = Vec<String>> {
    let flag = prop::sample::select(vec!["--include", "--exclude", "--filter +", "--filter -"]);
    let rule = (flag, pattern()).prop_map(|(flag, pattern)| match flag.split_once(' ') {
        Some((flag, sign)) => [flag.to_owned(), format!("{sign} {pattern}")],
        None => [flag.to_owned(), pattern],
    });
    prop::collection::vec(rule, 0..4).prop_map(|rules| rules.into_iter().flatten().collect())
}

fn case() -> impl Strategy<Value = Case> {
    let comparison =
        prop::sample::select(vec!["", "", "--size-only", "--update", "--ignore-existing", "--ignore-times"]);
    let other =
        prop::sample::select(vec!["", "", "", "--max-size=2B", "--min-size=1B", "--delete-excluded", "--ignore-case"]);
    let command = prop::sample::select(vec!["sync", "copy"]);
    (command, tree(), tree(), filter(), comparison, other).prop_map(
        |(command, source, destination, mut flags, comparison, other)| {
            let deletes = command == "sync" || other != "--delete-excluded";
            flags.extend([comparison, other].into_iter().filter(|f| !f.is_empty() && deletes).map(str::to_owned));
            Case { command, source, destination, flags }
        },
    )
}

fn time(minutes: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + 60 * minutes)
}

fn plant(root: &Path, tree: &Tree) {
    fs::create_dir_all(root).unwrap();
    for (path, (content, minutes)) in tree {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        File::options().append(true).open(&path).unwrap().set_modified(time(*minutes)).unwrap();
    }
}

fn found(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let content = fs::read_to_string(&path).unwrap();
                found.insert(path.strip_prefix(root).unwrap().to_owned(), content);
            }
        }
    }
    found
}

fn run(program: &Path, case: &Case, root: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", root).env("RCLONE_CONFIG", "");
    command.arg(case.command).arg(root.join("source")).arg(root.join("destination"));
    command.args(&case.flags).args(more).output().unwrap()
}

fn ours() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_transship-mirror"))
}

/// Between disks.
#[test]
fn a_destination_on_disk_is_what_rclone_would_have_made() {
    let test = "a_destination_on_disk_is_what_rclone_would_have_made";
    let Some(rclone) = peer_or_skip("rclone", test).unwrap() else { return };
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(300);
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&case(), |case| {
            let roots = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
            for root in &roots {
                plant(&root.path().join("source"), &case.source);
                plant(&root.path().join("destination"), &case.destination);
            }
            let theirs = run(&rclone, &case, roots[0].path(), &[]);
            let guards: &[&str] =
                if case.command == "sync" { &["--allow-empty-source", "--max-delete=100%"] } else { &[] };
            let ours = run(&ours(), &case, roots[1].path(), guards);
            let told = || format!("rclone: {}\nours: {}", text(&theirs), text(&ours));
            prop_assert_eq!(theirs.status.success(), ours.status.success(), "{}", told());
            let holds = |root: &tempfile::TempDir| found(&root.path().join("destination"));
            prop_assert_eq!(holds(&roots[0]), holds(&roots[1]), "{}", told());
            Ok(())
        })
        .unwrap();
}

fn text(output: &Output) -> String {
    format!("{} {}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
