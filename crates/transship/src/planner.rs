use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use futures::{Stream, TryStreamExt};
use time::OffsetDateTime;
use transship_types::{Entry, Key};

use crate::{
    Error, Plan, Result, Route,
    spool::Spool,
    unique::{Unique, fingerprint},
};

/// Looks at every object before the first is copied: who wins a shared key, and whether two would get one key by
/// mistake. What it remembers goes to disk where it is much.
#[derive(Debug)]
pub struct Planner {
    route: Route,
    entries: Spool<Entry>,
    /// For each leg whose keys must differ.
    unique: Vec<Option<Unique>>,
    /// For each leg whose keys are shared on purpose: the newest so far.
    newest: Vec<Option<HashMap<Key, (OffsetDateTime, Key)>>>,
}

impl Planner {
    /// Whether a route needs this at all: where every key stays as it is, objects can be copied as they are listed.
    pub fn is_needed(route: &Route) -> bool {
        route.legs.iter().any(crate::Leg::may_collide)
    }

    /// A planner that may use `work_dir`.
    pub fn new(route: Route, work_dir: &Path) -> Self {
        let shares = |leg: &crate::Leg| leg.keys.newest_wins();
        let unique = |leg: &crate::Leg| (leg.may_collide() && !shares(leg)).then(|| Unique::new(work_dir));
        Self {
            entries: Spool::new(work_dir),
            unique: route.legs.iter().map(unique).collect(),
            newest: route.legs.iter().map(|leg| shares(leg).then(HashMap::new)).collect(),
            route,
        }
    }

    /// Takes note of a listing.
    ///
    /// # Errors
    /// The listing's own, and `WorkDir`.
    pub async fn add_all(&mut self, entries: impl Stream<Item = Result<Entry>>) -> Result<()> {
        let mut entries = std::pin::pin!(entries);
        while let Some(entry) = entries.try_next().await? {
            self.add(entry)?;
        }
        Ok(())
    }

    fn add(&mut self, entry: Entry) -> Result<()> {
        let relative = self.route.relative(&entry.key);
        for (leg, (unique, newest)) in self.route.legs.iter().zip(self.unique.iter_mut().zip(&mut self.newest)) {
            // A key that does not match fails later, as an outcome.
            let Ok(mapped) = leg.keys.map(relative.as_str()) else { continue };
            if let Some(unique) = unique {
                unique.add(&mapped.key)?;
            }
            if let Some(newest) = newest {
                let candidate = (entry.last_modified, relative.clone());
                let best = newest.entry(Key::from(mapped.key)).or_insert_with(|| candidate.clone());
                if candidate > *best {
                    *best = candidate;
                }
            }
        }
        self.entries.push(entry)
    }

    /// The plan, and the entries again, in the order of the listing.
    ///
    /// # Errors
    /// `Collision`, naming two objects that would get one key.
    pub fn finish(mut self) -> Result<(Plan, impl Iterator<Item = Result<Entry>> + Send)> {
        for leg in 0..self.route.legs.len() {
            if let Some(unique) = self.unique[leg].take()
                && let Some(found) = unique.duplicate()?
            {
                return Err(self.collision(leg, found)?);
            }
        }
        let keys = |newest: HashMap<Key, (OffsetDateTime, Key)>| newest.into_iter().map(|(k, (_, s))| (k, s)).collect();
        let winners = self.newest.into_iter().map(|newest| newest.map(keys)).collect();
        Ok((Plan { winners, ..Plan::new(self.route) }, self.entries.read()?))
    }

    /// Names the two objects behind a fingerprint.
    fn collision(&mut self, leg: usize, found: u128) -> Result<Error> {
        let leg = &self.route.legs[leg];
        let mut clash: Vec<(Key, Key)> = Vec::new();
        for entry in self.entries.read()? {
            let relative = self.route.relative(&entry?.key);
            match leg.keys.map(relative.as_str()) {
                Ok(mapped) if fingerprint(&mapped.key) == found => clash.push((relative, Key::from(mapped.key))),
                _ => {}
            }
            if let [(first, _), (second, key)] = &clash[..] {
                let (first, second, key) = (first.clone(), second.clone(), key.clone());
                return Ok(Error::Collision { destination: leg.name.clone(), key, first, second });
            }
        }
        let cause = std::io::Error::other("it changed while it was read");
        Ok(Error::WorkDir { directory: PathBuf::new(), cause })
    }
}
