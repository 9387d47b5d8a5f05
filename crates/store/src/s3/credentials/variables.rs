use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use ring::digest;
use transship_types::Secret;

/// The environment variables that the caller handed over. An empty one counts as not set, as with AWS's own tools.
#[derive(Clone, Debug, Default)]
pub(super) struct Variables(BTreeMap<String, Secret>);

impl Variables {
    pub(super) fn new(variables: &BTreeMap<String, Secret>) -> Self {
        Self(variables.clone())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(Secret::expose).filter(|value| !value.is_empty())
    }

    /// The first of `names` that is set, with its name.
    pub(super) fn first<'a>(&self, names: &[&'a str]) -> Option<(&'a str, &str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.trim().eq_ignore_ascii_case("true"))
    }

    /// Equal where all variables are; does not show them.
    pub(super) fn fingerprint(&self) -> String {
        let mut digest = digest::Context::new(&digest::SHA256);
        for (name, value) in &self.0 {
            for text in [name.as_str(), value.expose()] {
                digest.update(&text.len().to_le_bytes());
                digest.update(text.as_bytes());
            }
        }
        hex::encode(&digest.finish().as_ref()[..8])
    }

    /// Where `~` is.
    pub(super) fn home(&self) -> Option<&Path> {
        self.first(&["HOME", "USERPROFILE"]).map(|(_, path)| Path::new(path))
    }

    /// A path from a variable or a profile, with a leading `~/` resolved.
    pub(super) fn path(&self, given: &str) -> PathBuf {
        match (given.strip_prefix("~/"), self.home()) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(given),
        }
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&str, &str); N]> for Variables {
    fn from(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.to_owned(), Secret::new(value))).collect())
    }
}

/// `A, B or C`, for error lines.
pub(super) fn either<T: fmt::Display>(choices: &[T]) -> String {
    match choices {
        [] => String::new(),
        [one] => one.to_string(),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(ToString::to_string).collect();
            format!("{} or {last}", first.join(", "))
        }
    }
}
