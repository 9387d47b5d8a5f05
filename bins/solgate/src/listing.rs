//! The list that `solgate list` writes and `solgate transfer` reads.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, Seek},
    path::Path,
};

use anyhow::{Context, anyhow, bail};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use transship::types::{ETag, Entry, Key};

/// One object of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Item {
    /// Relative to the source's base path.
    pub(crate) key: String,
    pub(crate) size: u64,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) last_modified: OffsetDateTime,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) e_tag: Option<ETag>,
}

fn epoch() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH
}

/// What a list may hold. Those of earlier versions have both `relpath` and the full `key`.
#[derive(Deserialize)]
struct Written {
    relpath: Option<String>,
    key: Option<String>,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    last_modified: Option<String>,
    #[serde(default, alias = "etag", alias = "ETag")]
    e_tag: Option<ETag>,
}

impl Item {
    pub(crate) fn new(relative: &Key, entry: &Entry) -> Self {
        let Entry { size, last_modified, etag, .. } = entry;
        Self { key: relative.as_str().to_owned(), size: *size, last_modified: *last_modified, e_tag: etag.clone() }
    }

    /// The entry that this names below `prefix`.
    pub(crate) fn entry(&self, prefix: &str) -> Entry {
        Entry {
            key: Key::from(&*self.key).prefixed(prefix),
            size: self.size,
            last_modified: self.last_modified,
            etag: self.e_tag.clone(),
            storage_class: None,
        }
    }

    fn parse(json: &[u8]) -> anyhow::Result<Self> {
        Self::understand(serde_json::from_slice(json)?)
    }

    fn understand(written: Written) -> anyhow::Result<Self> {
        let key = written.relpath.or(written.key).filter(|k| !k.is_empty());
        let key = key.ok_or_else(|| anyhow!("expected \"key\" (or \"relpath\"), a text that is not empty"))?;
        let last_modified = match written.last_modified {
            Some(text) => parse_time(&text)?,
            None => epoch(),
        };
        Ok(Self { key, size: written.size, last_modified, e_tag: written.e_tag })
    }
}

/// RFC 3339; earlier versions wrote a blank in place of the `T`.
fn parse_time(text: &str) -> anyhow::Result<OffsetDateTime> {
    use time::format_description::well_known::Rfc3339;
    OffsetDateTime::parse(&text.replacen(' ', "T", 1), &Rfc3339)
        .map_err(|_| anyhow!("last_modified {text:?} is no time: expected 2024-05-06T07:08:09Z"))
}

/// A list that was checked from its first line to its last.
pub(crate) struct Listing {
    file: File,
    name: String,
    array: bool,
    /// How many objects it names.
    pub(crate) count: u64,
}

impl Listing {
    /// Reads a whole list once: nothing is copied from one that has a mistake in it. What comes from a pipe is kept
    /// in `work_dir`.
    pub(crate) fn open(path: &Path, work_dir: &Path) -> anyhow::Result<Self> {
        let (file, name) = if path == Path::new("-") {
            (kept(std::io::stdin().lock(), work_dir).context("read the list from stdin")?, "stdin".to_owned())
        } else {
            let doing = || format!("read the list {}", path.display());
            let file = File::open(path).with_context(doing)?;
            let kind = file.metadata().with_context(doing)?.file_type();
            if kind.is_dir() {
                bail!("read the list {}: it is a folder", path.display());
            }
            let file = if kind.is_file() { file } else { kept(file, work_dir).with_context(doing)? };
            (file, path.display().to_string())
        };
        let mut listing = Self { file, name, array: false, count: 0 };
        listing.array = listing.starts_with_bracket()?;
        let mut count = 0;
        for item in listing.items()? {
            item?;
            count += 1;
        }
        listing.count = count;
        Ok(listing)
    }

    /// What it is called, for people.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn starts_with_bracket(&mut self) -> anyhow::Result<bool> {
        self.file.rewind()?;
        let mut bytes = BufReader::new(&self.file).bytes();
        let first = bytes.find(|b| b.as_ref().is_ok_and(|b| !b.is_ascii_whitespace()));
        Ok(matches!(first, Some(Ok(b'['))))
    }

    /// The objects, in the order of the list.
    pub(crate) fn items(&mut self) -> anyhow::Result<Box<dyn Iterator<Item = anyhow::Result<Item>> + Send>> {
        self.file.rewind()?;
        let name = self.name.clone();
        let reader = BufReader::new(self.file.try_clone()?);
        if self.array {
            let all: Vec<Written> = serde_json::from_reader(reader)
                .map_err(|e| anyhow!("the list {name} is no JSON array of objects: {e}"))?;
            let items = all.into_iter().enumerate().map(move |(n, written)| {
                Item::understand(written).with_context(|| format!("the list {name}, object {}", n + 1))
            });
            return Ok(Box::new(items));
        }
        let lines = reader.split(b'\n').enumerate().filter_map(move |(n, line)| {
            let parsed = match line {
                Ok(line) if line.trim_ascii().is_empty() => return None,
                Ok(line) => Item::parse(&line),
                Err(error) => Err(error.into()),
            };
            Some(parsed.with_context(|| format!("the list {name}, line {}", n + 1)))
        });
        Ok(Box::new(lines))
    }
}

/// What comes from a pipe can be read only once: it is kept until it is used.
fn kept(mut from: impl Read, work_dir: &Path) -> anyhow::Result<File> {
    let keep = || format!("keep it in {}", work_dir.display());
    std::fs::metadata(work_dir).with_context(keep)?;
    // tempfile puts its own path before what the system says.
    let file = tempfile::tempfile_in(work_dir).map_err(|error| std::io::Error::from(error.kind()));
    let mut file = file.with_context(keep)?;
    std::io::copy(&mut from, &mut file)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Vec<Item>> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), text)?;
        let mut listing = Listing::open(file.path(), &std::env::temp_dir())?;
        let items = listing.items()?.collect::<anyhow::Result<Vec<_>>>()?;
        assert_eq!(listing.count, items.len() as u64);
        Ok(items)
    }

    #[test]
    fn lists_of_every_generation_are_read() {
        let old = r#"[{"relpath": "a/b.csv", "key": "base/a/b.csv", "size": 3, "last_modified": "2020-01-02 03:04:05+00:00"}]"#;
        let items = read(old).unwrap();
        assert_eq!((items[0].key.as_str(), items[0].size, items[0].last_modified.year()), ("a/b.csv", 3, 2020));
        let new = "{\"key\":\"a\\n\",\"size\":1,\"last_modified\":\"2020-01-02T03:04:05.123Z\",\"e_tag\":\"\\\"x\\\"\"}\n\n{\"key\":\"b\"}";
        let items = read(new).unwrap();
        assert_eq!((items[0].key.as_str(), items[1].key.as_str(), items.len()), ("a\n", "b", 2));
        assert_eq!(read("").unwrap(), []);
        assert_eq!(read("[]").unwrap(), []);
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (text, place) in [
            ("{\"key\":\"a\"}\nnonsense\n", "line 2"),
            ("{\"size\":1}", "line 1"),
            ("{\"key\":\"\"}", "line 1"),
            ("[{\"key\":\"a\"},{}]", "object 2"),
            ("{\"key\":\"a\",\"last_modified\":\"yesterday\"}", "yesterday"),
            ("{\"key\":\"a\",\"size\":-1}", "line 1"),
            ("[{\"key\":\"a\"}", "no JSON array"),
        ] {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.contains(place), "{text}: {error}");
        }
    }
}
