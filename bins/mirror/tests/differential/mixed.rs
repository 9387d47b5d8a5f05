//! From a bucket to a directory, and from a directory to a bucket.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

use proptest::prelude::*;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use transship_testbed::{
    s3::{S3Server, StoredObject},
    servers::peer_or_skip,
};

use crate::{
    buckets::{Held, Times, Written, content, held, of_the_right_age, plant, remotes},
    cases::{Case, Flags, case},
    excuses::{Left, NOTHING, is_chance, kept_again, lost, not_older, of_other_times},
    folders::{self, Extra, Found, Thing, extras, files, found, without_the_empty},
    ours, same, text, time,
};

const FLAGS: Flags = Flags {
    comparison: &["", "", "--size-only", "--checksum", "--update", "--ignore-existing", "--ignore-times"],
    other: &["", "", "--max-size=2B", "--min-size=1B", "--delete-excluded", "--ignore-case"],
};

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differential/mixed.seeds");

/// Two servers and their `rclone.conf`; each run has buckets and a directory of its own.
struct Stage {
    // Servers run on it.
    _runtime: Runtime,
    servers: [S3Server; 2],
    root: TempDir,
    runs: AtomicU32,
}

impl Stage {
    fn new() -> Self {
        let runtime = Runtime::new().unwrap();
        let start = || runtime.block_on(S3Server::builder().start()).unwrap();
        let servers = [start(), start()];
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("rclone.conf"), remotes(&servers)).unwrap();
        Self { _runtime: runtime, servers, root, runs: AtomicU32::new(0) }
    }

    /// Buckets' names begin with it, and the directory has it.
    fn number(&self) -> (String, PathBuf) {
        let number = self.runs.fetch_add(1, Ordering::Relaxed).to_string();
        let folder = self.root.path().join(&number);
        (format!("bucket-{number}"), folder)
    }

    fn run(&self, program: &Path, case: &Case, ends: [&str; 2], kept: &str, more: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", self.root.path()).arg("--config").arg(self.root.path().join("rclone.conf"));
        command.arg(case.command).args(ends).args(case.flags(self.root.path(), kept)).args(more);
        command.output().unwrap()
    }
}

/// Keys that only name folders.
fn markers() -> impl Strategy<Value = BTreeSet<&'static str>> {
    let marker = prop::sample::select(vec!["a/", "a/b/", "b/", "ab/", "e/", "e/f/", "a b/"]);
    prop::collection::btree_set(marker, 0..3)
}

fn mark(server: &S3Server, bucket: &str, markers: &BTreeSet<&str>) {
    markers
        .iter()
        .for_each(|marker| server.store().put(bucket, marker, StoredObject::new("").modified_at(time(1).into())));
}

/// rclone asks each object for its time unless it is told not to; we go by listings.
fn by_listings(case: &Case) -> &'static [&'static str] {
    if case.age.is_some() || case.has("--update") { &["--use-server-modtime"] } else { &[] }
}

#[test]
fn a_bucket_arrives_on_disk_as_rclone_would_have_brought_it() {
    let test = "a_bucket_arrives_on_disk_as_rclone_would_have_brought_it";
    let Some(rclone) = peer_or_skip("rclone", test).unwrap() else { return };
    let stage = Stage::new();
    let folders = prop::collection::vec(prop::sample::select(vec!["a", "e", "e/f", "ab/g"]), 0..2);
    let strategy = (case(&FLAGS), any::<bool>(), markers(), folders);
    same(60, SEEDS, test, &strategy, |(case, mtime, markers, folders)| {
        let from = Times { written: Written::Then, mtime };
        let folders: Vec<Extra> = folders.into_iter().map(Extra::Folder).collect();
        let run = |program: &Path, more: &[&str]| {
            let (bucket, folder) = stage.number();
            let [to, kept] = ["destination", "kept"].map(|name| folder.join(name));
            plant(&stage.servers[0], &bucket, &case.source, from, "red");
            mark(&stage.servers[0], &bucket, &markers);
            folders::plant(&to, &case.destination, &folders);
            let before = found(&to);
            let ends = [&format!("source:{bucket}"), to.to_str().unwrap()];
            let output = stage.run(program, &case, ends, kept.to_str().unwrap(), more);
            (output, before, Left { destination: timed(&case, mtime, found(&to)), kept: files(found(&kept)) })
        };
        let (theirs, _, mut there) = run(&rclone, by_listings(&case));
        let (ours, before, mut here) = run(&ours(), case.guards());
        let told = || format!("rclone: {}\nours: {}", text(&theirs), text(&ours));
        prop_assert_eq!(lost(&case, &here), NOTHING, "{}", told());
        if is_chance(&case) {
            return Ok(());
        }
        prop_assert_eq!(theirs.status.success(), ours.status.success(), "{}", told());
        not_older(&case, [&|minutes| from.listed(minutes), &time], &mut there, &mut here);
        kept_again(&case, &mut there, &mut here);
        let keys = case.source.keys().map(String::as_str).chain(markers.iter().copied());
        let folders: Vec<String> = keys.filter_map(|key| key.rfind('/').map(|end| key[..end].to_owned())).collect();
        without_the_empty(&folders, &before, &mut there.destination, &mut here.destination);
        prop_assert_eq!(there.destination, here.destination, "the destination, {}", told());
        prop_assert_eq!(there.kept, here.kept, "what is kept, {}", told());
        Ok(())
    });
}

