//! Files that are being written: under a name of their own, until they are complete.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use object_store::{MultipartUpload, PutPayload, PutResult, UploadPart};
use transship_types::Key;

use super::{
    directory::{Directory, Way, on_disk},
    failure::io_error,
    files::{etag, through},
};
use crate::{Condition, Error, ErrorKind, Result};

/// What stands behind a file's name and a number while it is written.
const END: &str = ".transship-part";
/// How much of a long name is left before that, in bytes.
const ROOM: usize = 220;
/// How often a directory may vanish before a file is created in it.
const PATIENCE: u64 = 1000;

/// Whether this is the name of a file that is being written, or was when a process ended.
pub(super) fn is_unfinished(name: &str) -> bool {
    let number = name.strip_suffix(END).and_then(|rest| rest.rsplit_once('.')).map(|(_, number)| number);
    number.is_some_and(is_number)
}

/// Whether `found` is the name that the file `name` has in a directory while it is written.
pub fn is_unfinished_file_of(name: &str, found: &str) -> bool {
    let number = found.strip_prefix(beginning(name)).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(END));
    number.is_some_and(is_number)
}

fn beginning(name: &str) -> &str {
    &name[..name.floor_char_boundary(ROOM)]
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A file that is being written. Where it is dropped before it is complete, nothing is left of it.
#[derive(Debug)]
pub(super) struct Unfinished {
    file: Arc<Mutex<File>>,
    path: PathBuf,
    target: PathBuf,
    /// Nothing may be at `target` yet.
    only_new: bool,
    written: u64,
    over: bool,
}

impl Directory {
    /// Starts to write a file, and creates the directories that it is in.
    ///
    /// # Errors
    /// `UnrepresentableKey` where something is in the way that a disk cannot hold beside it, or a symbolic link.
    pub(super) async fn start(self: &Arc<Self>, key: &Key, condition: &Condition) -> Result<Unfinished> {
        let only_new = match condition {
            Condition::Always => false,
            Condition::IfAbsent => true,
            Condition::IfMatch(_) => return Err(Error::unsupported("write over one version only")),
        };
        let (directory, key) = (Arc::clone(self), key.clone());
        on_disk(move || {
            directory.check_writable()?;
            directory.create()?;
            directory.begin(key.as_str(), only_new)
        })
        .await
    }

    fn begin(&self, key: &str, only_new: bool) -> Result<Unfinished> {
        let target = self.file(key);
        if fs::symlink_metadata(&target).is_ok_and(|found| found.is_dir()) {
            return Err(clash("there is a directory of that name, and a disk cannot hold both"));
        }
        let name = beginning(key.rsplit('/').next().unwrap_or_default());
        let mut number = 0_u64;
        loop {
            self.make_way(key)?;
            number += 1;
            let path = target.with_file_name(format!("{name}.{number}{END}"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    let file = Arc::new(Mutex::new(file));
                    return Ok(Unfinished { file, path, target, only_new, written: 0, over: false });
                }
                // Another write's, or a directory that became empty by a deletion was removed just now.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound && number < PATIENCE => {}
                Err(error) => return Err(io_error("cannot create the file", &error)),
            }
        }
    }

    fn make_way(&self, key: &str) -> Result<()> {
        loop {
            let missing = match self.way(key)? {
                Way::Clear => return Ok(()),
                Way::Missing(path) => path,
                Way::Link(link) => return Err(through(&link)),
                Way::Blocked => return Err(clash("its path leads through a file, and a disk cannot hold both")),
            };
            match fs::create_dir(&missing) {
                Ok(()) => {}
                // Others create and remove directories at the same time. Without the root there is no end to it.
                Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound) => {
                    self.check_root()?;
                }
                Err(error) => return Err(io_error("cannot create its directory", &error)),
            }
        }
    }
}

fn clash(why: &str) -> Error {
    Error::new(ErrorKind::UnrepresentableKey, why)
}

#[async_trait]
impl MultipartUpload for Unfinished {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (file, at) = (Arc::clone(&self.file), self.written);
        self.written += data.content_length() as u64;
        Box::pin(blocking(move || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.seek(SeekFrom::Start(at))?;
            data.iter().try_for_each(|chunk| file.write_all(chunk))
        }))
    }

    async fn complete(&mut self) -> object_store::Result<PutResult> {
        let (file, path, target) = (Arc::clone(&self.file), self.path.clone(), self.target.clone());
        let only_new = self.only_new;
        let published = blocking(move || {
            let found = file.lock().unwrap_or_else(PoisonError::into_inner).metadata()?;
            if only_new {
                fs::hard_link(&path, &target)?;
                let _ = fs::remove_file(&path);
            } else {
                fs::rename(&path, &target)?;
            }
            Ok(etag(&found).quoted())
        });
        let e_tag = Some(published.await.map_err(|error| self.taken(error))?);
        self.over = true;
        Ok(PutResult { e_tag, version: None, extensions: http::Extensions::default() })
    }

    async fn abort(&mut self) -> object_store::Result<()> {
        self.over = true;
        let path = self.path.clone();
        blocking(move || fs::remove_file(path)).await
    }
}

impl Unfinished {
    /// What is there already, where nothing may be.
    fn taken(&self, error: object_store::Error) -> object_store::Error {
        match error {
            object_store::Error::Generic { source, .. } if is_already_there(&*source) => {
                object_store::Error::AlreadyExists { path: self.target.display().to_string(), source }
            }
            other => other,
        }
    }
}

fn is_already_there(error: &(dyn std::error::Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::AlreadyExists)
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.over {
            remove(&self.path);
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(file = %path.display(), %error, "an unfinished file is left behind");
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> object_store::Result<T> {
    let failed = |error: io::Error| object_store::Error::Generic { store: "LocalFileSystem", source: Box::new(error) };
    tokio::task::spawn_blocking(work).await.map_err(|error| failed(error.into()))?.map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_names_are_unfinished() {
        let long = "é".repeat(127);
        for (name, found) in [("a", "a.1.transship-part"), (&long, &format!("{}.7.transship-part", "é".repeat(110)))] {
            assert!(is_unfinished(found) && is_unfinished_file_of(name, found), "{found}");
            assert!(found.len() <= 255);
        }
        for found in ["a#1", "a.1", "a.transship-part", "a..transship-part", "a.x.transship-part"] {
            assert!(!is_unfinished(found) && !is_unfinished_file_of("a", found), "{found}");
        }
        assert!(!is_unfinished_file_of("b", "a.1.transship-part"));
    }
}
