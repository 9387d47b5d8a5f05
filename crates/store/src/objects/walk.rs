//! A directory's files in the order of their keys.
//!
//! `LocalFileSystem` lists in the order of the disk, leaves out what it cannot name, and begins anew for every prefix.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use time::OffsetDateTime;
use transship_types::{ETag, Entry, Key};

use super::{
    directory::is_unfinished,
    failure::io_error,
    keys,
    wanted::{Item, Wanted},
};
use crate::{Error, ErrorKind, Result};

/// Files under a directory, depth first, each directory's names sorted as their keys are: memory grows with the
/// largest directory, not with the tree.
///
/// Symbolic links are followed, those that lead nowhere are left out with a warning, those that lead back to a
/// directory above are an error. Unfinished writes (`name#1`), sockets, pipes and devices are left out.
pub(super) struct Walk {
    wanted: Wanted,
    levels: Vec<Level>,
    /// The root, before it has been read.
    start: Option<(PathBuf, String)>,
}

struct Level {
    directory: PathBuf,
    prefix: String,
    /// Where the directory really is, to find loops.
    identity: Option<(u64, u64)>,
    children: std::vec::IntoIter<Child>,
}

/// Directories have a `/` at their end: so they sort where their keys do.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Child(String);

impl Walk {
    pub(super) fn new(root: &Path, wanted: Wanted) -> Self {
        let parent = wanted.parent().to_owned();
        let directory = if parent.is_empty() { root.to_owned() } else { root.join(parent.trim_end_matches('/')) };
        Self { wanted, levels: Vec::new(), start: Some((directory, parent)) }
    }

    /// The next file, or, where a delimiter rolls them up, directory.
    pub(super) fn next(&mut self) -> Result<Option<Item>> {
        if let Some((directory, prefix)) = self.start.take() {
            self.descend(directory, prefix)?;
        }
        while let Some(level) = self.levels.last_mut() {
            let Some(Child(name)) = level.children.next() else {
                self.levels.pop();
                continue;
            };
            let (path, text) = (level.directory.join(name.trim_end_matches('/')), format!("{}{name}", level.prefix));
            if !name.ends_with('/') {
                if let Some(entry) = entry(&path, text)? {
                    return Ok(Some(Item::Object(entry)));
                }
            } else if self.wanted.rolls_up_at_slashes() {
                // An empty directory is no prefix of any key.
                let mut below =
                    Self { wanted: self.wanted.below(&text), levels: Vec::new(), start: Some((path, text.clone())) };
                if below.next()?.is_some() {
                    return Ok(Some(Item::Prefix(text)));
                }
            } else {
                self.descend(path, text)?;
            }
        }
        Ok(None)
    }

    fn descend(&mut self, directory: PathBuf, prefix: String) -> Result<()> {
        let unreadable = |e: &io::Error| io_error(&format!("cannot read the directory {}", directory.display()), e);
        let identity = match fs::metadata(&directory) {
            Ok(found) => identity(&found),
            // Gone since it was seen, or a prefix that nothing has.
            Err(error) if nowhere(&error) => return Ok(()),
            Err(error) => return Err(unreadable(&error)),
        };
        if identity.is_some() && self.levels.iter().any(|level| level.identity == identity) {
            let detail = format!("{} is a symbolic link that leads back to a directory above", directory.display());
            return Err(Error::new(ErrorKind::Io, detail));
        }
        let listed = match fs::read_dir(&directory) {
            Ok(listed) => listed,
            Err(error) if nowhere(&error) => return Ok(()),
            Err(error) => return Err(unreadable(&error)),
        };
        let mut children = Vec::new();
        for child in listed {
            let child = child.map_err(|e| unreadable(&e))?;
            if let Some(child) = self.child(&child, &prefix)? {
                children.push(child);
            }
        }
        children.sort_unstable();
        self.levels.push(Level { directory, prefix, identity, children: children.into_iter() });
        Ok(())
    }

    fn child(&self, child: &fs::DirEntry, prefix: &str) -> Result<Option<Child>> {
        let path = child.path();
        let name = child.file_name().into_string().map_err(|name| {
            let shown = Path::new(&name).display().to_string();
            let detail = format!("the file name {shown:?} in {} is not UTF-8", path.with_file_name("").display());
            Error::new(ErrorKind::UnrepresentableKey, detail)
        })?;
        let looked = |e: &io::Error| io_error(&format!("cannot look at {}", path.display()), e);
        let mut kind = child.file_type().map_err(|e| looked(&e))?;
        if kind.is_symlink() {
            kind = match fs::metadata(&path) {
                Ok(target) => target.file_type(),
                Err(error) if nowhere(&error) => {
                    tracing::warn!(link = %path.display(), "left out: the symbolic link leads nowhere");
                    return Ok(None);
                }
                Err(error) => return Err(looked(&error)),
            };
        }
        if kind.is_dir() {
            let name = format!("{name}/");
            return Ok(self.wanted.reaches_into(&format!("{prefix}{name}")).then_some(Child(name)));
        }
        if !self.wanted.has(&format!("{prefix}{name}")) {
            return Ok(None);
        }
        if !kind.is_file() {
            tracing::warn!(path = %path.display(), "left out: neither a file nor a directory");
            return Ok(None);
        }
        if is_unfinished(&name) {
            tracing::warn!(path = %path.display(), "left out: names that end in # and digits are unfinished writes");
            return Ok(None);
        }
        Ok(Some(Child(name)))
    }
}

/// The entry of a file, unless it is gone since its name was read.
fn entry(path: &Path, key: String) -> Result<Option<Entry>> {
    keys::path(&key).map_err(|reason| {
        let detail = format!("the file {:?} cannot be an object: {reason}", path.display().to_string());
        Error::new(ErrorKind::UnrepresentableKey, detail)
    })?;
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if nowhere(&error) => return Ok(None),
        Err(error) => return Err(io_error(&format!("cannot look at {}", path.display()), &error)),
    };
    let last_modified = found.modified().map_or(OffsetDateTime::UNIX_EPOCH, OffsetDateTime::from);
    Ok(Some(Entry {
        key: Key::from(key),
        size: found.len(),
        last_modified,
        etag: Some(etag(&found)),
        storage_class: None,
    }))
}

/// The ETag that `LocalFileSystem` makes of inode, time and size, so that a listed one can be asked for.
fn etag(found: &fs::Metadata) -> ETag {
    let since_epoch = found.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let inode = identity(found).map_or(0, |(_, inode)| inode);
    ETag::new(&format!("{inode:x}-{:x}-{:x}", since_epoch.as_micros(), found.len()))
}

fn nowhere(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Device and inode.
#[cfg(unix)]
#[allow(clippy::unnecessary_wraps)] // other systems have none
fn identity(found: &fs::Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> Option<(u64, u64)> {
    None
}
