//! A directory as a bucket.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use transship_types::ErrorClass;

use super::{
    ObjectStoreBucket,
    backing::Backing,
    failure::io_error,
    keys::{self, Rules},
    transport::misconfigured,
    unfinished::is_unfinished,
};
use crate::{Capabilities, Error, ErrorKind, Links, LocalSpec, MultipartLimits, Result};

/// The longest file name of the usual file systems, in bytes.
const MAX_NAME: usize = 255;
/// `PATH_MAX` of Linux, less room for what a file's name has behind it at first.
const MAX_PATH: usize = 4096 - 32;
/// How many files that are left out are named.
const MOST_NAMED: usize = 1000;

const CAPABILITIES: Capabilities = Capabilities {
    exact_keys: false,
    ordered_listing: true,
    etag_may_be_md5: false,
    streams_bodies: true,
    max_put: i64::MAX as u64,
    // A copy would be a hard link: writing into one of the two files in place would change both.
    max_copy: 0,
    max_delete: 1,
    multipart: MultipartLimits { min_part: 1, max_part: i64::MAX as u64, max_parts: u32::MAX },
    content_headers: false,
    metadata: false,
    tags: false,
    conditional_put: false,
    keeps_source_time: true,
    made_by_writing: true,
};

/// A directory that need not be there yet.
#[derive(Debug)]
pub(super) struct Directory {
    root: PathBuf,
    pub(super) links: Links,
    seen: OnceLock<Seen>,
    /// What is left out and was told of: a directory is listed more than once.
    left_out: Mutex<HashSet<PathBuf>>,
}

/// The root as it was first found.
#[derive(Debug)]
struct Seen {
    identity: Option<Identity>,
    /// As long as it is open, no other directory gets its inode.
    _open: Option<fs::File>,
}

/// Device and inode.
pub(super) type Identity = (u64, u64);

/// What leads to a file.
pub(super) enum Way {
    /// Directories, all the way.
    Clear,
    /// This directory is not there.
    Missing(PathBuf),
    /// This is a symbolic link.
    Link(PathBuf),
    /// This is no directory.
    Blocked,
}

pub(super) fn open(spec: &LocalSpec) -> Result<ObjectStoreBucket> {
    let root = std::path::absolute(&spec.root).map_err(|e| misconfigured(format!("{}: {e}", spec.root.display())))?;
    match fs::metadata(&root) {
        Ok(found) if !found.is_dir() => return Err(no_directory(&root)),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Err(no_directory(&root)),
        _ => {}
    }
    let location = format!("file://{}", root.display());
    let directory = Directory { root, links: spec.links, seen: OnceLock::new(), left_out: Mutex::default() };
    if spec.create {
        directory.create()?;
    }
    let backing = Backing::Directory(Arc::new(directory));
    Ok(ObjectStoreBucket::assemble(backing, Rules::Plain, location, CAPABILITIES, Arc::default()))
}

fn no_directory(root: &Path) -> Error {
    misconfigured(format!("{} is a file: expected a directory", root.display()))
}

impl Directory {
    /// # Errors
    /// `NoSuchBucket` where there is no such directory, `Io` where it is no longer the one that it was: what is missing
    /// in another one was never deleted.
    pub(super) fn check_root(&self) -> Result<()> {
        match fs::metadata(&self.root) {
            Ok(found) if !found.is_dir() => Err(no_directory(&self.root)),
            Ok(found) if self.seen.get_or_init(|| Seen::of(&self.root, &found)).identity == identity(&found) => Ok(()),
            Ok(_) => {
                let detail = format!("{} is not the directory any more that it was", self.root.display());
                Err(Error::new(ErrorKind::Io, detail).with_class(ErrorClass::Permanent))
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(no_directory(&self.root)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::new(ErrorKind::NoSuchBucket, "there is no such directory"))
            }
            Err(error) => Err(io_error("cannot look at the directory", &error)),
        }
    }

