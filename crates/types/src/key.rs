use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// The name of an object, exactly as the store holds it.
///
/// S3 keys are up to 1024 bytes of UTF-8, and every one of `a//b`, `/a`, `a/`, `.`, `..` and a newline is a
/// legal, different key. Nothing here normalises; order is the order of UTF-8 bytes, which is the order in which
/// S3 lists. Clones are cheap.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Arc<str>);

impl Key {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `prefix` followed by this key, byte for byte: no separator is added.
    #[must_use]
    pub fn prefixed(&self, prefix: &str) -> Self {
        if prefix.is_empty() { self.clone() } else { Self::from(format!("{prefix}{}", self.0)) }
    }

    /// What follows `prefix`, or `None` where the key does not start with it.
    pub fn strip_prefix(&self, prefix: &str) -> Option<Self> {
        if prefix.is_empty() { Some(self.clone()) } else { self.0.strip_prefix(prefix).map(Self::from) }
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Key {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Control characters are escaped, so that a key can never break a log line or forge one.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for c in self.0.chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { f.write_char(c)? }
        }
        Ok(())
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_prints_on_one_line_whatever_it_holds() {
        assert_eq!(Key::from("a\nb\u{1b}[0m").to_string(), "a\\nb\\u{1b}[0m");
    }

    #[test]
    fn prefixes_are_bytes_not_folders() {
        let key = Key::from("/a").prefixed("dir/");
        assert_eq!(key.as_str(), "dir//a");
        assert_eq!(key.strip_prefix("dir/").unwrap().as_str(), "/a");
        assert!(key.strip_prefix("dirs").is_none());
    }
}
