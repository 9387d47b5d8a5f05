//! The keys that a run gives out at one destination.

use std::path::Path;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use transship_spill::Table;
use transship_types::{Entry, Key};

use crate::{Error, Leg, Result};

/// Who gets which key at one destination, in the course of a listing.
#[derive(Debug)]
pub(crate) enum Names {
    /// Keys stay as they are.
    Kept,
    /// Each key must have one source: which one that is.
    Unique(Table<Key>),
    /// Keys are shared on purpose: the newest source so far.
    Shared(Table<Winner>),
}

/// The source object that gets a shared key: the newest, or of equally new ones that with the greatest key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Winner {
    #[serde(with = "time::serde::timestamp::nanoseconds")]
    modified: OffsetDateTime,
    /// Relative to the source's prefix.
    pub(crate) key: Key,
}

impl Names {
    pub(crate) fn new(leg: &Leg, work_dir: &Path) -> Self {
        if leg.keys.newest_wins() {
            Self::Shared(Table::new(work_dir))
        } else if leg.may_collide() {
            Self::Unique(Table::new(work_dir))
        } else {
            Self::Kept
        }
    }

    /// Takes note that `source` would become `key`.
    ///
    /// # Errors
    /// `Collision`, and `WorkDir`.
    pub(crate) fn give(&mut self, leg: &Leg, key: String, source: &Entry, relative: &Key) -> Result<()> {
        match self {
            Self::Kept => Ok(()),
            Self::Unique(sources) => match sources.get(&key)? {
                Some(first) if first != *relative => {
                    let (destination, second) = (leg.name.clone(), relative.clone());
                    Err(Error::Collision { destination, key: Key::from(key), first, second })
                }
                Some(_) => Ok(()),
                None => Ok(sources.insert(&key, relative)?),
            },
            Self::Shared(winners) => {
                let candidate = Winner { modified: source.last_modified, key: relative.clone() };
                let wins = winners.get(&key)?.is_none_or(|best| candidate > best);
                if wins { Ok(winners.insert(&key, &candidate)?) } else { Ok(()) }
            }
        }
    }

    /// The winners of shared keys, once all are known.
    pub(crate) fn winners(self) -> Result<Option<Table<Winner>>> {
        let Self::Shared(mut winners) = self else { return Ok(None) };
        winners.settle()?;
        Ok(Some(winners))
    }
}
