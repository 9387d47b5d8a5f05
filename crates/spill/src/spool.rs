use std::{
    fs::File,
    io::{BufRead, BufReader, BufWriter, Seek, Write},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, Result, work_file};

/// Items that are read again later: in memory while they are few, then in an unnamed file.
#[derive(Debug)]
pub struct Spool<T> {
    items: Vec<T>,
    file: Option<BufWriter<File>>,
    directory: PathBuf,
}

/// About 10 MiB of entries.
const IN_MEMORY: usize = 50_000;

impl<T: Serialize + DeserializeOwned> Spool<T> {
    /// An empty one, whose file will be in `directory`.
    pub fn new(directory: &Path) -> Self {
        Self { items: Vec::new(), file: None, directory: directory.to_owned() }
    }

    /// Adds an item.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn push(&mut self, item: T) -> Result<()> {
        self.items.push(item);
        if self.items.len() < IN_MEMORY {
            return Ok(());
        }
        self.spill().map_err(|cause| Error { directory: self.directory.clone(), cause })
    }

    fn spill(&mut self) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(BufWriter::new(work_file::create(&self.directory)?)),
        };
        for item in self.items.drain(..) {
            serde_json::to_writer(&mut *file, &item)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    }

    /// Everything, in the order in which it came.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(self) -> Result<impl Iterator<Item = Result<T>> + use<T>> {
        let directory = self.directory;
        let wrong = move |cause: std::io::Error| Error { directory: directory.clone(), cause };
        let spilled = match self.file {
            Some(file) => {
                let mut file = file.into_inner().map_err(|error| wrong(error.into_error()))?;
                file.rewind().map_err(&wrong)?;
                Some(BufReader::new(file))
            }
            None => None,
        };
        let lines = spilled.into_iter().flat_map(|file| file.split(b'\n'));
        let parsed = lines.map(move |line| {
            let line = line.map_err(&wrong)?;
            serde_json::from_slice(&line).map_err(|e| wrong(e.into()))
        });
        Ok(parsed.chain(self.items.into_iter().map(Ok)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out_in_order_however_much_it_is() {
        for count in [0, 3, IN_MEMORY, 2 * IN_MEMORY + 7] {
            let mut spool = Spool::new(&std::env::temp_dir());
            (0..count).for_each(|n| spool.push(n).unwrap());
            let read: Vec<usize> = spool.read().unwrap().map(Result::unwrap).collect();
            assert!(read.into_iter().eq(0..count), "{count}");
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_named() {
        let mut spool = Spool::new(Path::new("/no/such/directory"));
        let error = (0..IN_MEMORY).try_for_each(|n| spool.push(n)).unwrap_err();
        assert!(error.to_string().contains("/no/such/directory"), "{error}");
    }
}
