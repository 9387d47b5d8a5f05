//! What is tried: trees, filters and flags.

use std::{collections::BTreeMap, path::Path};

use proptest::prelude::*;

/// Content, and minutes of its time, by path.
pub(crate) type Tree = BTreeMap<String, (String, u64)>;

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) command: &'static str,
    pub(crate) source: Tree,
    pub(crate) destination: Tree,
    pub(crate) flags: Vec<String>,
    pub(crate) kept: Kept,
    pub(crate) listed: Listed,
}

/// What becomes of what is replaced or deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Not,
    Elsewhere(&'static [&'static str]),
    Beside(&'static [&'static str]),
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
        let more: &[&str] = match self.kept {
            Kept::Not => &[],
            Kept::Elsewhere(more) => {
                flags.push(format!("--backup-dir={kept}"));
                more
            }
            Kept::Beside(more) => more,
        };
        flags.extend(more.iter().map(|&flag| flag.to_owned()));
        flags
    }

    /// rclone has no such guards.
    pub(crate) fn guards(&self) -> &'static [&'static str] {
        if self.command == "sync" { &["--allow-empty-source", "--max-delete=100%"] } else { &[] }
    }
}

/// Folders have no dot and files do, so that no path is both.
pub(crate) fn path() -> impl Strategy<Value = String> {
    let folder = prop::sample::select(vec!["a", "b", "ab", "é", "a b"]);
    let file = prop::sample::select(vec!["a.x", "b.x", "ab.y", "é.y", "[a].x", "a+b.y", "a.tar.gz"]);
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
    prop_oneof![
        4 => Just(Listed::Nothing),
        1 => prop::collection::vec(rule, 0..4).prop_map(Listed::Rules),
        1 => prop::collection::vec(path(), 0..6).prop_map(Listed::Files),
    ]
}

fn kept() -> impl Strategy<Value = Kept> {
    prop_oneof![
        4 => Just(Kept::Not),
        1 => Just(Kept::Elsewhere(&[])),
        1 => Just(Kept::Elsewhere(&["--suffix=.old"])),
        1 => Just(Kept::Elsewhere(&["--suffix=-old", "--suffix-keep-extension"])),
        1 => Just(Kept::Beside(&["--suffix=.old"])),
    ]
}

/// Flags of which one is given at most, for one kind of ends.
pub(crate) struct Flags {
    pub(crate) comparison: &'static [&'static str],
    pub(crate) other: &'static [&'static str],
}

pub(crate) fn case(flags: &Flags) -> impl Strategy<Value = Case> + use<> {
    let comparison = prop::sample::select(flags.comparison);
    let other = prop::sample::select(flags.other);
    let command = prop::sample::select(vec!["sync", "copy"]);
    (command, tree(), tree(), filter(), comparison, other, kept(), listed()).prop_map(
        |(command, source, destination, filter, comparison, other, kept, listed)| {
            let deletes = command == "sync" || other != "--delete-excluded";
            let alone = matches!(listed, Listed::Files(_));
            let mut flags = if alone { Vec::new() } else { filter };
            let more = [comparison, if deletes && !alone { other } else { "" }];
            flags.extend(more.into_iter().filter(|flag| !flag.is_empty()).map(str::to_owned));
            Case { command, source, destination, flags, kept, listed }
        },
    )
}
