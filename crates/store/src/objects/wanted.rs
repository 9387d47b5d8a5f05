//! Which keys a listing asks for, and what they roll up into.

use std::collections::HashSet;

use object_store::path::Path;
use transship_types::Entry;

use crate::{Error, ErrorKind, ListRequest, Result};

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>, and enough for a page anywhere.
pub(super) const MAX_PAGE: u32 = 1000;
/// Beyond this no store has keys, and no address has room.
const MAX_PREFIX: usize = 4096;

/// An object, or what several roll up into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Object(Entry),
    Prefix(String),
}

impl Item {
    pub(super) fn text(&self) -> &str {
        match self {
            Self::Object(entry) => entry.key.as_str(),
            Self::Prefix(prefix) => prefix,
        }
    }
}

/// Which keys a request asks for.
#[derive(Clone, Debug)]
pub(super) struct Wanted(pub(super) ListRequest);

impl Wanted {
    /// # Errors
    /// `UnrepresentableKey` where no key of such a store can have the prefix: `carries` says what is against a folder.
    pub(super) fn new(request: &ListRequest, carries: fn(&str) -> Result<(), String>) -> Result<Self> {
        let wanted = Self(request.clone());
        let impossible = |why: String| {
            let detail = format!("no key of this store can begin with {:?}: {why}", request.prefix);
            Error::new(ErrorKind::UnrepresentableKey, detail)
        };
        if request.prefix.len() > MAX_PREFIX {
            return Err(impossible("it is too long".into()));
        }
        match wanted.parent().strip_suffix('/') {
            None => {}
            Some("") => return Err(impossible("it begins with a slash".into())),
            Some(parent) => carries(parent).map_err(impossible)?,
        }
        Ok(wanted)
    }

    /// All that is wanted under `directory`.
    pub(super) fn below(&self, directory: &str) -> Self {
        Self(ListRequest { prefix: directory.to_owned(), delimiter: None, ..self.0.clone() })
    }

    /// The prefix up to its last `/`.
    pub(super) fn parent(&self) -> &str {
        self.0.prefix.rfind('/').map_or("", |at| &self.0.prefix[..=at])
    }

    pub(super) fn directory(&self) -> Option<Path> {
        Path::parse(self.parent()).ok().filter(|path| !path.is_root())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        key.starts_with(&self.0.prefix) && self.0.start_after.as_ref().is_none_or(|after| key > after.as_str())
    }

    /// Whether any wanted key can be under `directory`, which ends in `/`.
    pub(super) fn reaches_into(&self, directory: &str) -> bool {
        let prefix = &self.0.prefix;
        let related = directory.starts_with(prefix) || prefix.starts_with(directory);
        related
            && self
                .0
                .start_after
                .as_ref()
                .is_none_or(|after| directory > after.as_str() || after.as_str().starts_with(directory))
    }

    pub(super) fn rolls_up_at_slashes(&self) -> bool {
        self.0.delimiter.as_deref() == Some("/")
    }

    /// What `key` rolls up into.
    fn rolled_up(&self, key: &str) -> Option<String> {
        let delimiter = self.0.delimiter.as_deref().filter(|d| !d.is_empty())?;
        let behind = key.strip_prefix(&self.0.prefix)?;
        let end = self.0.prefix.len() + behind.find(delimiter)? + delimiter.len();
        Some(key[..end].to_owned())
    }

    /// Whether a server that rolls up at slashes does it as asked.
    pub(super) fn suits_servers(&self) -> bool {
        match self.0.delimiter.as_deref() {
            None | Some("") => true,
            Some("/") => self.0.prefix.is_empty() || self.0.prefix.ends_with('/'),
            Some(_) => false,
        }
    }

    pub(super) fn page_size(&self) -> usize {
        self.0.max_keys.unwrap_or(MAX_PAGE).clamp(1, MAX_PAGE) as usize
    }
}

/// Lets wanted items through, rolled up, each prefix once.
pub(super) struct Roll {
    wanted: Wanted,
    seen: HashSet<String>,
    /// One prefix's objects come one after the other: only the last prefix need be remembered.
    ordered: bool,
}

impl Roll {
    pub(super) fn new(wanted: Wanted, ordered: bool) -> Self {
        Self { wanted, seen: HashSet::new(), ordered }
    }

    pub(super) fn take(&mut self, item: Item) -> Option<Item> {
        let prefix = match item {
            Item::Object(entry) if !self.wanted.has(entry.key.as_str()) => return None,
            Item::Object(entry) => match self.wanted.rolled_up(entry.key.as_str()) {
                None => return Some(Item::Object(entry)),
                Some(prefix) => prefix,
            },
            Item::Prefix(prefix) => prefix,
        };
        if !prefix.starts_with(&self.wanted.0.prefix)
            || !self.wanted.reaches_into(&prefix)
            || self.seen.contains(&prefix)
        {
            return None;
        }
        if self.ordered {
            self.seen.clear();
        }
        self.seen.insert(prefix.clone());
        Some(Item::Prefix(prefix))
    }
}
