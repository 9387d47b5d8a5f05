//! What is tried: trees, filters and flags.

use std::{collections::BTreeMap, path::Path};

use proptest::prelude::*;

use crate::ages::{Age, age};

/// Content, and minutes of its time, by path.
pub(crate) type Tree = BTreeMap<String, (String, u64)>;

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) command: &'static str,
    pub(crate) source: Tree,
    pub(crate) destination: Tree,
    pub(crate) flags: Vec<String>,
    pub(crate) age: Option<Age>,
    pub(crate) kept: Kept,
    pub(crate) listed: Listed,
}

/// What becomes of what is replaced or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Not,
    Elsewhere(Naming),
    Beside(Naming),
}

/// What a kept object's name gets besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    Same,
    Behind,
    BeforeExtension,
}

/// Filters that a file holds.
#[derive(Clone, Debug)]
pub(crate) enum Listed {
    Nothing,
    Rules(Vec<String>),
    Files(Vec<String>),
}

impl Case {
    /// All flags, with the files that they name below `root`; `kept` is what `--backup-dir` names.
    pub(crate) fn flags(&self, root: &Path, kept: &str) -> Vec<String> {
        let mut flags = self.flags.clone();
        let mut file = |flag: &str, lines: &[String]| {
            let file = root.join("listed");
            std::fs::write(&file, format!("# a comment\n\n{}\n", lines.join("\n"))).unwrap();
            flags.extend([flag.to_owned(), file.to_str().unwrap().to_owned()]);
        };
        match &self.listed {
            Listed::Nothing => {}
            Listed::Rules(rules) => file("--filter-from", rules),
            Listed::Files(paths) => file("--files-from", paths),
        }
        flags.extend(self.age.map(Age::flag));
        let naming = match self.kept {
            Kept::Not => return flags,
            Kept::Elsewhere(naming) => {
                flags.push(format!("--backup-dir={kept}"));
                naming
            }
            Kept::Beside(naming) => naming,
        };
        flags.extend(naming.flags().iter().map(|&flag| flag.to_owned()));
        flags
    }

    pub(crate) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }

    pub(crate) fn is_unlisted(&self) -> bool {
        matches!(self.listed, Listed::Nothing)
    }

    /// rclone has no such guards.
    pub(crate) fn guards(&self) -> &'static [&'static str] {
        if self.command == "sync" { &["--allow-empty-source", "--max-delete=100%"] } else { &[] }
    }
}

impl Naming {
    fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Same => &[],
            Self::Behind => &["--suffix=.old"],
            Self::BeforeExtension => &["--suffix=-old", "--suffix-keep-extension"],
        }
    }

    /// What an object is kept as.
    pub(crate) fn of(self, path: &str) -> String {
        match self {
            Self::Same => path.to_owned(),
            Self::Behind => format!("{path}.old"),
            Self::BeforeExtension => {
                let name = path.rfind('/').map_or(0, |slash| slash + 1);
                let tar = path.strip_suffix(".tar.gz").map(str::len);
                let dot = tar.or(path[name..].rfind('.').map(|dot| name + dot)).unwrap_or(path.len());
                format!("{}-old{}", &path[..dot], &path[dot..])
            }
        }
    }
}

/// As long as names may be, with room for a suffix.
const LONG: &str = concat!(
    "l23456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567",
    "890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901.x"
);

/// Folders have no dot but at their beginning and files do elsewhere, so that no path is both.
pub(crate) fn path() -> impl Strategy<Value = String> {
    let folder = prop_oneof![
        8 => prop::sample::select(vec!["a", "b", "ab", "é", "a b"]),
        1 => prop::sample::select(vec![".hidden", "d#2"]),
    ];
    let file = prop_oneof![
        8 => prop::sample::select(vec!["a.x", "b.x", "ab.y", "é.y", "[a].x", "a+b.y", "a.tar.gz"]),
        2 => prop::sample::select(vec!["a.x.old", "a-old.x", "b.x-old", "a-old.tar.gz", "ab.y.old"]),
        2 => prop::sample::select(vec!["a.x#1", "a.#", ".b.x", "n\nl.x", "t\tb.x", " s .x", LONG]),
    ];
    (prop::collection::vec(folder, 0..3), file).prop_map(|(mut folders, file)| {
        folders.push(file);
        folders.join("/")
    })
}

