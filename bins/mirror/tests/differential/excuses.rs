//! What may differ in what both leave: what is kept though nothing is lost, and what a bucket's listing cannot tell.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::SystemTime,
};

use crate::cases::{Case, Kept};

/// What a run left at the destination and where it keeps what was there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Left<V> {
    pub(crate) destination: BTreeMap<String, V>,
    pub(crate) kept: BTreeMap<String, V>,
}

/// As many as may be lost.
pub(crate) const NOTHING: [&str; 0] = [];

/// What holds bytes.
pub(crate) trait Content {
    fn content(&self) -> &[u8];
}

impl Content for Vec<u8> {
    fn content(&self) -> &[u8] {
        self
    }
}

/// What was kept though nothing but its time was to change.
///
/// rclone sets the time of a file or object whose content is the source's, and keeps nothing. Here it is copied again, and
/// what was there is kept, whose content is the new one's, too: nothing is lost. It is no excuse for anything that holds
/// something else than the source does, or that is missing.
pub(crate) fn kept_again<V: Content>(case: &Case, theirs: &mut Left<V>, ours: &mut Left<V>) {
    for (path, (content, minutes)) in &case.destination {
        let source = case.source.get(path);
        if source.is_some_and(|(source, time)| source == content && time != minutes) {
            one_was_kept(case, path, ours, theirs);
        }
    }
}

/// What a bucket's listing, or a directory's, cannot tell from what is at the other end: what is as large as its source and
/// not older is left as it is, whatever it holds, unless flags say how to compare. rclone reads it, and replaces it. The
/// times are those of listings, of the source and of the destination.
pub(crate) fn not_older<V: Content>(
    case: &Case,
    [from, to]: [&dyn Fn(u64) -> SystemTime; 2],
    theirs: &mut Left<V>,
    ours: &mut Left<V>,
) {
    const COMPARISONS: [&str; 5] = ["--size-only", "--checksum", "--update", "--ignore-existing", "--ignore-times"];
    if COMPARISONS.iter().any(|flag| case.has(flag)) {
        return;
    }
    for (path, (before, there)) in &case.destination {
        let Some((source, here)) = case.source.get(path) else { continue };
        let stays = source != before && source.len() == before.len() && to(*there) >= from(*here);
        let held = |left: &Left<V>, content: &str| {
            left.destination.get(path).is_some_and(|v| v.content() == content.as_bytes())
        };
        if stays && held(theirs, source) && held(ours, before) {
            theirs.destination.remove(path);
            ours.destination.remove(path);
            one_was_kept(case, path, theirs, ours);
        }
    }
}

/// Takes away what `one` has kept of a path, and `other` has not.
fn one_was_kept<V: Content>(case: &Case, path: &str, one: &mut Left<V>, other: &mut Left<V>) {
    let (name, before, [one, other]) = match case.kept {
        Kept::Not => return,
        Kept::Elsewhere(naming) => (naming.of(path), None, [&mut one.kept, &mut other.kept]),
        Kept::Beside(naming) => {
            let name = naming.of(path);
            let before = case.destination.get(&name).map(|(content, _)| content.as_bytes());
            (name, before, [&mut one.destination, &mut other.destination])
        }
    };
    let content = |left: &BTreeMap<String, V>| left.get(&name).map(|held| held.content().to_vec());
    let kept = case.destination[path].0.as_bytes();
    if content(one).as_deref() == Some(kept) && content(other).as_deref() == before {
        one.remove(&name);
        other.remove(&name);
    }
}

/// Paths that are the same at both ends but for their times, which rclone may change alone.
pub(crate) fn of_other_times(case: &Case) -> BTreeSet<&str> {
    let same = |(path, (content, _)): &(&String, &(String, u64))| {
        case.source.get(*path).is_some_and(|(source, _)| source == content)
    };
    case.destination.iter().filter(same).map(|(path, _)| path.as_str()).collect()
}

/// Whether something is to be kept under a name that is itself to be deleted. rclone does both at once: which of the two is
/// left, and whether the run succeeds, is a matter of chance.
pub(crate) fn is_chance(case: &Case) -> bool {
    case.command == "sync" && case.destination.keys().any(|path| is_name_of_another(case, path))
}

fn is_name_of_another(case: &Case, path: &str) -> bool {
    let Kept::Beside(naming) = case.kept else { return false };
    case.destination.keys().any(|other| naming.of(other) == path)
}

/// Where things are kept, all that was at the destination is there still, or is kept. What was there under a name that
/// something else is kept under now is gone, unless it was to be deleted itself. Limits of size and age are left out: what
/// they exclude at the destination alone is replaced as if it were not there, by rclone as well.
pub(crate) fn lost<V: Content>(case: &Case, left: &Left<V>) -> Vec<String> {
    let (naming, kept) = match case.kept {
        Kept::Not => return Vec::new(),
        _ if case.age.is_some() || case.flags.iter().any(|flag| flag.contains("-size=")) => return Vec::new(),
        Kept::Elsewhere(naming) => (naming, &left.kept),
        Kept::Beside(naming) => (naming, &left.destination),
    };
    let all = case.command == "sync" && case.flags.is_empty() && case.age.is_none() && case.is_unlisted();
    let mut lost = case.destination.clone();
    lost.retain(|path, (content, _)| {
        let is = |held: Option<&V>| held.is_some_and(|held| held.content() == content.as_bytes());
        let there = is(left.destination.get(path)) || is(kept.get(&naming.of(path)));
        !there && (all || !is_name_of_another(case, path))
    });
    lost.into_keys().collect()
}
