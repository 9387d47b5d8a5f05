//! Directories: what is planted in them, and what is found there.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::SystemTime,
};

use proptest::prelude::*;
use tempfile::TempDir;

use crate::{
    cases::{Case, Tree},
    excuses::Content,
    time,
};

/// What is neither a file nor an object: an empty directory or a symbolic link.
#[derive(Clone, Debug)]
pub(crate) enum Extra {
    Folder(&'static str),
    Link(&'static str, &'static str),
}

/// What is beside the files of the source and of the destination.
pub(crate) type Extras = [Vec<Extra>; 2];

/// What is found at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Thing {
    File(String, SystemTime),
    Link(PathBuf),
    Folder,
}

pub(crate) type Found = BTreeMap<String, Thing>;

impl Content for Thing {
    fn content(&self) -> &[u8] {
        match self {
            Self::File(content, _) => content.as_bytes(),
            Self::Link(_) | Self::Folder => b"no file",
        }
    }
}

pub(crate) fn extras() -> impl Strategy<Value = Extras> {
    let some = || prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(extra(), 1..4)];
    [some(), some()]
}

fn extra() -> impl Strategy<Value = Extra> {
    let folder = prop::sample::select(vec!["a", "b", "e", "a/e", "ab/e/f", ".hidden/e"]);
    let place = prop::sample::select(vec!["l.x", "l", "a", "a.x", "b/l.x", "b/l", "ab/l/m"]);
    // Files and directories of the tree, above and below, and outside; some lead nowhere, and some to themselves.
    let target = prop::sample::select(vec![
        "a.x",
        "b",
        "../a",
        "../a.x",
        ".",
        "..",
        "../outside",
        "../outside/b.x",
        "../../outside",
        "../../outside/b.x",
        "nowhere",
        "l",
    ]);
    prop_oneof![
        1 => folder.prop_map(Extra::Folder),
        2 => (place, target).prop_map(|(place, target)| Extra::Link(place, target)),
    ]
}

pub(crate) fn plant(root: &Path, tree: &Tree, extras: &[Extra]) {
    fs::create_dir_all(root).unwrap();
    for (path, (content, minutes)) in tree {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        File::options().append(true).open(&path).unwrap().set_modified(time(*minutes)).unwrap();
    }
    for extra in extras {
        // What is in the way stays.
        match extra {
            Extra::Folder(path) => drop(fs::create_dir_all(root.join(path))),
            Extra::Link(path, target) => {
                let path = root.join(path);
                drop(fs::create_dir_all(path.parent().unwrap()).and_then(|()| symlink(target, path)));
            }
        }
    }
}

/// All that is there, links unfollowed.
pub(crate) fn found(root: &Path) -> Found {
    let mut found = Found::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        // rclone makes no folder for nothing.
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            let meta = path.symlink_metadata().unwrap();
            let thing = if meta.is_dir() {
                folders.push(path.clone());
                Thing::Folder
            } else if meta.is_symlink() {
                Thing::Link(fs::read_link(&path).unwrap())
            } else {
                Thing::File(fs::read_to_string(&path).unwrap(), meta.modified().unwrap())
            };
            found.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned(), thing);
        }
    }
    found
}

/// Without directories, which are made with their first file.
pub(crate) fn files(found: Found) -> Found {
    found.into_iter().filter(|(_, thing)| *thing != Thing::Folder).collect()
}

/// Takes away directories that hold no file, where both treat them in their own way: rclone removes those that the source
/// does not have. Here one goes with its last file, and stays where it had none. `source` and `before` are the directories
/// of the source, and what was at the destination.
pub(crate) fn without_the_empty(source: &[String], before: &Found, theirs: &mut Found, ours: &mut Found) {
    let below = |path: &str, folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    let holds =
        |found: &Found, folder: &str| found.iter().any(|(path, thing)| *thing != Thing::Folder && below(path, folder));
    let folders = |one: &Found, other: &Found| -> Vec<String> {
        let alone = one.iter().filter(|(path, thing)| **thing == Thing::Folder && !other.contains_key(*path));
        alone.map(|(path, _)| path.clone()).filter(|path| !holds(one, path)).collect()
    };
    let stayed = folders(ours, theirs);
    let were_empty = |folder: &String| before.get(folder) == Some(&Thing::Folder) && !holds(before, folder);
    let excused =
        |folder: &String| were_empty(folder) || stayed.iter().any(|other| below(other, folder) && were_empty(other));
    stayed.iter().filter(|folder| excused(folder)).for_each(|folder| drop(ours.remove(folder)));
    for folder in folders(theirs, ours) {
        if source.iter().any(|path| *path == folder || below(path, &folder)) {
            theirs.remove(&folder);
        }
    }
}

/// A source, a destination, and what lies outside both.
pub(crate) fn staged(case: &Case, [source, destination]: &Extras) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let outside = ["a.x", "b.x", "in/a.x"].map(|path| (path.to_owned(), ("outside".to_owned(), 1)));
    plant(&root.path().join("outside"), &outside.into(), &[]);
    plant(&root.path().join("source"), &case.source, source);
    plant(&root.path().join("destination"), &case.destination, destination);
    root
}
