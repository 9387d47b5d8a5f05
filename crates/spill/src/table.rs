use std::{
    collections::BTreeMap,
    fmt, io,
    marker::PhantomData,
    ops::Bound,
    path::{Path, PathBuf},
};

use redb::{
    Database, Durability, ReadOnlyTable, ReadableDatabase, StorageBackend, TableDefinition, backends::FileBackend,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Result, work_file};

/// Values by key: in memory while they are few, then in a file that has no name and goes with the table.
///
/// Calls block. A lookup in the file reads one or two pages that the system most likely still holds in its cache: some
/// microseconds, fit for async code. Every so often an insertion writes what it has gathered, which takes longer than
/// that, but much less than it took to list so many objects.
pub struct Table<V> {
    recent: BTreeMap<Box<str>, Box<[u8]>>,
    held: usize,
    file: Option<Stored>,
    directory: PathBuf,
    values: PhantomData<fn() -> V>,
}

/// How many bytes are gathered in memory before they are written, and how many of the file's pages are kept there.
const IN_MEMORY: usize = 8 << 20;
const CACHE: usize = 4 << 20;

/// What an entry takes beside its key and its value.
const OVERHEAD: usize = 64;

const ROWS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("rows");

impl<V: Serialize + DeserializeOwned> Table<V> {
    /// An empty table, whose file will be in `directory`.
    pub fn new(directory: &Path) -> Self {
        Self { recent: BTreeMap::new(), held: 0, file: None, directory: directory.to_owned(), values: PhantomData }
    }

    /// Puts a value under a key, in the place of another.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn insert(&mut self, key: &str, value: &V) -> Result<()> {
        let value = serde_json::to_vec(value).map_err(|e| self.wrong(e.into()))?.into_boxed_slice();
        self.held += key.len() + value.len() + OVERHEAD;
        if let Some(old) = self.recent.insert(key.into(), value) {
            self.held -= key.len() + old.len() + OVERHEAD;
        }
        if self.held < IN_MEMORY { Ok(()) } else { self.write() }
    }

    /// The value under a key.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn get(&self, key: &str) -> Result<Option<V>> {
        let parse = |value: &[u8]| serde_json::from_slice(value).map(Some).map_err(|e| self.wrong(e.into()));
        if let Some(value) = self.recent.get(key) {
            return parse(value);
        }
        let Some(rows) = self.file.as_ref().and_then(|file| file.rows.as_ref()) else { return Ok(None) };
        match rows.get(key).map_err(|e| self.wrong(cause(e)))? {
            Some(value) => parse(value.value()),
            None => Ok(None),
        }
    }

    /// Up to `count` entries behind `key`, in the order of the keys' bytes. Of a table that does not fit into memory, those
    /// count that have been written: [`settle`](Self::settle) it first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn after(&self, key: &str, count: usize) -> Result<Vec<(String, V)>> {
        let parse = |key: &str, value: &[u8]| -> Result<(String, V)> {
            Ok((key.to_owned(), serde_json::from_slice(value).map_err(|e| self.wrong(e.into()))?))
        };
        let behind = (Bound::Excluded(key), Bound::Unbounded);
        let Some(rows) = self.file.as_ref().and_then(|file| file.rows.as_ref()) else {
            return self.recent.range::<str, _>(behind).take(count).map(|(key, value)| parse(key, value)).collect();
        };
        let rows = rows.range::<&str>(behind).map_err(|e| self.wrong(cause(e)))?;
        rows.take(count)
            .map(|row| row.map_err(|e| self.wrong(cause(e))).and_then(|(key, value)| parse(key.value(), value.value())))
            .collect()
    }

    /// Leaves as little as possible in memory: for a table that is complete.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn settle(&mut self) -> Result<()> {
        if self.file.is_some() { self.write() } else { Ok(()) }
    }

    fn write(&mut self) -> Result<()> {
        let recent = std::mem::take(&mut self.recent);
        self.held = 0;
        let written = match &mut self.file {
            Some(file) => file.write(recent),
            None => Stored::create(&self.directory).and_then(|file| self.file.insert(file).write(recent)),
        };
        written.map_err(|cause| self.wrong(cause))
    }

    fn wrong(&self, cause: io::Error) -> Error {
        Error { directory: self.directory.clone(), cause }
    }
}

