//! Keeping what is about to be replaced or deleted.

use std::sync::{Mutex, PoisonError};

use transship_spill::Table;
use transship_store::ErrorKind;
use transship_transfer::{Copier, Destination, Done, Failure, Job, Target, Unfinished};
use transship_types::{Entry, Key};

use super::{Ends, MirrorOptions};
use crate::{Place, Result};

/// Where goes what is about to be replaced or deleted.
#[derive(Clone, Debug)]
pub struct Backup {
    /// The place. Objects have the same keys there as at the destination, but for the suffix.
    pub place: Place,
    /// How they are written there; its bucket is the place's.
    pub written: Destination,
    /// What their names get besides.
    pub suffix: String,
    /// The suffix goes before the extension (before `.tar.gz`, too) and not behind it.
    pub keep_extension: bool,
}

impl Backup {
    /// A place; objects keep their keys, and are written with the store's own defaults.
    pub fn new(place: Place) -> Self {
        let written = Destination { keep_time: true, ..Destination::new(place.bucket.clone()) };
        Self { place, written, suffix: String::new(), keep_extension: false }
    }

    /// What the object of this key, without the destination's prefix, is called there.
    pub fn name(&self, key: &Key) -> Key {
        let name = key.as_str();
        let end = if self.keep_extension { extension(name) } else { name.len() };
        Key::from(format!("{}{}{}", &name[..end], self.suffix, &name[end..]))
    }
}

/// Where a name's extension begins.
fn extension(name: &str) -> usize {
    let folder = name.rfind('/').map_or(0, |slash| slash + 1);
    let last = |end: usize| name[folder..end].rfind('.').map(|dot| folder + dot);
    match last(name.len()) {
        Some(dot) => last(dot).filter(|tar| name[*tar..dot] == *".tar").unwrap_or(dot),
        None => name.len(),
    }
}

/// Copies what is about to go.
pub(super) struct Keeper {
    backup: Backup,
    copier: Copier,
    destination: Place,
    /// What was written where the destination is: a listing under way may come upon it.
    written: Option<Mutex<Table<()>>>,
}

impl Keeper {
    /// One that shares the budget of the copier that brings what is new, which holds a slot meanwhile.
    pub(super) fn new(backup: &Backup, ends: &Ends, options: &MirrorOptions, copier: &Copier) -> Self {
        let (backup, destination) = (backup.clone(), ends.destination.clone());
        let copier = copier.beside(destination.bucket.clone(), vec![backup.written.clone()]);
        let written = destination.contains(&backup.place).then(|| Mutex::new(Table::new(&options.work_dir)));
        Self { backup, copier, destination, written }
    }

    /// Copies an object of the destination, and says where it is then. `None` where it is gone already.
    pub(super) async fn keep(&self, entry: &Entry) -> Result<Result<Option<Key>, String>> {
        let Self { backup, destination, .. } = self;
        let name = entry.key.strip_prefix(&destination.prefix).unwrap_or_else(|| entry.key.clone());
        let name = backup.name(&name);
        let key = name.prefixed(&backup.place.prefix);
        if let Err(error) = backup.place.bucket.check_key(&key) {
            return Ok(Err(format!("it cannot be kept as {key:?}: {error}")));
        }
        self.note(&key)?;
        let target = Target { destination: 0, key, unpack: false, newest_wins: false };
        let job = Job { source: entry.clone(), hint: false, targets: vec![target] };
        let placed = self.copier.copy(job).await.targets.pop().map(|placed| placed.result);
        Ok(match placed {
            Some(Ok(Done::Copied { .. } | Done::KeptNewer(_))) => Ok(Some(name)),
            Some(Err(Failure::Error(error))) if error.kind() == ErrorKind::NotFound => Ok(None),
            Some(Err(Failure::Error(error))) => Err(format!("it could not be kept: {error}")),
            Some(Err(Failure::Cancelled)) | None => Err("the run was stopped before it was kept".to_owned()),
        })
    }

    fn note(&self, key: &Key) -> Result<()> {
        if let Some(written) = &self.written {
            let address = self.backup.place.address(key.as_str());
            written.lock().unwrap_or_else(PoisonError::into_inner).insert(&address, &())?;
        }
        Ok(())
    }

    /// Whether this run wrote it, so that it is not to be deleted.
    pub(super) fn has_written(&self, key: &Key) -> Result<bool> {
        let Some(written) = &self.written else { return Ok(false) };
        let address = self.destination.address(key.as_str());
        Ok(written.lock().unwrap_or_else(PoisonError::into_inner).get(&address)?.is_some())
    }

    /// Whether what is kept lies where objects are deleted.
    pub(super) fn keeps_inside(&self) -> bool {
        self.written.is_some()
    }

    pub(super) fn unfinished(&self) -> Vec<Unfinished> {
        self.copier.unfinished()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suffix_goes_behind_the_name_or_before_its_extension() {
        let place = Place::open("memory://backup").unwrap();
        let mut backup = Backup { suffix: "-old".to_owned(), ..Backup::new(place) };
        let name = |backup: &Backup, key: &str| backup.name(&Key::from(key)).as_str().to_owned();
        assert_eq!(name(&backup, "a.b/c.txt"), "a.b/c.txt-old");
        backup.keep_extension = true;
        for (key, kept) in [
            ("a.b/c.txt", "a.b/c-old.txt"),
            ("a.b/c", "a.b/c-old"),
            ("x.tar.gz", "x-old.tar.gz"),
            ("x.y.gz", "x.y-old.gz"),
            (".hidden", "-old.hidden"),
            ("a/", "a/-old"),
        ] {
            assert_eq!(name(&backup, key), kept);
        }
    }
}