pub(crate) fn tree() -> impl Strategy<Value = Tree> {
    prop::collection::btree_map(path(), ("[xy]{0,3}", 0_u64..3), 0..12)
}

fn pattern() -> impl Strategy<Value = String> {
    let parts = vec!["a", "b", "*", "**", "?", "*.x", "*.{x,y}", "[ab]*", "é", "a b", "a.x", "{{[ab]+}}", "\\[a\\].x"];
    let part = prop::sample::select(parts);
    (prop::bool::ANY, prop::collection::vec(part, 1..4), prop::bool::weighted(0.2)).prop_map(|(root, parts, folder)| {
        format!("{}{}{}", if root { "/" } else { "" }, parts.join("/"), if folder { "/" } else { "" })
    })
}

pub(crate) fn filter() -> impl Strategy<Value = Vec<String>> {
    let flag = prop::sample::select(vec!["--include", "--exclude", "--filter +", "--filter -"]);
    let rule = (flag, pattern()).prop_map(|(flag, pattern)| match flag.split_once(' ') {
        Some((flag, sign)) => [flag.to_owned(), format!("{sign} {pattern}")],
        None => [flag.to_owned(), pattern],
    });
    prop::collection::vec(rule, 0..4).prop_map(|rules| rules.into_iter().flatten().collect())
}

fn listed() -> impl Strategy<Value = Listed> {
    let sign = prop::sample::select(vec!["+", "-"]);
    let rule = (sign, pattern()).prop_map(|(sign, pattern)| format!("{sign} {pattern}"));
    // A line cannot hold the end of one, and rclone does not find a file with a tab in its name by a list.
    let path = path().prop_filter("a path on one line", |path| !path.contains(['\n', '\t']));
    prop_oneof![
        4 => Just(Listed::Nothing),
        1 => prop::collection::vec(rule, 0..4).prop_map(Listed::Rules),
        1 => prop::collection::vec(path, 0..6).prop_map(Listed::Files),
    ]
}

fn kept() -> impl Strategy<Value = Kept> {
    let naming = prop::sample::select(vec![Naming::Same, Naming::Behind, Naming::BeforeExtension]);
    let beside = prop::sample::select(vec![Naming::Behind, Naming::BeforeExtension]);
    prop_oneof![4 => Just(Kept::Not), 3 => naming.prop_map(Kept::Elsewhere), 2 => beside.prop_map(Kept::Beside)]
}

/// Flags of which one is given at most, for one kind of ends.
pub(crate) struct Flags {
    pub(crate) comparison: &'static [&'static str],
    pub(crate) other: &'static [&'static str],
}

pub(crate) fn case(flags: &Flags) -> impl Strategy<Value = Case> + use<> {
    let comparison = prop::sample::select(flags.comparison);
    let other = prop::sample::select(flags.other);
    let other = prop_oneof![3 => other.prop_map(|other| (other, None)), 1 => age().prop_map(|age| ("", Some(age)))];
    let command = prop::sample::select(vec!["sync", "copy"]);
    (command, tree(), tree(), filter(), comparison, other, kept(), listed()).prop_map(
        |(command, source, destination, filter, comparison, (other, age), kept, listed)| {
            let deletes = command == "sync" || other != "--delete-excluded";
            let alone = matches!(listed, Listed::Files(_));
            let mut flags = if alone { Vec::new() } else { filter };
            let more = [comparison, if deletes && !alone { other } else { "" }];
            flags.extend(more.into_iter().filter(|flag| !flag.is_empty()).map(str::to_owned));
            let age = age.filter(|_| !alone);
            let mut source = source;
            if let Kept::Beside(naming) = kept {
                // Where something comes from the source and is kept under one name, the one that is last is there.
                destination.keys().for_each(|path| drop(source.remove(&naming.of(path))));
            }
            Case { command, source, destination, flags, age, kept, listed }
        },
    )
}
