//! The list that `solgate list` writes and `solgate transfer` reads.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use anyhow::{Context, anyhow, bail};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, SeqAccess, Visitor},
};
use time::OffsetDateTime;
use transship::{
    spill::{Spool, Table},
    types::{ETag, Entry, Key},
};

/// One object of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[serde(expecting = "an object with \"key\"")]
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
        let expected = "expected \"key\" (or \"relpath\"), a text that is not empty";
        let key = match written.relpath.or(written.key) {
            Some(key) if !key.is_empty() => key,
            Some(_) => bail!("{expected}: found \"\""),
            None => bail!("{expected}: found neither"),
        };
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
    items: Spool<Item>,
    name: String,
    /// How many objects it names.
    pub(crate) count: u64,
}

impl Listing {
    /// Reads a whole list before anything is copied: nothing is copied from one that has a mistake in it. What is too
    /// much for memory is kept in `work_dir`. A key that comes again is left out: whatever its second line says of the
    /// object are hints, as in the first.
    pub(crate) fn open(path: &Path, work_dir: &Path) -> anyhow::Result<Self> {
        let (file, name): (Box<dyn Read>, _) = if path == Path::new("-") {
            let keep = || format!("keep it in {}", work_dir.display());
            std::fs::metadata(work_dir).with_context(keep).context("read the list from stdin")?;
            (Box::new(std::io::stdin().lock()), "stdin".to_owned())
        } else {
            let doing = || format!("read the list {}", path.display());
            let file = File::open(path).with_context(doing)?;
            if file.metadata().with_context(doing)?.is_dir() {
                bail!("read the list {}: it is a folder", path.display());
            }
            (Box::new(file), path.display().to_string())
        };
        let mut reading = Reading { items: Spool::new(work_dir), keys: Table::new(work_dir), count: 0, repeated: None };
        reading.read(BufReader::new(file), &name)?;
        if let Some(Repeated { first, place, count }) = &reading.repeated {
            tracing::warn!("the list {name} repeats keys; left out: {count}, the first of them {first:?}, {place}");
        }
        Ok(Self { items: reading.items, name, count: reading.count })
    }

    /// What it is called, for people.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The objects, in the order of the list.
    pub(crate) fn items(self) -> transship::Result<impl Iterator<Item = transship::Result<Item>> + Send> {
        Ok(self.items.read()?.map(|item| Ok(item?)))
    }
}

/// A list on its way in.
struct Reading {
    items: Spool<Item>,
    /// Which keys there have been.
    keys: Table<()>,
    count: u64,
    repeated: Option<Repeated>,
}

/// Lines that name a key which was there before.
struct Repeated {
    first: String,
    place: String,
    count: u64,
}

impl Reading {
    fn read(&mut self, mut from: impl BufRead, name: &str) -> anyhow::Result<()> {
        let (first, lines) = first_byte(&mut from).with_context(|| format!("read the list {name}"))?;
        if first == Some(b'[') {
            // The reader of JSON counts lines from where it starts.
            return self.array(std::io::repeat(b'\n').take(lines).chain(from), name);
        }
        for (number, line) in (lines + 1..).zip(from.split(b'\n')) {
            self.line(line, number).with_context(|| format!("the list {name}, line {number}"))?;
        }
        Ok(())
    }

    fn line(&mut self, line: std::io::Result<Vec<u8>>, number: u64) -> anyhow::Result<()> {
        match line?.trim_ascii() {
            [] => Ok(()),
            line => self.add(Item::parse(line)?, || format!("line {number}")),
        }
    }

    fn array(&mut self, from: impl Read, name: &str) -> anyhow::Result<()> {
        let mut json = serde_json::Deserializer::from_reader(from);
        let mut wrong = None;
        let objects = Objects { reading: self, wrong: &mut wrong };
        let read = json.deserialize_seq(objects).and_then(|()| json.end());
        read.map_err(|error| match wrong {
            Some((object, wrong)) => wrong.context(format!("the list {name}, line {}, object {object}", error.line())),
            None => anyhow!("the list {name} is no JSON array of objects: {error}"),
        })
    }

    fn add(&mut self, item: Item, place: impl FnOnce() -> String) -> anyhow::Result<()> {
        if self.keys.get(&item.key)?.is_some() {
            let first = || Repeated { first: item.key.clone(), place: place(), count: 0 };
            self.repeated.get_or_insert_with(first).count += 1;
            return Ok(());
        }
        self.keys.insert(&item.key, &())?;
        self.count += 1;
        Ok(self.items.push(item)?)
    }
}

/// The elements of an array, one by one.
struct Objects<'a> {
    reading: &'a mut Reading,
    /// Which one was wrong, and why.
    wrong: &'a mut Option<(u64, anyhow::Error)>,
}

impl<'de> Visitor<'de> for Objects<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<(), A::Error> {
        let mut number = 0;
        while let Some(written) = array.next_element()? {
            number += 1;
            let added =
                Item::understand(written).and_then(|item| self.reading.add(item, || format!("object {number}")));
            if let Err(error) = added {
                *self.wrong = Some((number, error));
                return Err(A::Error::custom("")); // serde adds the line
            }
        }
        Ok(())
    }
}

/// The first byte that is not blank, which is left where it is, and how many lines end before it.
fn first_byte(from: &mut impl BufRead) -> std::io::Result<(Option<u8>, u64)> {
    let mut lines = 0;
    loop {
        let bytes = from.fill_buf()?;
        let blank = bytes.iter().take_while(|b| b.is_ascii_whitespace()).count();
        lines += bytes[..blank].iter().filter(|b| **b == b'\n').count() as u64;
        let (first, ends) = (bytes.get(blank).copied(), bytes.is_empty());
        from.consume(blank);
        if first.is_some() || ends {
            return Ok((first, lines));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Vec<Item>> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), text)?;
        let listing = Listing::open(file.path(), &std::env::temp_dir())?;
        let count = listing.count;
        let items = listing.items()?.collect::<transship::Result<Vec<_>>>()?;
        assert_eq!(count, items.len() as u64);
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
            ("\n\n{\"key\":\"a\"}\nnonsense\n", "line 4"),
            ("[{\"key\":\"a\"},{}]", "object 2"),
            ("\n[{\"key\":\"a\"},\n{\"size\":3}]", "line 3, object 2: expected \"key\""),
            ("[{\"key\":\"a\"}, 3]", "invalid type: integer `3`, expected an object with \"key\""),
            ("[{\"key\":\"a\"}] x", "trailing characters at line 1 column 15"),
            ("{\"key\":\"a\",\"last_modified\":\"yesterday\"}", "yesterday"),
            ("{\"key\":\"a\",\"size\":-1}", "line 1"),
            ("[{\"key\":\"a\"}", "no JSON array"),
        ] {
            let error = format!("{:#}", read(text).unwrap_err());
            assert!(error.contains(place), "{text}: {error}");
        }
    }
}
