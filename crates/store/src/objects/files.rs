//! Reading, deleting and dating the files of a directory, never through a symbolic link unless links are followed.

use std::{
    fs::{self, File, Metadata},
    path::{Path, PathBuf},
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use futures::{StreamExt, stream};
use time::OffsetDateTime;
use transship_types::{ETag, ErrorClass, Key};

use super::{
    deleting::AT_ONCE,
    directory::{Directory, Way, identity, nowhere, on_disk},
    failure::io_error,
    reading::{file_body, whole},
};
use crate::{Attributes, Error, ErrorKind, GetOptions, GetReply, Links, ObjectInfo, Result};

impl Directory {
    pub(super) async fn head(self: &Arc<Self>, key: &Key) -> Result<ObjectInfo> {
        let (directory, key) = (Arc::clone(self), key.clone());
        on_disk(move || directory.find(key.as_str()).map(|(_, found)| info(&found))).await
    }

    pub(super) async fn get(self: &Arc<Self>, key: &Key, options: &GetOptions) -> Result<GetReply> {
        if options.part_number.is_some() {
            return Err(Error::unsupported("read a single part"));
        }
        let (directory, key) = (Arc::clone(self), key.clone());
        let (file, found) = on_disk(move || directory.open(key.as_str())).await?;
        let info = info(&found);
        if options.if_match.is_some() && options.if_match != info.etag {
            return Err(Error::new(ErrorKind::PreconditionFailed, "the object is not what was expected"));
        }
        let range = match options.range.clone() {
            None => 0..info.size,
            Some(range) if range.start >= info.size || range.is_empty() => {
                let detail = format!("the file has {} bytes, none of them from {} on", info.size, range.start);
                return Err(Error::new(ErrorKind::InvalidRequest, detail));
            }
            Some(range) => range.start..range.end.min(info.size),
        };
        let length = range.end - range.start;
        Ok(GetReply { info, length, body: whole(file_body(file, range), length) })
    }

    /// Deletes each file, and gives one result for each, in order. What is not there counts as deleted.
    ///
    /// # Errors
    /// What keeps any of them from being deleted: a directory that is not there.
    pub(super) async fn delete(self: &Arc<Self>, keys: &[Key]) -> Result<Vec<Result<()>>> {
        let directory = Arc::clone(self);
        on_disk(move || directory.check_root()).await?;
        let delete = |key: Key| {
            let directory = Arc::clone(self);
            on_disk(move || directory.remove(key.as_str()))
        };
        Ok(stream::iter(keys.to_vec()).map(delete).buffered(AT_ONCE).collect().await)
    }

    /// Sets the file's time. A file system that keeps no times is no reason to fail a write that succeeded.
    pub(super) async fn set_time(self: &Arc<Self>, key: &Key, time: OffsetDateTime) -> Result<ObjectInfo> {
        let (directory, key) = (Arc::clone(self), key.clone());
        on_disk(move || {
            let (file, found) = directory.open(key.as_str())?;
            if let Err(error) = file.set_modified(SystemTime::from(time)) {
                tracing::warn!(file = %directory.file(key.as_str()).display(), %error, "the time of the file cannot be set");
            }
            Ok(info(&file.metadata().unwrap_or(found)))
        })
        .await
    }

    fn find(&self, key: &str) -> Result<(PathBuf, Metadata)> {
        self.check_root()?;
        let missing = || Error::new(ErrorKind::NotFound, "there is no such file");
        if self.links != Links::Followed && !matches!(self.way(key)?, Way::Clear) {
            return Err(missing());
        }
        let path = self.file(key);
        match self.look(&path) {
            Ok(found) if found.is_file() => Ok((path, found)),
            Ok(_) => Err(missing()),
            Err(error) if nowhere(&error) => Err(missing()),
            Err(error) => Err(io_error("cannot look at the file", &error)),
        }
    }

    fn open(&self, key: &str) -> Result<(File, Metadata)> {
        let (path, found) = self.find(key)?;
        let unreadable = |e| io_error("cannot open the file", &e);
        let file = File::open(&path).map_err(unreadable)?;
        let opened = file.metadata().map_err(unreadable)?;
        if identity(&opened) != identity(&found) {
            let detail = format!("another file took the place of {}", path.display());
            return Err(Error::new(ErrorKind::Io, detail).with_class(ErrorClass::Transient));
        }
        Ok((file, opened))
    }

    fn remove(&self, key: &str) -> Result<()> {
        self.check_key(key)?;
        self.check_writable()?;
        match self.way(key)? {
            Way::Clear => {}
            Way::Missing(_) | Way::Blocked => return Ok(()),
            Way::Link(link) => return Err(through(&link)),
        }
        let path = self.file(key);
        let removed = match fs::symlink_metadata(&path) {
            Ok(found) if found.is_file() => fs::remove_file(&path),
            // A directory, or a link: no object.
            Ok(_) => return Ok(()),
            Err(error) => Err(error),
        };
        match removed {
            Ok(()) => self.remove_emptied(key),
            Err(error) if nowhere(&error) => {}
            Err(error) => return Err(io_error("cannot remove the file", &error)),
        }
        Ok(())
    }

    /// Removes the directories that held nothing but the file that was just removed.
    fn remove_emptied(&self, key: &str) {
        let folders = key.rmatch_indices('/').map(|(at, _)| self.file(&key[..at]));
        // The first that is not empty ends it.
        let _ = folders.map(fs::remove_dir).take_while(Result::is_ok).count();
    }

    pub(super) fn check_writable(&self) -> Result<()> {
        if self.links == Links::Followed {
            return Err(Error::unsupported("be written while symbolic links are followed"));
        }
        Ok(())
    }
}

/// What keeps a file from being written or deleted.
pub(super) fn through(link: &Path) -> Error {
    let detail = format!("{} is a symbolic link, and nothing is done through one", link.display());
    Error::new(ErrorKind::UnrepresentableKey, detail)
}

fn info(found: &Metadata) -> ObjectInfo {
    let last_modified = modified(found);
    ObjectInfo {
        size: found.len(),
        etag: Some(etag(found)),
        last_modified,
        // A file's own time is that of its source.
        modified_at_source: Some(last_modified),
        attributes: Attributes::default(),
        metadata: std::collections::BTreeMap::new(),
        digests: Vec::new(),
        tag_count: 0,
        storage_class: None,
        opaque_etag: false,
        parts: None,
    }
}

pub(super) fn modified(found: &Metadata) -> OffsetDateTime {
    found.modified().map_or(OffsetDateTime::UNIX_EPOCH, OffsetDateTime::from)
}

/// Inode, time and size: no file that was written to keeps its own.
pub(super) fn etag(found: &Metadata) -> ETag {
    let since_epoch = found.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let inode = identity(found).map_or(0, |(_, inode)| inode);
    ETag::new(&format!("{inode:x}-{:x}-{:x}", since_epoch.as_micros(), found.len()))
}
