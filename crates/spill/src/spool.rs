use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Seek, Write},
    marker::PhantomData,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Result, work_file};

/// Items that are read again later: in memory while they are few, then in an unnamed file.
#[derive(Debug)]
pub struct Spool<T> {
    /// What is not in the file yet, as lines of it.
    recent: Vec<u8>,
    file: Option<File>,
    directory: PathBuf,
    items: PhantomData<fn() -> T>,
}

/// How many bytes are gathered in memory before they are written; a buffer that grows by doubling takes up to twice as many.
const IN_MEMORY: usize = 4 << 20;

impl<T: Serialize + DeserializeOwned> Spool<T> {
    /// An empty one, whose file will be in `directory`.
    pub fn new(directory: &Path) -> Self {
        Self { recent: Vec::new(), file: None, directory: directory.to_owned(), items: PhantomData }
    }

    /// Adds an item.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn push(&mut self, item: T) -> Result<()> {
        serde_json::to_writer(&mut self.recent, &item).map_err(|e| self.wrong(e.into()))?;
        self.recent.push(b'\n');
        if self.recent.len() < IN_MEMORY { Ok(()) } else { self.write().map_err(|cause| self.wrong(cause)) }
    }

    fn write(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(work_file::create(&self.directory)?),
        };
        file.write_all(&self.recent)?;
        self.recent.clear();
        Ok(())
    }

    /// Everything, in the order in which it came.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(mut self) -> Result<impl Iterator<Item = Result<T>> + Send + use<T>> {
        if let Some(file) = &mut self.file {
            file.rewind().map_err(|cause| Error { directory: self.directory.clone(), cause })?;
        }
        let Self { recent, file, directory, .. } = self;
        let spilled = file.into_iter().flat_map(|file| BufReader::new(file).split(b'\n'));
        let lines = spilled.chain(Cursor::new(recent).split(b'\n'));
        Ok(lines.map(move |line| {
            let parsed = line.and_then(|line| serde_json::from_slice(&line).map_err(io::Error::from));
            parsed.map_err(|cause| Error { directory: directory.clone(), cause })
        }))
    }

    fn wrong(&self, cause: io::Error) -> Error {
        Error { directory: self.directory.clone(), cause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys as long as they get.
    fn spool(directory: &Path, count: usize) -> Result<Spool<String>> {
        let mut spool = Spool::new(directory);
        (0..count).try_for_each(|n| spool.push(format!("{n:01024}")))?;
        Ok(spool)
    }

    #[test]
    fn what_goes_in_comes_out_in_order_however_much_it_is() {
        for count in [0, 3, 10_000, 30_007] {
            let spool = spool(&std::env::temp_dir(), count).unwrap();
            let read = spool.read().unwrap().map(|item| item.unwrap().parse::<usize>().unwrap());
            assert!(read.eq(0..count), "{count}");
        }
    }

    #[test]
    fn what_is_in_memory_is_counted_in_bytes() {
        assert!(spool(&std::env::temp_dir(), 1_000).unwrap().file.is_none());
        assert!(spool(&std::env::temp_dir(), 10_000).unwrap().file.is_some());
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let error = spool(Path::new("/no/such/directory"), 50_000).unwrap_err();
        assert!(error.to_string().contains("/no/such/directory"), "{error}");
    }
}
