//! A directory's files in the order of their keys.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use transship_types::{Entry, ErrorClass, Key};

use super::{
    directory::{Directory, Identity, Way, identity, nowhere},
    failure::io_error,
    files::{etag, modified},
    unfinished::is_unfinished,
    wanted::{Item, Wanted},
};
use crate::{Error, ErrorKind, Links, Result};

/// Files under a directory, depth first, each directory's names sorted as their keys are: memory grows with the
/// largest directory, not with the tree.
///
/// What is not there any more is an error, unless it is a single file: a directory that was moved away is not empty.
/// Unfinished writes, sockets, pipes and devices are left out. So are symbolic links, unless they are followed; then
/// those that lead nowhere, or back to a directory above, are errors.
pub(super) struct Walk {
    root: Arc<Directory>,
    wanted: Wanted,
    levels: Vec<Level>,
    begun: bool,
}

struct Level {
    directory: PathBuf,
    prefix: String,
    identity: Option<Identity>,
    children: std::vec::IntoIter<Child>,
}

/// Directories have a `/` at their end: so they sort where their keys do.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Child(String);

impl Walk {
    pub(super) fn new(root: Arc<Directory>, wanted: Wanted) -> Self {
        Self { root, wanted, levels: Vec::new(), begun: false }
    }

    /// # Errors
    /// The root is not there any more, or is another directory.
    pub(super) fn check_root(&self) -> Result<()> {
        self.root.check_root()
    }

    /// The next file, or, where a delimiter rolls them up, directory.
    pub(super) fn next(&mut self) -> Result<Option<Item>> {
        if !self.begun {
            self.begun = true;
            self.begin()?;
        }
        while let Some(level) = self.levels.last_mut() {
            let Some(Child(name)) = level.children.next() else {
                self.levels.pop();
                continue;
            };
            let (path, text) = (level.directory.join(name.trim_end_matches('/')), format!("{}{name}", level.prefix));
            if !name.ends_with('/') {
                if let Some(entry) = self.entry(&path, text)? {
                    return Ok(Some(Item::Object(entry)));
                }
            } else if self.wanted.rolls_up_at_slashes() {
                // An empty directory is no prefix of any key.
                let mut below = Self::new(Arc::clone(&self.root), self.wanted.below(&text));
                if below.next()?.is_some() {
                    return Ok(Some(Item::Prefix(text)));
                }
            } else {
                self.descend(path, text)?;
            }
        }
        Ok(None)
    }

    /// Goes to the directory of the prefix, which nothing need have.
    fn begin(&mut self) -> Result<()> {
        self.check_root()?;
        let parent = self.wanted.parent().to_owned();
        let directory = self.root.file(parent.trim_end_matches('/'));
        let is_there = if self.root.links == Links::Followed {
            match fs::metadata(&directory) {
                Ok(found) => found.is_dir(),
                Err(error) if nowhere(&error) => false,
                Err(error) => return Err(io_error(&format!("cannot look at {}", directory.display()), &error)),
            }
        } else {
            matches!(self.root.way(&parent)?, Way::Clear)
        };
        if is_there { self.descend(directory, parent) } else { Ok(()) }
    }

    fn descend(&mut self, directory: PathBuf, prefix: String) -> Result<()> {
        let unreadable = |e: &io::Error| io_error(&format!("cannot read the directory {}", directory.display()), e);
        let look = if self.levels.is_empty() { fs::metadata(&directory) } else { self.root.look(&directory) };
        let identity = match look {
            Ok(found) if found.is_dir() => identity(&found),
            Ok(_) => return Err(vanished(&directory)),
            Err(error) if nowhere(&error) => return Err(vanished(&directory)),
            Err(error) => return Err(unreadable(&error)),
        };
        if identity.is_some() && self.levels.iter().any(|level| level.identity == identity) {
            let detail = format!("{} is a symbolic link that leads back to a directory above", directory.display());
            return Err(Error::new(ErrorKind::Io, detail));
        }
        let listed = match fs::read_dir(&directory) {
            Ok(listed) => listed,
            Err(error) if nowhere(&error) => return Err(vanished(&directory)),
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
        let text = format!("{prefix}{name}");
        if kind.is_symlink() {
            if self.root.links != Links::Followed {
                if self.root.links == Links::LeftOut && self.wanted.has(&text) {
                    self.root.leave_out(path, "a symbolic link");
                }
                return Ok(None);
            }
            kind = match fs::metadata(&path) {
                Ok(target) => target.file_type(),
                Err(error) if nowhere(&error) => {
                    let detail = format!("{} is a symbolic link that leads nowhere", path.display());
                    return Err(Error::new(ErrorKind::Io, detail).with_class(ErrorClass::Permanent));
                }
                Err(error) => return Err(looked(&error)),
            };
        }
        if kind.is_dir() {
            return Ok(self.wanted.reaches_into(&format!("{text}/")).then(|| Child(format!("{name}/"))));
        }
        if !self.wanted.has(&text) {
            return Ok(None);
        }
        if !kind.is_file() {
            self.root.leave_out(path, "neither a file nor a directory");
            return Ok(None);
        }
        if is_unfinished(&name) {
            self.root.leave_out(path, "a file that was not finished");
            return Ok(None);
        }
        Ok(Some(Child(name)))
    }

    /// The entry of a file, unless it alone is gone since its name was read.
    fn entry(&self, path: &Path, key: String) -> Result<Option<Entry>> {
        let found = match self.root.look(path) {
            Ok(found) if found.is_file() => found,
            Ok(_) => {
                let detail = format!("{} became something else than a file while it was listed", path.display());
                return Err(Error::new(ErrorKind::Io, detail).with_class(ErrorClass::Permanent));
            }
            Err(error) if nowhere(&error) => return self.check_level().map(|()| None),
            Err(error) => return Err(io_error(&format!("cannot look at {}", path.display()), &error)),
        };
        Ok(Some(Entry {
            key: Key::from(key),
            size: found.len(),
            last_modified: modified(&found),
            etag: Some(etag(&found)),
            storage_class: None,
        }))
    }

    /// Whether the directory that is being listed is still in its place.
    fn check_level(&self) -> Result<()> {
        self.check_root()?;
        let Some(level) = self.levels.last() else { return Ok(()) };
        match fs::metadata(&level.directory) {
            Ok(found) if identity(&found) == level.identity => Ok(()),
            _ => Err(vanished(&level.directory)),
        }
    }
}

fn vanished(directory: &Path) -> Error {
    let detail = format!("{} was there a moment ago: it changed while it was listed", directory.display());
    Error::new(ErrorKind::Io, detail).with_class(ErrorClass::Permanent)
}
