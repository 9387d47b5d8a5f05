//! Between directories.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use proptest::prelude::*;
use transship_testbed::servers::peer_or_skip;

use crate::{
    cases::{Case, Flags, Kept, Listed, case, filter, tree},
    excuses::{Left, NOTHING, is_chance, kept_again, lost},
    folders::{Extras, Found, Thing, extras, files, found, staged, without_the_empty},
    ours, same, text,
};

const FLAGS: Flags = Flags {
    comparison: &[
        "",
        "",
        "--size-only",
        "--checksum",
        "--update",
        "--ignore-existing",
        "--ignore-times",
        "--immutable",
        "--modify-window=61s",
    ],
    other: &["", "", "--max-size=2B", "--min-size=1B", "--delete-excluded", "--ignore-case"],
};

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differential/disks.seeds");

fn run(program: &Path, case: &Case, root: &Path, source: &str, more: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", root).env("RCLONE_CONFIG", "");
    command.arg(case.command).arg(root.join(source)).arg(root.join("destination"));
    command.args(case.flags(root, root.join("kept").to_str().unwrap())).args(more).output().unwrap()
}

/// What was at the destination, and what a run left: its source, what lies outside, and its destination.
struct After {
    before: Found,
    /// Nothing was done at the source nor outside.
    untouched: bool,
    source: Found,
    outside: Found,
    left: Left<Thing>,
}

fn is_below_a_link(found: &Found, path: &str) -> bool {
    path.match_indices('/').any(|(end, _)| matches!(found.get(&path[..end]), Some(Thing::Link(_))))
}

/// The same run by both, each in its own place: how each ended, and what it left.
fn both(rclone: &Path, case: &Case, extras: &Extras, source: &str) -> [(Output, After); 2] {
    [(rclone, &[][..]), (&ours(), case.guards())].map(|(program, more)| {
        let root = staged(case, extras);
        let found = |folder: &str| found(&root.path().join(folder));
        let [before, other, far] = ["destination", "source", "outside"].map(found);
        let output = run(program, case, root.path(), source, more);
        let left = Left { destination: found("destination"), kept: files(found("kept")) };
        let (source, outside) = (found("source"), found("outside"));
        let untouched = source == other && outside == far;
        (output, After { before, untouched, source, outside, left })
    })
}

#[test]
fn a_destination_on_disk_is_what_rclone_would_have_made() {
    let test = "a_destination_on_disk_is_what_rclone_would_have_made";
    let Some(rclone) = peer_or_skip("rclone", test).unwrap() else { return };
    same(250, SEEDS, test, &(case(&FLAGS), extras()), |(case, extras)| {
        let [(theirs, mut there), (ours, mut here)] = both(&rclone, &case, &extras, "source");
        let told = || format!("rclone: {}\nours: {}", text(&theirs), text(&ours));
        prop_assert_eq!(lost(&case, &here.left), NOTHING, "{}", told());
        if is_chance(&case) {
            return Ok(());
        }
        // Nothing is written through a link: what would have to be has failed.
        if case.source.keys().any(|path| is_below_a_link(&here.before, path)) && !ours.status.success() {
            prop_assert!(here.untouched, "{}", told());
            return Ok(());
        }
        prop_assert_eq!(theirs.status.success(), ours.status.success(), "{}", told());
        kept_again(&case, &mut there.left, &mut here.left);
        let is_folder = |(path, thing): (&String, &Thing)| (*thing == Thing::Folder).then(|| path.clone());
        let folders: Vec<String> = here.source.iter().filter_map(is_folder).collect();
        without_the_empty(&folders, &here.before, &mut there.left.destination, &mut here.left.destination);
        prop_assert_eq!(there.source, here.source, "the source, {}", told());
        prop_assert_eq!(there.outside, here.outside, "outside, {}", told());
        prop_assert_eq!(there.left.destination, here.left.destination, "the destination, {}", told());
        prop_assert_eq!(there.left.kept, here.left.kept, "what is kept, {}", told());
        Ok(())
    });
}

/// One file, into a folder.
#[test]
fn one_file_goes_where_rclone_puts_it() {
    let test = "one_file_goes_where_rclone_puts_it";
    let Some(rclone) = peer_or_skip("rclone", test).unwrap() else { return };
    same(30, SEEDS, test, &(case(&FLAGS), any::<prop::sample::Index>(), extras()), |(mut case, which, extras)| {
        prop_assume!(!case.source.is_empty());
        // Of one file rclone calls it success when it must not be replaced.
        case.flags.retain(|flag| FLAGS.comparison.contains(&flag.as_str()) && flag != "--immutable");
        (case.listed, case.kept, case.age) = (Listed::Nothing, Kept::Not, None);
        let (path, _) = which.get(&case.source.iter().collect::<Vec<_>>()).to_owned();
        let name = path.rsplit('/').next().unwrap_or_default();
        let [(theirs, there), (ours, here)] = both(&rclone, &case, &extras, &format!("source/{path}"));
        let told = || format!("rclone: {}\nours: {}", text(&theirs), text(&ours));
        prop_assert_eq!(theirs.status.success(), ours.status.success(), "{}", told());
        prop_assert_eq!(there.outside, here.outside, "outside, {}", told());
        // Of one file rclone judges a link of its name, which among several files it takes no notice of.
        let judges = ["--update", "--ignore-existing"].iter().any(|flag| case.has(flag));
        if judges && matches!(here.before.get(name), Some(Thing::Link(_))) {
            return Ok(());
        }
        prop_assert_eq!(there.left, here.left, "the destination, {}", told());
        Ok(())
    });
}

/// What `check` finds.
#[test]
fn what_differs_is_what_rclone_finds() {
    let test = "what_differs_is_what_rclone_finds";
    let Some(rclone) = peer_or_skip("rclone", test).unwrap() else { return };
    let flag = prop::sample::select(vec!["", "--size-only", "--one-way", "--download"]);
    same(
        60,
        SEEDS,
        test,
        &(tree(), tree(), filter(), flag, extras()),
        |(source, destination, mut flags, flag, extras)| {
            flags.extend(Some(flag.to_owned()).filter(|flag| !flag.is_empty()));
            let (kept, listed, age) = (Kept::Not, Listed::Nothing, None);
            let case = Case { command: "check", source, destination, flags, age, kept, listed };
            let root = staged(&case, &extras);
            let lines = |program: &Path| {
                let files = ["combined", "differ", "match", "missing-on-src", "missing-on-dst"];
                let place = |file: &str| root.path().join(file).to_str().unwrap().to_owned();
                let flags: Vec<String> = files.iter().map(|file| format!("--{file}={}", place(file))).collect();
                let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
                let output = run(program, &case, root.path(), "source", &flags);
                let held = files.map(|file| {
                    // rclone writes pictures of the end of a line and of a tab in a name.
                    let text = fs::read_to_string(place(file)).unwrap();
                    let text = text.replace("n\\nl", "n\u{240a}l").replace("n\nl", "n\u{240a}l");
                    let text = text.replace("t\\tb", "t\u{2409}b").replace("t\tb", "t\u{2409}b");
                    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                    lines.sort();
                    lines
                });
                (output.status.success(), held, text(&output))
            };
            let (theirs, ours) = (lines(&rclone), lines(&ours()));
            prop_assert_eq!((&theirs.0, &theirs.1), (&ours.0, &ours.1), "rclone: {}\nours: {}", theirs.2, ours.2);
            Ok(())
        },
    );
}
