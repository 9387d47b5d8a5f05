//! Whether one place lies in another.

use std::path::{Path, PathBuf};

use transship::store::BucketSpec;

use crate::remotes::Opened;

/// How one place lies to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Relation {
    /// They have nothing to do with each other, as far as can be told.
    Apart,
    /// They are one place.
    Same,
    /// It is this folder of the other: `a/b/`.
    Inside(String),
    /// The other is a folder of it.
    Around,
}

/// How `one` lies to `other`.
pub(crate) fn relation(one: &Opened, other: &Opened) -> Relation {
    match (&one.location.bucket, &other.location.bucket) {
        (BucketSpec::Local(a), BucketSpec::Local(b)) => {
            let whole =
                |root: &Path, prefix: &str| format!("{}/", real(&root.join(prefix)).display()).replace("//", "/");
            by_text(&whole(&a.root, &one.place.prefix), &whole(&b.root, &other.place.prefix))
        }
        _ if one.place.bucket.location() != other.place.bucket.location() => Relation::Apart,
        _ => by_text(&one.place.prefix, &other.place.prefix),
    }
}

fn by_text(one: &str, other: &str) -> Relation {
    match one.strip_prefix(other) {
        Some("") => Relation::Same,
        Some(inside) => Relation::Inside(inside.to_owned()),
        None if other.starts_with(one) => Relation::Around,
        None => Relation::Apart,
    }
}

/// Whether a file lies in a local folder.
pub(crate) fn holds(place: &Opened, file: &str) -> bool {
    let BucketSpec::Local(spec) = &place.location.bucket else { return false };
    let Some(file) = std::path::absolute(file).ok().filter(|_| !file.contains("://")) else { return false };
    real(&file).starts_with(real(&spec.root.join(&place.place.prefix)))
}

/// Where a path leads, links followed as far as it is there.
fn real(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|part| Some((part.canonicalize().ok()?, path.strip_prefix(part).ok()?)));
    there.map_or_else(|| path.to_owned(), |(real, rest)| real.join(rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_compared_by_what_stands_before_their_keys() {
        assert_eq!(by_text("a/", "a/"), Relation::Same);
        assert_eq!(by_text("a/b/", "a/"), Relation::Inside("b/".to_owned()));
        assert_eq!(by_text("a/b/", ""), Relation::Inside("a/b/".to_owned()));
        assert_eq!(by_text("a/", "a/b/"), Relation::Around);
        assert_eq!(by_text("ab/", "a/"), Relation::Apart);
    }
}
