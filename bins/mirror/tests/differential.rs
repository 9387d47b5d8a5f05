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
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime},
};

use ::time::OffsetDateTime;
use proptest::{prelude::*, test_runner::TestRunner};
use transship_testbed::{
    s3::{S3Server, StoredObject},
    servers::peer_or_skip,
};

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
    let comparison = prop::sample::select(vec![
        "",
        "",
        "--size-only",
        "--checksum",
        "--update",
        "--ignore-existing",
        "--ignore-times",
    ]);
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
    runner(200)
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

/// What `check` finds.
#[test]
fn what_differs_is_what_rclone_finds() {
    let Some(rclone) = peer_or_skip("rclone", "what_differs_is_what_rclone_finds").unwrap() else { return };
    runner(60)
        .run(
            &(tree(), tree(), filter(), prop::sample::select(vec!["", "--size-only", "--one-way", "--download"])),
            |case| {
                let (source, destination, mut flags, flag) = case;
                flags.extend(Some(flag.to_owned()).filter(|flag| !flag.is_empty()));
                let case = Case { command: "check", source, destination, flags };
                let root = tempfile::tempdir().unwrap();
                plant(&root.path().join("source"), &case.source);
                plant(&root.path().join("destination"), &case.destination);
                let lines = |program: &Path, file: &str| {
                    let file = root.path().join(file);
                    let output = run(program, &case, root.path(), &["--combined", file.to_str().unwrap()]);
                    let mut lines: Vec<String> = fs::read_to_string(file).unwrap().lines().map(str::to_owned).collect();
                    lines.sort();
                    (output.status.success(), lines, text(&output))
                };
                let (theirs, ours) = (lines(&rclone, "theirs"), lines(&ours(), "ours"));
                prop_assert_eq!((&theirs.0, &theirs.1), (&ours.0, &ours.1), "rclone: {}\nours: {}", theirs.2, ours.2);
                Ok(())
            },
        )
        .unwrap();
}

/// From one S3 bucket to another, with the remotes of a file.
#[test]
fn a_bucket_is_what_rclone_would_have_made() {
    let Some(rclone) = peer_or_skip("rclone", "a_bucket_is_what_rclone_would_have_made").unwrap() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(S3Server::builder().start()).unwrap();
    let root = tempfile::tempdir().unwrap();
    let config = root.path().join("rclone.conf");
    fs::write(&config, remotes(&server)).unwrap();
    let numbers = AtomicU32::new(0);
    runner(100)
        .run(&case(), |case| {
            let store = server.store();
            let run = |program: &Path, more: &[&str]| {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                let [from, to] = ["from", "to"].map(|name| format!("{name}-{number}"));
                // The destination's times lie between the source's: none are the same.
                for (bucket, tree, shift) in [(&from, &case.source, 0), (&to, &case.destination, 30)] {
                    store.create_bucket(bucket);
                    for (path, (content, minutes)) in tree {
                        let modified = OffsetDateTime::from(time(*minutes)) + ::time::Duration::seconds(shift);
                        store.put(bucket, path, StoredObject::new(content.clone()).modified_at(modified));
                    }
                }
                let mut command = Command::new(program);
                command.env_clear().env("HOME", root.path()).arg("--config").arg(&config);
                command.args([case.command, &format!("source:{from}"), &format!("destination:{to}")]);
                let output = command.args(&case.flags).args(more).output().unwrap();
                let content = |key: &String| store.object(&to, key).unwrap().bytes().unwrap();
                let held: BTreeMap<_, _> =
                    store.keys(&to).into_iter().map(|key| (key.clone(), content(&key))).collect();
                (output.status.success(), held, text(&output))
            };
            let (theirs, ours) = (run(&rclone, &[]), run(&ours(), guards(&case)));
            prop_assert_eq!((&theirs.0, &theirs.1), (&ours.0, &ours.1), "rclone: {}\nours: {}", theirs.2, ours.2);
            Ok(())
        })
        .unwrap();
}

fn remotes(server: &S3Server) -> String {
    let remote = |name: &str| {
        let (key, secret, endpoint) = (server.access_key(), server.secret_key(), server.endpoint());
        format!(
            "[{name}]\ntype = s3\nprovider = Ceph\nenv_auth = false\naccess_key_id = {key}\n\
             secret_access_key = {secret}\nacl = private\nendpoint = {endpoint}\n\n"
        )
    };
    remote("source") + &remote("destination")
}

/// So many cases, unless `PROPTEST_CASES` says more.
fn runner(cases: u32) -> TestRunner {
    let default = ProptestConfig::default();
    let cases = if default.cases == 256 { cases } else { default.cases };
    TestRunner::new(ProptestConfig { cases, failure_persistence: None, ..default })
}

/// Rclone has none.
fn guards(case: &Case) -> &'static [&'static str] {
    if case.command == "sync" { &["--allow-empty-source", "--max-delete=100%"] } else { &[] }
}

fn text(output: &Output) -> String {
    format!("{} {}{}", output.status, String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