impl<V> fmt::Debug for Table<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_memory = self.recent.len();
        f.debug_struct("Table").field("in_memory", &in_memory).field("in_a_file", &self.file.is_some()).finish()
    }
}

struct Stored {
    /// As of the last writing. It must be closed before the next one, which could not use its pages again otherwise.
    rows: Option<ReadOnlyTable<&'static str, &'static [u8]>>,
    database: Database,
}

impl Stored {
    fn create(directory: &Path) -> io::Result<Self> {
        let file = FileBackend::new(work_file::create(directory)?).map_err(cause)?;
        let database = Database::builder().set_cache_size(CACHE).create_with_backend(Unsynced(file)).map_err(cause)?;
        Ok(Self { rows: None, database })
    }

    fn write(&mut self, new: BTreeMap<Box<str>, Box<[u8]>>) -> io::Result<()> {
        self.rows = None;
        let mut writing = self.database.begin_write().map_err(cause)?;
        writing.set_durability(Durability::None).map_err(cause)?;
        let mut rows = writing.open_table(ROWS).map_err(cause)?;
        for (key, value) in new {
            rows.insert(&*key, &*value).map_err(cause)?;
        }
        drop(rows);
        writing.commit().map_err(cause)?;
        let reading = self.database.begin_read().map_err(cause)?;
        self.rows = Some(reading.open_table(ROWS).map_err(cause)?);
        Ok(())
    }
}

/// What the system said, where it said anything.
fn cause(error: impl Into<redb::Error>) -> io::Error {
    match error.into() {
        redb::Error::Io(error) => error,
        error => io::Error::other(error),
    }
}

/// A file that nobody will ever read again: it need not get to the disk.
#[derive(Debug)]
struct Unsynced(FileBackend);

impl StorageBackend for Unsynced {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(directory: &Path, count: u32) -> Table<u32> {
        let mut table = Table::new(directory);
        // In another order than that of the keys.
        (0..count).rev().for_each(|n| table.insert(&format!("a/key/{n}"), &n).unwrap());
        table
    }

    #[test]
    fn what_goes_in_is_found_however_much_it_is() {
        for count in [0, 3, 120_000] {
            let mut table = table(&std::env::temp_dir(), count);
            assert_eq!(table.file.is_some(), count > 3);
            for n in [1, 5, 110_000] {
                if n < count {
                    assert_eq!(table.get(&format!("a/key/{n}")).unwrap(), Some(n));
                    table.insert(&format!("a/key/{n}"), &(n + 1)).unwrap();
                }
            }
            for _ in 0..2 {
                for n in [1, 2, 5, 110_000, 119_999] {
                    let changed = n + u32::from([1, 5, 110_000].contains(&n));
                    let found = table.get(&format!("a/key/{n}")).unwrap();
                    assert_eq!(found, (n < count).then_some(changed), "{n} of {count}");
                }
                assert_eq!(table.get("a/key/").unwrap(), None);
                table.settle().unwrap();
            }
        }
    }

    #[test]
    fn what_lies_behind_a_key_comes_in_order() {
        for count in [12, 120_000] {
            let mut table = table(&std::env::temp_dir(), count);
            table.settle().unwrap();
            let keys: Vec<String> = table.after("a/key/1", 3).unwrap().into_iter().map(|(key, _)| key).collect();
            let expected = if count == 12 { ["10", "11", "2"] } else { ["10", "100", "1000"] };
            assert_eq!(keys, expected.map(|n| format!("a/key/{n}")));
            assert!(table.after("a/key/99999", 3).unwrap().is_empty());
        }
    }

    #[test]
    fn nothing_is_left_in_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        let full = table(directory.path(), 120_000);
        assert!(full.file.is_some());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "the file has no name");
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let mut table = Table::new(Path::new("/no/such/directory"));
        let error = (0..120_000).try_for_each(|n: u32| table.insert(&n.to_string(), &n)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot keep in /no/such/directory what does not fit into memory: No such file or directory (os error 2)"
        );
    }
}
