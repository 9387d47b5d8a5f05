//! Between directories.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::SystemTime,
};

use proptest::prelude::*;
use tempfile::TempDir;
use transship_testbed::servers::peer_or_skip;

use crate::{
    cases::{Case, Flags, Kept, Listed, Tree, case, filter, tree},
    ours, runner, text, time,
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
    other: &[
        "",
        "",
        "--max-size=2B",
        "--min-size=1B",
        "--delete-excluded",
        "--ignore-case",
        "--max-age=2023-11-14T22:14:00",
        "--min-age=2023-11-14T22:14:00",
    ],
};

/// What a file holds, and its time.
type Found = BTreeMap<PathBuf, (String, SystemTime)>;

fn plant(root: &Path, tree: &Tree) {
    fs::create_dir_all(root).unwrap();
    for (path, (content, minutes)) in tree {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        File::options().append(true).open(&path).unwrap().set_modified(time(*minutes)).unwrap();
    }
}

fn found(root: &Path) -> Found {
    let mut found = Found::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        // rclone makes no folder for nothing.
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let (content, meta) = (fs::read_to_string(&path).unwrap(), path.metadata().unwrap());
                found.insert(path.strip_prefix(root).unwrap().to_owned(), (content, meta.modified().unwrap()));
            }
        }
    }
    found
}

fn run(program: &Path, case: &Case, root: &Path, source: &str, more: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", root).env("RCLONE_CONFIG", "");
    command.arg(case.command).arg(root.join(source)).arg(root.join("destination"));
    command.args(case.flags(root, root.join("kept").to_str().unwrap())).args(more).output().unwrap()
}

fn staged(case: &Case) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    plant(&root.path().join("source"), &case.source);
    plant(&root.path().join("destination"), &case.destination);
    root
}

/// Where only the time differed, rclone changes that, and nothing is replaced that would have to be kept.
fn without_the_same(mut kept: Found, destination: &Found) -> Found {
    kept.retain(|path, (content, _)| {
        let name = path.to_str().unwrap().replace(".old", "").replace("-old", "");
        destination.get(Path::new(&name)).is_none_or(|(now, _)| now != content)
    });
    kept
}

#[test]
fn a_destination_on_disk_is_what_rclone_would_have_made() {
    let test = "a_destination_on_disk_is_what_rclone_would_have_made";
    let Some(rclone) = peer_or_skip("rclone", test).unwrap() else { return };
    runner(300)
        .run(&case(&FLAGS), |case| {
            let roots = [staged(&case), staged(&case)];
            let theirs = run(&rclone, &case, roots[0].path(), "source", &[]);
            let ours = run(&ours(), &case, roots[1].path(), "source", case.guards());
            let told = || format!("rclone: {}\nours: {}", text(&theirs), text(&ours));
            prop_assert_eq!(theirs.status.success(), ours.status.success(), "{}", told());
            let [(there, their_kept), (here, our_kept)] = roots.map(|root| {
                let destination = found(&root.path().join("destination"));
                let destination = if let Kept::Beside(_) = case.kept {
                    without_the_same(destination.clone(), &destination)
                        .into_iter()
                        .chain(
                            destination
                                .clone()
                                .into_iter()
                                .filter(|(path, _)| !path.to_str().unwrap().contains(".old")),
                        )
                        .collect()
                } else {
                    destination
                };
                let kept = without_the_same(found(&root.path().join("kept")), &destination);
                (destination, kept)
            });
            prop_assert_eq!(there, here, "{}", told());
            prop_assert_eq!(their_kept, our_kept, "{}", told());
            Ok(())
        })
        .unwrap();
}

/// One file, into a folder.
#[test]
fn one_file_goes_where_rclone_puts_it() {
    let Some(rclone) = peer_or_skip("rclone", "one_file_goes_where_rclone_puts_it").unwrap() else { return };
    runner(30)
        .run(&(case(&FLAGS), any::<prop::sample::Index>()), |(mut case, which)| {
            prop_assume!(!case.source.is_empty());
            // Of one file rclone calls it success when it must not be replaced.
            case.flags.retain(|flag| FLAGS.comparison.contains(&flag.as_str()) && flag != "--immutable");
            (case.listed, case.kept) = (Listed::Nothing, Kept::Not);
            let (path, _) = which.get(&case.source.iter().collect::<Vec<_>>()).to_owned();
            let source = format!("source/{path}");
            let roots = [staged(&case), staged(&case)];
            let theirs = run(&rclone, &case, roots[0].path(), &source, &[]);
            let ours = run(&ours(), &case, roots[1].path(), &source, case.guards());
            let told = || format!("rclone: {}\nours: {}", text(&theirs), text(&ours));
            prop_assert_eq!(theirs.status.success(), ours.status.success(), "{}", told());
            let [there, here] = roots.map(|root| found(&root.path().join("destination")));
            prop_assert_eq!(there, here, "{}", told());
            Ok(())
        })
        .unwrap();
}

/// What `check` finds.
#[test]
fn what_differs_is_what_rclone_finds() {
    let Some(rclone) = peer_or_skip("rclone", "what_differs_is_what_rclone_finds").unwrap() else { return };
    let flag = prop::sample::select(vec!["", "--size-only", "--one-way", "--download"]);
    runner(60)
        .run(&(tree(), tree(), filter(), flag), |(source, destination, mut flags, flag)| {
            flags.extend(Some(flag.to_owned()).filter(|flag| !flag.is_empty()));
            let (kept, listed) = (Kept::Not, Listed::Nothing);
            let case = Case { command: "check", source, destination, flags, kept, listed };
            let root = staged(&case);
            let lines = |program: &Path| {
                let files = ["combined", "differ", "match", "missing-on-src", "missing-on-dst"];
                let place = |file: &str| root.path().join(file).to_str().unwrap().to_owned();
                let flags: Vec<String> = files.iter().map(|file| format!("--{file}={}", place(file))).collect();
                let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
                let output = run(program, &case, root.path(), "source", &flags);
                let held = files.map(|file| {
                    let text = fs::read_to_string(place(file)).unwrap();
                    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                    lines.sort();
                    lines
                });
                (output.status.success(), held, text(&output))
            };
            let (theirs, ours) = (lines(&rclone), lines(&ours()));
            prop_assert_eq!((&theirs.0, &theirs.1), (&ours.0, &ours.1), "rclone: {}\nours: {}", theirs.2, ours.2);
            Ok(())
        })
        .unwrap();
}
