use std::{
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;
use time::OffsetDateTime;
use transship_types::{ETag, Key};

use crate::{Error, ObjectReport, OutputFile, Result, Verdict};

/// The list of objects that have to be brought again, in the form of a listing: one JSON object a line with `key`,
/// `size`, `last_modified` and `e_tag`.
///
/// Nothing is written before the first failure. A run that ends with no failure removes an older list of that name, so
/// that it cannot be taken for this run's - and nothing that is no such list; a run that never gets to
/// [`finish`](Self::finish) leaves the older one.
#[derive(Debug)]
pub struct FailedList {
    path: PathBuf,
    file: Option<OutputFile>,
    count: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    key: &'a Key,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(with = "time::serde::rfc3339::option", skip_serializing_if = "Option::is_none")]
    last_modified: Option<OffsetDateTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e_tag: Option<&'a ETag>,
}

impl FailedList {
    /// A list that is to be at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), file: None, count: 0 }
    }

    /// Looks whether the list could be written, before there is anything to write, and leaves everything as it is.
    ///
    /// # Errors
    /// The file cannot be created, or one that is no list is there.
    pub fn check(&self) -> Result<()> {
        let path = &self.path;
        OutputFile::check(path)?;
        let listed = if path.is_file() { begins_as_list(path) } else { Ok(true) };
        match listed {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::NoList { path: path.clone() }),
            Err(source) => Err(Error::File { doing: "read", path: path.clone(), source }),
        }
    }

    /// Takes note of an object that failed somewhere, or was not finished because the run was being stopped; ignores
    /// all others.
    ///
    /// # Errors
    /// The file cannot be created or written.
    pub fn add(&mut self, object: &ObjectReport) -> Result<()> {
        if !matches!(object.verdict(), Verdict::Failed | Verdict::Cancelled) {
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(OutputFile::create(&self.path)?),
        };
        let ObjectReport { key, size, last_modified, e_tag, .. } = object;
        let line = Line { key, size: *size, last_modified: *last_modified, e_tag: e_tag.as_ref() };
        let mut line = serde_json::to_vec(&line)?;
        line.push(b'\n');
        file.write_all(&line).map_err(|source| Error::File { doing: "write", path: self.path.clone(), source })?;
        self.count += 1;
        Ok(())
    }

    /// Puts the list in its place, or removes an older one where nothing failed. Gives the number of objects in it.
    ///
    /// # Errors
    /// The file cannot be written, renamed or removed.
    pub fn finish(self) -> Result<u64> {
        let Self { path, file, count } = self;
        match file {
            Some(file) => file.commit()?,
            None if !is_list(&path) => {}
            None => match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(Error::File { doing: "remove", path, source });
                }
                _ => {}
            },
        }
        Ok(count)
    }
}

/// Anything else by that name is not ours to remove.
fn is_list(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file()) && begins_as_list(path).unwrap_or(false)
}

/// Whether the first thing in a file is an object of a list, in either of the forms that `solgate transfer -l` takes:
/// JSON lines, or one JSON array. An empty file is a list of nothing.
fn begins_as_list(path: &Path) -> io::Result<bool> {
    let mut file = BufReader::new(fs::File::open(path)?).take(1 << 20);
    let first = loop {
        match file.fill_buf()?.first() {
            None => return Ok(true),
            Some(byte) if byte.is_ascii_whitespace() => file.consume(1),
            Some(byte) => break *byte,
        }
    };
    if first == b'[' {
        file.consume(1);
    }
    let object = serde_json::Deserializer::from_reader(file).into_iter::<serde_json::Value>().next();
    Ok(object.and_then(Result::ok).is_some_and(|value| value.get("key").or(value.get("relpath")).is_some()))
}