    /// Creates the root, unless it was there and is gone.
    pub(super) fn create(&self) -> Result<()> {
        // Looked at first: somebody else may create it just now.
        let was_there = self.seen.get().is_some();
        match self.check_root() {
            Err(error) if error.kind() == ErrorKind::NoSuchBucket && !was_there => {
                fs::create_dir_all(&self.root).map_err(|e| io_error("cannot create the directory", &e))?;
                self.check_root()
            }
            other => other,
        }
    }

    /// # Errors
    /// `UnrepresentableKey` where the file system could not hold `key` under its own name.
    pub(super) fn check_key(&self, key: &str) -> Result<()> {
        let checked = keys::names(key).and_then(|()| self.check_names(key));
        checked.map_err(|reason| Error::new(ErrorKind::UnrepresentableKey, reason))
    }

    fn check_names(&self, key: &str) -> Result<(), String> {
        if let Some(name) = key.split('/').find(|name| name.len() > MAX_NAME) {
            return Err(format!("file names have at most {MAX_NAME} bytes, this one has {}", name.len()));
        }
        if self.root.as_os_str().len() + 1 + key.len() > MAX_PATH {
            return Err(format!("paths have at most {MAX_PATH} bytes"));
        }
        if key.contains('\0') || cfg!(windows) && key.contains(['\\', ':']) {
            return Err("it has a character that no file name has".into());
        }
        if key.rsplit('/').next().is_some_and(is_unfinished) {
            return Err("that is the name of an unfinished file".into());
        }
        Ok(())
    }

    /// The file of a key.
    pub(super) fn file(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// What leads to the file of `key`, or, of a folder with `/` at its end, to its files.
    pub(super) fn way(&self, key: &str) -> Result<Way> {
        for (at, _) in key.match_indices('/') {
            let path = self.file(&key[..at]);
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => {}
                Ok(found) if found.is_symlink() => return Ok(Way::Link(path)),
                Ok(_) => return Ok(Way::Blocked),
                Err(error) if nowhere(&error) => return Ok(Way::Missing(path)),
                Err(error) => return Err(io_error("cannot look at the way there", &error)),
            }
        }
        Ok(Way::Clear)
    }

    /// Warns of what a listing leaves out, once.
    pub(super) fn leave_out(&self, path: PathBuf, what: &str) {
        let mut told = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() > MOST_NAMED || told.contains(&path) {
            return;
        }
        if told.len() == MOST_NAMED {
            tracing::warn!("more files are left out than are named");
        } else {
            tracing::warn!(path = %path.display(), "left out: {what}");
        }
        told.insert(path);
    }

    /// What is at `path`, behind a link only where links are followed.
    pub(super) fn look(&self, path: &Path) -> io::Result<fs::Metadata> {
        if self.links == Links::Followed { fs::metadata(path) } else { fs::symlink_metadata(path) }
    }
}

impl Seen {
    fn of(root: &Path, found: &fs::Metadata) -> Self {
        let open = fs::File::open(root).ok();
        let opened = open.as_ref().and_then(|root| root.metadata().ok());
        Self { identity: identity(opened.as_ref().unwrap_or(found)), _open: open }
    }
}

pub(super) fn nowhere(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps)] // other systems have none
pub(super) fn identity(found: &fs::Metadata) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    Some((found.dev(), found.ino()))
}

#[cfg(not(unix))]
pub(super) fn identity(_: &fs::Metadata) -> Option<Identity> {
    None
}

/// Does what may wait for a disk.
pub(super) async fn on_disk<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| Error::new(ErrorKind::Io, "what was done on the disk was interrupted").caused_by(e))?
}

#[cfg(test)]
mod tests {
    use std::{sync::Barrier, thread};

    use super::*;

    #[test]
    fn many_may_be_the_first_to_write_into_it() {
        for _ in 0..300 {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path().join("kept/here");
            let directory =
                Directory { root, links: Links::LeftOut, seen: OnceLock::new(), left_out: Mutex::default() };
            let (at_once, directory) = (&Barrier::new(4), &directory);
            thread::scope(|scope| {
                let create = || {
                    at_once.wait();
                    directory.create()
                };
                let all = [0; 4].map(|_| scope.spawn(create));
                all.into_iter().for_each(|one| one.join().unwrap().unwrap());
            });
        }
    }
}
