use std::{
    fmt,
    path::{Path, PathBuf},
};

use transship_types::ErrorClass;

use crate::{At, Origin};

/// Shorthand for this crate's results.
pub type Result<T> = std::result::Result<T, ConfigError>;

/// A configuration that cannot be used: where, what was found, what would be right. One line, and never a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    file: Option<PathBuf>,
    at: Option<At>,
    section: Option<String>,
    key: Option<String>,
    problem: String,
    expected: Option<String>,
    nearest: Option<String>,
}

impl ConfigError {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            file: None,
            at: None,
            section: None,
            key: None,
            problem: problem.into(),
            expected: None,
            nearest: None,
        }))
    }

    pub(crate) fn in_file(mut self, file: &Path, at: Option<At>) -> Self {
        self.0.file = Some(file.to_owned());
        self.0.at = at;
        self
    }

    pub(crate) fn at_origin(self, origin: &Origin) -> Self {
        match origin {
            Origin::File { file, at } => self.in_file(file, Some(*at)),
            Origin::Variable(name) | Origin::Flag(name) => self.of_key(name),
            Origin::Default | Origin::Typed => self,
        }
    }

    pub(crate) fn in_section(mut self, section: &str) -> Self {
        self.0.section = Some(section.to_owned());
        self
    }

    pub(crate) fn of_key(mut self, key: &str) -> Self {
        self.0.key = Some(key.to_owned());
        self
    }

    pub(crate) fn expected(mut self, expected: impl Into<String>) -> Self {
        self.0.expected = Some(expected.into());
        self
    }

    pub(crate) fn nearest(mut self, nearest: Option<&str>) -> Self {
        self.0.nearest = nearest.map(str::to_owned);
        self
    }

    /// The file that it is about.
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// The line in that file, from 1.
    pub fn line(&self) -> Option<usize> {
        self.0.at.map(|at| at.line)
    }

    /// The column in that line, from 1, where it is known.
    pub fn column(&self) -> Option<usize> {
        self.0.at.and_then(|at| at.column)
    }

    /// The section, as it was written.
    pub fn section(&self) -> Option<&str> {
        self.0.section.as_deref()
    }

    /// The key, or the environment variable.
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// The known name that is most like the one found.
    pub fn nearest_known(&self) -> Option<&str> {
        self.0.nearest.as_deref()
    }

    /// Always permanent: the same configuration will fail again.
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Permanent
    }
}

/// `config.ini:12: [source_a] timedelta: "1h1d" is no time span: expected ... (did you mean ...?)`
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { file, at, section, key, problem, expected, nearest } = &*self.0;
        if let Some(file) = file {
            write!(f, "{}", file.display())?;
            if let Some(at) = at {
                write!(f, ":{at}")?;
            }
            f.write_str(": ")?;
        }
        if let Some(section) = section {
            write!(f, "[{}] ", section.escape_debug())?;
        }
        if let Some(key) = key {
            write!(f, "{}: ", key.escape_debug())?;
        }
        f.write_str(problem)?;
        if let Some(expected) = expected {
            write!(f, ": expected {expected}")?;
        }
        match nearest {
            Some(nearest) => write!(f, " (did you mean {nearest}?)"),
            None => Ok(()),
        }
    }
}

/// The known name that is at most a third of its letters away.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.chars().count() / 3).max(1);
    let name = name.to_lowercase();
    known
        .into_iter()
        .map(|known| (strsim::osa_distance(&name, known), known))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}
