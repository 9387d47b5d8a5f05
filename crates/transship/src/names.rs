//! The keys that a run gives out.

use std::path::Path;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use transship_keys::Mapped;
use transship_spill::Table;
use transship_types::{Entry, Key};

use crate::{Error, Leg, Result, Route};

/// Who gets which key, in the course of a listing.
#[derive(Debug)]
pub(crate) struct Names {
    /// For each leg whose keys are shared on purpose: the newest source so far, by its key there.
    shared: Vec<Option<Table<Winner>>>,
    /// For each leg, whether its keys must be watched.
    watched: Vec<bool>,
    /// What becomes of which address; two destinations may lie in one place.
    taken: Table<Claim>,
}

/// The source object that gets a shared key: the newest, or of equally new ones that with the greatest key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Winner {
    #[serde(with = "time::serde::timestamp::nanoseconds")]
    modified: OffsetDateTime,
    /// Relative to the source's prefix.
    pub(crate) key: Key,
}

/// What the first one to get an address makes of it.
#[derive(Debug, Serialize, Deserialize)]
struct Claim {
    leg: usize,
    /// Relative to the source's prefix.
    source: Key,
    unpack: bool,
}

impl Names {
    pub(crate) fn new(route: &Route, work_dir: &Path) -> Self {
        let legs = &route.legs;
        let shared = legs.iter().map(|leg| leg.keys.newest_wins().then(|| Table::new(work_dir))).collect();
        let watched = (0..legs.len()).map(|leg| is_watched(legs, leg)).collect();
        Self { shared, watched, taken: Table::new(work_dir) }
    }

    /// Whether two objects could get one key anywhere.
    pub(crate) fn may_collide(route: &Route) -> bool {
        let legs = &route.legs;
        (0..legs.len()).any(|leg| legs[leg].keys.newest_wins() || is_watched(legs, leg))
    }

    /// Takes note of what `source` would become at a leg.
    ///
    /// # Errors
    /// `Collision`, and `WorkDir`.
    pub(crate) fn give(
        &mut self,
        legs: &[Leg],
        leg: usize,
        mapped: Mapped,
        source: &Entry,
        relative: &Key,
    ) -> Result<()> {
        if self.watched[leg] {
            let claim = Claim { leg, source: relative.clone(), unpack: mapped.unpack };
            self.claim(legs, &legs[leg].full(&mapped.key), claim)?;
        }
        let Some(winners) = &mut self.shared[leg] else { return Ok(()) };
        let candidate = Winner { modified: source.last_modified, key: relative.clone() };
        let wins = winners.get(&mapped.key)?.is_none_or(|best| candidate > best);
        if wins { Ok(winners.insert(&mapped.key, &candidate)?) } else { Ok(()) }
    }

    fn claim(&mut self, legs: &[Leg], key: &Key, claim: Claim) -> Result<()> {
        let address = legs[claim.leg].place.address(key.as_str());
        let Some(first) = self.taken.get(&address)? else { return Ok(self.taken.insert(&address, &claim)?) };
        let shares = |leg: usize| legs[leg].keys.newest_wins();
        let meant = if first.leg == claim.leg {
            first.source == claim.source || shares(claim.leg)
        } else {
            // The same content twice does no harm. Who wins a shared key is not known before the end of the listing.
            first.source == claim.source && first.unpack == claim.unpack && !shares(first.leg) && !shares(claim.leg)
        };
        if meant {
            return Ok(());
        }
        let (here, there) = (&legs[first.leg], &legs[claim.leg]);
        let other = (first.leg != claim.leg).then(|| there.name.clone());
        let relative = key.strip_prefix(&here.place.prefix).filter(|_| other.is_none());
        let (destination, key) = (here.name.clone(), relative.unwrap_or_else(|| key.clone()));
        Err(Error::Collision { destination, other, key, first: first.source, second: claim.source })
    }

    /// The winners of shared keys, once all are known.
    pub(crate) fn winners(self) -> Result<Vec<Option<Table<Winner>>>> {
        let settled = |winners: Option<Table<Winner>>| match winners {
            Some(mut winners) => {
                winners.settle()?;
                Ok(Some(winners))
            }
            None => Ok(None),
        };
        self.shared.into_iter().map(settled).collect()
    }
}

/// Whether two objects could get one key at this leg by mistake, from it alone or from it and another one in the same
/// place.
fn is_watched(legs: &[Leg], leg: usize) -> bool {
    let this = &legs[leg];
    let alone = this.may_collide() && !this.keys.newest_wins();
    let (mut others, place) = (legs.iter().enumerate().filter(|(other, _)| *other != leg), &this.place);
    alone || others.any(|(_, other)| place.contains(&other.place) || other.place.contains(place))
}
