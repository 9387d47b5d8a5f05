//! A directory as a bucket.

use std::{
    fs, io,
    path::{Path as FilePath, PathBuf},
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use object_store::{local::LocalFileSystem, path::Path};
use time::OffsetDateTime;

use super::{ObjectStoreBucket, backing::Backing, failure::io_error, keys::Rules, transport::misconfigured};
use crate::{Capabilities, Error, ErrorKind, LocalSpec, MultipartLimits, Result};

/// The longest file name of the usual file systems, in bytes, less room for the `#1` under which it is first written.
const MAX_NAME: usize = 255 - 6;
/// `PATH_MAX` of Linux, less the same room.
const MAX_PATH: usize = 4096 - 8;

const CAPABILITIES: Capabilities = Capabilities {
    exact_keys: false,
    ordered_listing: true,
    etag_may_be_md5: false,
    streams_bodies: true,
    max_put: i64::MAX as u64,
    // A copy would be a hard link: writing into one of the two files in place would change both.
    max_copy: 0,
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
    store: OnceLock<Arc<LocalFileSystem>>,
}

pub(super) fn open(spec: &LocalSpec) -> Result<ObjectStoreBucket> {
    let root = std::path::absolute(&spec.root).map_err(|e| misconfigured(format!("{}: {e}", spec.root.display())))?;
    match fs::metadata(&root) {
        Ok(found) if !found.is_dir() => return Err(no_directory(&root)),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Err(no_directory(&root)),
        _ => {}
    }
    let location = format!("file://{}", root.display());
    let directory = Directory { root, store: OnceLock::new() };
    if spec.create {
        directory.for_writing()?;
    }
    Ok(ObjectStoreBucket::assemble(Backing::Directory(directory), Rules::Plain, location, CAPABILITIES, Arc::default()))
}

fn no_directory(root: &FilePath) -> Error {
    misconfigured(format!("{} is a file: expected a directory", root.display()))
}

impl Directory {
    pub(super) fn root(&self) -> &FilePath {
        &self.root
    }

    /// # Errors
    /// `NoSuchBucket` where there is no such directory.
    pub(super) fn for_reading(&self) -> Result<Arc<LocalFileSystem>> {
        if let Some(store) = self.store.get() {
            return Ok(Arc::clone(store));
        }
        self.check_root()?;
        let store = LocalFileSystem::new_with_prefix(&self.root).map_err(|e| super::failure::explain(&e))?;
        Ok(Arc::clone(self.store.get_or_init(|| Arc::new(store))))
    }

    pub(super) fn for_writing(&self) -> Result<Arc<LocalFileSystem>> {
        match self.for_reading() {
            Err(error) if error.kind() == ErrorKind::NoSuchBucket => {
                fs::create_dir_all(&self.root).map_err(|e| io_error("cannot create the directory", &e))?;
                self.for_reading()
            }
            other => other,
        }
    }

    pub(super) fn check_root(&self) -> Result<()> {
        match fs::metadata(&self.root) {
            Ok(found) if found.is_dir() => Ok(()),
            Ok(_) => Err(no_directory(&self.root)),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(no_directory(&self.root)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::new(ErrorKind::NoSuchBucket, "there is no such directory"))
            }
            Err(error) => Err(io_error("cannot look at the directory", &error)),
        }
    }

    /// Whether the file system would hold `key` under its own name.
    pub(super) fn check_path(&self, key: &str, path: &Path) -> Result<(), String> {
        for name in key.split('/') {
            if name.len() > MAX_NAME {
                return Err(format!("file names have at most {MAX_NAME} bytes, this one has {}", name.len()));
            }
        }
        if self.root.as_os_str().len() + 1 + key.len() > MAX_PATH {
            return Err(format!("paths have at most {MAX_PATH} bytes"));
        }
        if key.rsplit('/').next().is_some_and(is_unfinished) {
            return Err("names that end in # and digits are those of unfinished writes".into());
        }
        // `LocalFileSystem` makes its paths by way of an address. Where that changes the name, another file would be hit.
        match self.store.get() {
            Some(store) => exact(store, &Path::from("r"), path, key),
            // There is no directory yet: any other tells as much.
            None => {
                let path = Path::parse(format!("r/{key}")).map_err(|_| "it is no path".to_owned())?;
                exact(&LocalFileSystem::new(), &Path::from_iter(["r", "r"]), &path, key)
            }
        }
    }

    /// Says what is in the way of a file.
    pub(super) fn clash(&self, key: &str, error: Error) -> Error {
        let why = if self.file(key).is_dir() {
            "there is a directory of that name, and a disk cannot hold both"
        } else if key.match_indices('/').any(|(at, _)| self.file(&key[..at]).is_file()) {
            "its path leads through a file, and a disk cannot hold both"
        } else {
            return error;
        };
        Error::new(ErrorKind::UnrepresentableKey, why)
    }

    /// The file of a key that was checked.
    pub(super) fn file(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// Sets the file's time. A file system that keeps no times is no reason to fail a write that succeeded.
    pub(super) fn set_time(&self, key: &str, time: OffsetDateTime) {
        let file = self.file(key);
        let set = fs::File::open(&file).and_then(|file| file.set_modified(SystemTime::from(time)));
        if let Err(error) = set {
            tracing::warn!(file = %file.display(), %error, "the time of the file cannot be set");
        }
    }
}

/// Whether `path` is the file `key` beside `sibling`.
fn exact(store: &LocalFileSystem, sibling: &Path, path: &Path, key: &str) -> Result<(), String> {
    let sibling = store.path_to_filesystem(sibling).map_err(|_| "the directory has no path".to_owned())?;
    let expected = sibling.with_file_name("").join(key);
    match store.path_to_filesystem(path) {
        Ok(file) if file.as_os_str() == expected.as_os_str() => Ok(()),
        Ok(file) => Err(format!("its file would be {}", file.display())),
        Err(_) => Err("it has no file name".into()),
    }
}

/// `LocalFileSystem` writes to `name#1` and renames. It takes `a#b#1` for a file of its own; here it is the unfinished
/// `a#b`.
pub(super) fn is_unfinished(name: &str) -> bool {
    name.rsplit_once('#').is_some_and(|(_, digits)| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}
