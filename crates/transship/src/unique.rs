use std::{
    collections::hash_map::DefaultHasher,
    fs::File,
    hash::{Hash, Hasher},
    io::{BufReader, BufWriter, Read, Seek, Write},
    path::{Path, PathBuf},
};

use crate::{Error, Result};

/// Finds out whether any text came twice, in bounded memory: 16 bytes for each, on disk where they are many.
#[derive(Debug)]
pub(crate) struct Unique {
    fingerprints: Vec<u128>,
    files: Vec<BufWriter<File>>,
    directory: PathBuf,
}

/// 4 MiB.
const IN_MEMORY: usize = 1 << 18;

/// Each file is sorted in memory by itself.
const FILES: u32 = 64;

impl Unique {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { fingerprints: Vec::new(), files: Vec::new(), directory: directory.to_owned() }
    }

    pub(crate) fn add(&mut self, text: &str) -> Result<()> {
        self.fingerprints.push(fingerprint(text));
        if self.fingerprints.len() < IN_MEMORY {
            return Ok(());
        }
        self.spill().map_err(|cause| Error::WorkDir { directory: self.directory.clone(), cause })
    }

    fn spill(&mut self) -> std::io::Result<()> {
        if self.files.is_empty() {
            let open = |_| Ok(BufWriter::new(tempfile::tempfile_in(&self.directory)?));
            self.files = (0..FILES).map(open).collect::<std::io::Result<_>>()?;
        }
        for fingerprint in self.fingerprints.drain(..) {
            let at = usize::try_from(fingerprint % u128::from(FILES)).unwrap_or(0);
            self.files[at].write_all(&fingerprint.to_le_bytes())?;
        }
        Ok(())
    }

    /// The fingerprint of a text that came at least twice.
    pub(crate) fn duplicate(mut self) -> Result<Option<u128>> {
        if let Some(found) = duplicate_of(&mut self.fingerprints) {
            return Ok(Some(found));
        }
        if self.files.is_empty() {
            return Ok(None);
        }
        self.on_disk().map_err(|cause| Error::WorkDir { directory: self.directory.clone(), cause })
    }

    fn on_disk(&mut self) -> std::io::Result<Option<u128>> {
        self.spill()?;
        for file in &mut self.files {
            file.flush()?;
            let mut handle = file.get_ref().try_clone()?;
            handle.rewind()?;
            let (mut reader, mut bytes, mut all) = (BufReader::new(handle), [0; 16], Vec::new());
            while let Ok(()) = reader.read_exact(&mut bytes) {
                all.push(u128::from_le_bytes(bytes));
            }
            if let Some(found) = duplicate_of(&mut all) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

fn duplicate_of(fingerprints: &mut [u128]) -> Option<u128> {
    fingerprints.sort_unstable();
    fingerprints.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

/// 128 bits, so that no two different keys of one run share them.
pub(crate) fn fingerprint(text: &str) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        text.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_comes_twice_is_found_however_many_lie_between() {
        for count in [2, IN_MEMORY - 1, 2 * IN_MEMORY + 5] {
            let mut unique = Unique::new(&std::env::temp_dir());
            (0..count).for_each(|n| unique.add(&format!("key {n}")).unwrap());
            let mut again = Unique::new(&std::env::temp_dir());
            (0..count).chain([1]).for_each(|n| again.add(&format!("key {n}")).unwrap());
            assert_eq!(unique.duplicate().unwrap(), None, "{count}");
            assert_eq!(again.duplicate().unwrap(), Some(fingerprint("key 1")), "{count}");
        }
    }
}