/// With the times made the same that rclone may change alone, and those that it was told not to look for.
fn timed(case: &Case, mtime: bool, mut found: Found) -> Found {
    let unseen = mtime && !by_listings(case).is_empty();
    let changed = of_other_times(case);
    for (path, thing) in &mut found {
        if let Thing::File(_, modified) = thing
            && (unseen || changed.contains(path.as_str()))
        {
            *modified = time(0);
        }
    }
    found
}

#[test]
fn a_directory_arrives_in_a_bucket_as_rclone_would_have_brought_it() {
    let test = "a_directory_arrives_in_a_bucket_as_rclone_would_have_brought_it";
    let Some(rclone) = peer_or_skip("rclone", test).unwrap() else { return };
    let stage = Stage::new();
    let written = prop::sample::select(vec![Written::Between, Written::Now]);
    let to = (written, any::<bool>()).prop_map(|(written, mtime)| Times { written, mtime });
    let strategy = (case(&FLAGS), to, markers(), extras());
    same(60, SEEDS, test, &strategy, |(case, to, markers, [extras, _])| {
        let run = |program: &Path, case: &Case, more: &[&str]| {
            let (bucket, folder) = stage.number();
            let kept = format!("kept-{bucket}");
            folders::plant(&folder, &case.source, &extras);
            plant(&stage.servers[1], &bucket, &case.destination, to, "blue");
            mark(&stage.servers[1], &bucket, &markers);
            stage.servers[1].store().create_bucket(&kept);
            let ends = [folder.to_str().unwrap(), &format!("destination:{bucket}")];
            let output = stage.run(program, case, ends, &format!("destination:{kept}"), more);
            (output, [&bucket, &kept].map(|bucket| unmarked(held(&stage.servers[1], bucket))))
        };
        let (theirs, [there, their_kept]) = run(&rclone, &of_the_right_age(&case, time), by_listings(&case));
        let (ours, [here, our_kept]) = run(&ours(), &case, case.guards());
        let (one, other) = (text(&theirs), text(&ours));
        let told = || format!("rclone: {one}\nours: {other}");
        let succeeded = [&theirs, &ours].map(|output| output.status.success());
        let mut theirs = Left { destination: content(&there), kept: content(&their_kept) };
        let mut ours = Left { destination: content(&here), kept: content(&our_kept) };
        prop_assert_eq!(lost(&case, &ours), NOTHING, "{}", told());
        if is_chance(&case) {
            return Ok(());
        }
        prop_assert_eq!(succeeded[0], succeeded[1], "{}", told());
        not_older(&case, [&time, &|minutes| to.listed(minutes)], &mut theirs, &mut ours);
        kept_again(&case, &mut theirs, &mut ours);
        prop_assert_eq!(&theirs.destination, &ours.destination, "the destination, {}", told());
        prop_assert_eq!(theirs.kept, ours.kept, "what is kept, {}", told());
        for (path, (source, _)) in &case.source {
            let arrived = [&there, &here].map(|held| held.get(path).map(|(_, attributes)| attributes));
            let before = case.destination.get(path).map(|(content, _)| content);
            // What was replaced by one alone, or not at all, tells nothing of how it is copied.
            if ours.destination.contains_key(path) && before != Some(source) {
                prop_assert_eq!(arrived[0], arrived[1], "{}: {}", path, told());
            }
        }
        Ok(())
    });
}

/// Without the markers of folders. rclone passes over them; here they are objects like others.
fn unmarked(mut held: Held) -> Held {
    held.retain(|key, _| !key.ends_with('/') && !key.ends_with("/.old") && !key.ends_with("/-old"));
    // A file's type is told by its name, by rclone alone.
    held.values_mut().for_each(|(_, attributes)| attributes.content_type = None);
    held
}
