use std::{collections::BTreeSet, fmt, ops::Bound};

use time::OffsetDateTime;
use transship_types::Entry;

use super::{FilterError, Rules};

/// Bounds on size and age, each included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Bytes, at least.
    pub min_size: Option<u64>,
    /// Bytes, at most.
    pub max_size: Option<u64>,
    /// Modified at this time or later.
    pub modified_from: Option<OffsetDateTime>,
    /// Modified at this time or earlier.
    pub modified_to: Option<OffsetDateTime>,
}

/// Which objects take part.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    rules: Rules,
    limits: Limits,
    files: Option<BTreeSet<String>>,
}

/// Whether an object takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It does.
    Fits,
    /// It would if it were older, or newer.
    OtherAge,
    /// It does not, whatever its age.
    Excluded,
}

/// Why an object takes no part. What could be changed by its age comes last.
enum Exclusion<'f> {
    NotListed,
    Rule(&'f str),
    TooSmall,
    TooLarge,
    TooOld,
    TooNew,
}

impl fmt::Display for Exclusion<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotListed => f.write_str("it is not in the list of files"),
            Self::Rule(rule) => write!(f, "by the rule {rule:?}"),
            Self::TooSmall => f.write_str("it is too small"),
            Self::TooLarge => f.write_str("it is too large"),
            Self::TooOld => f.write_str("it is too old"),
            Self::TooNew => f.write_str("it is too new"),
        }
    }
}

/// Where the next path may be that takes part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// Anywhere.
    Anywhere,
    /// Only behind this text.
    Behind(String),
    /// Nowhere.
    Nowhere,
}

impl Filter {
    /// Everything that the rules include and that lies within the limits.
    ///
    /// # Errors
    /// `Contradiction`, where nothing could.
    pub fn new(rules: Rules, limits: Limits) -> Result<Self, FilterError> {
        let apart = |low: Option<u64>, high: Option<u64>| low.zip(high).is_some_and(|(low, high)| low > high);
        if apart(limits.min_size, limits.max_size) {
            return Err(FilterError::Contradiction("size"));
        }
        if limits.modified_from.zip(limits.modified_to).is_some_and(|(from, to)| from > to) {
            return Err(FilterError::Contradiction("time"));
        }
        Ok(Self { rules, limits, files: None })
    }

    /// Exactly these paths. A `/` at either end does not count.
    pub fn files(paths: impl IntoIterator<Item = String>) -> Self {
        let files = paths.into_iter().map(|path| path.trim_matches('/').to_owned()).collect();
        Self { files: Some(files), ..Self::default() }
    }

    /// How many paths it lists, where it is a list.
    pub fn listed(&self) -> Option<usize> {
        self.files.as_ref().map(BTreeSet::len)
    }

    /// Whether everything takes part.
    pub fn is_empty(&self) -> bool {
        self.files.is_none() && self.rules.is_empty() && self.limits == Limits::default()
    }

    /// Whether a path takes part, whatever its size and age.
    pub fn includes_path(&self, path: &str) -> bool {
        match &self.files {
            Some(files) => files.contains(path),
            None => self.rules.decide(path).is_none_or(|(include, _)| include),
        }
    }

    /// Whether anything in a folder may take part: `a/b/`.
    pub fn enters(&self, folder: &str) -> bool {
        match &self.files {
            Some(files) => files.range(folder.to_owned()..).next().is_some_and(|file| file.starts_with(folder)),
            None => self.rules.barred(folder).is_none(),
        }
    }

    /// Whether an object takes part. `path` is its key as rules see it.
    pub fn includes(&self, path: &str, entry: &Entry) -> bool {
        self.excluded(path, entry).is_none()
    }

    /// Whether an object takes part, and whether it is only its age that keeps it out.
    pub fn fit(&self, path: &str, entry: &Entry) -> Fit {
        match self.excluded(path, entry) {
            None => Fit::Fits,
            Some(Exclusion::TooOld | Exclusion::TooNew) => Fit::OtherAge,
            Some(_) => Fit::Excluded,
        }
    }

    /// Whether the age of objects matters.
    pub fn limits_age(&self) -> bool {
        self.limits.modified_from.is_some() || self.limits.modified_to.is_some()
    }

    /// Why an object takes no part, if it does not: for people.
    pub fn exclusion(&self, path: &str, entry: &Entry) -> Option<String> {
        self.excluded(path, entry).map(|why| why.to_string())
    }

    fn excluded(&self, path: &str, entry: &Entry) -> Option<Exclusion<'_>> {
        if let Some(files) = &self.files {
            return (!files.contains(path)).then_some(Exclusion::NotListed);
        }
        if let Some((false, rule)) = self.rules.decide(path) {
            return Some(Exclusion::Rule(rule));
        }
        let Limits { min_size, max_size, modified_from, modified_to } = self.limits;
        let is = |out: bool, why| out.then_some(why);
        is(min_size.is_some_and(|min| entry.size < min), Exclusion::TooSmall)
            .or(is(max_size.is_some_and(|max| entry.size > max), Exclusion::TooLarge))
            .or(is(modified_from.is_some_and(|from| entry.last_modified < from), Exclusion::TooOld))
            .or(is(modified_to.is_some_and(|to| entry.last_modified > to), Exclusion::TooNew))
    }

    /// Where to go on, in the order of bytes, when everything up to `path` has been seen: what lies between takes no part.
    pub fn ahead(&self, path: &str) -> Ahead {
        if let Some(files) = &self.files {
            let next = files.range::<str, _>((Bound::Excluded(path), Bound::Unbounded)).next();
            return next.map_or(Ahead::Nowhere, |file| jump(path, file));
        }
        if let Some((folder, _)) = self.rules.barred(path) {
            return Ahead::Behind(format!("{folder}{}", char::MAX));
        }
        let Some(roots) = self.rules.roots() else { return Ahead::Anywhere };
        if roots.iter().any(|root| path.starts_with(root.as_str())) {
            return Ahead::Anywhere;
        }
        let next = roots.iter().filter(|root| root.as_str() > path).min();
        next.map_or(Ahead::Nowhere, |root| jump(path, root))
    }
}

/// To the last key that can stand before `target`.
fn jump(from: &str, target: &str) -> Ahead {
    let Some(last) = target.chars().next_back() else { return Ahead::Anywhere };
    let start = &target[..target.len() - last.len_utf8()];
    let behind = match (u32::from(last).checked_sub(1)).map(|before| char::from_u32(before).unwrap_or('\u{D7FF}')) {
        Some(before) => format!("{start}{before}{}", char::MAX),
        None => start.to_owned(),
    };
    if behind.as_str() > from { Ahead::Behind(behind) } else { Ahead::Anywhere }
}
