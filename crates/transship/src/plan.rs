use std::sync::OnceLock;

use transship_keys::Mapped;
use transship_spill::Table;
use transship_types::{Entry, Key};

use crate::{Comparison, Existing, Leg, Likeness, Result, Route, names::Winner};

/// What will happen to one source object: the plan's unit, and what a dry run prints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// The object, under its full key.
    pub source: Entry,
    /// For each leg of the route, in order.
    pub targets: Vec<PlannedTarget>,
}

/// What will happen to one object at one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedTarget {
    /// Index of the leg.
    pub leg: usize,
    /// The full key there; `None` where it cannot be told.
    pub key: Option<Key>,
    /// What, and why.
    pub decision: Decision,
}

/// What will happen, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It will be written.
    Write {
        /// Decompressed on the way.
        unpack: bool,
        /// Only if the object there was not copied from a newer source.
        newest_wins: bool,
    },
    /// It need not be written.
    Skip {
        /// Why.
        reason: String,
    },
    /// It need not be written: another object gets the same key, and is newer.
    GiveWay {
        /// That object's key at the source, relative to its prefix.
        to: Key,
    },
    /// It cannot be written.
    Fail {
        /// Why.
        error: String,
    },
}

/// What is known before the first object is copied.
#[derive(Debug)]
pub struct Plan {
    pub(crate) route: Route,
    /// For each leg: what is there, where that was looked up.
    pub(crate) existing: Vec<Option<Existing>>,
    /// For each leg whose keys are shared: who wins each. Set once the whole listing is known.
    pub(crate) winners: OnceLock<Vec<Option<Table<Winner>>>>,
    /// For each leg: why nothing can be written there, where that was found out.
    pub(crate) closed: Vec<Option<String>>,
}

impl Plan {
    /// A plan that knows nothing but the route.
    pub fn new(route: Route) -> Self {
        let legs = route.legs.len();
        let existing = std::iter::repeat_with(|| None).take(legs).collect();
        Self { route, existing, winners: OnceLock::new(), closed: vec![None; legs] }
    }

    /// The route.
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// Decides what happens to one object. Nothing is sent.
    ///
    /// # Errors
    /// `WorkDir`: what is known and did not fit into memory cannot be read again.
    pub fn decide(&self, source: Entry) -> Result<Planned> {
        let targets = (0..self.route.legs.len()).map(|leg| self.target(leg, &source)).collect::<Result<_>>()?;
        Ok(Planned { source, targets })
    }

    /// An object that cannot be read, and why: it fails everywhere.
    pub(crate) fn fail(&self, source: Entry, error: &str) -> Planned {
        let relative = self.route.relative(&source.key);
        let target = |(leg, there): (usize, &Leg)| {
            let key = there.keys.map(relative.as_str()).ok().map(|mapped| there.full(&mapped.key));
            PlannedTarget { leg, key, decision: Decision::Fail { error: error.to_owned() } }
        };
        let targets = self.route.legs.iter().enumerate().map(target).collect();
        Planned { source, targets }
    }

    /// Whether a decision about this object hangs on its time: somewhere the newest one wins, or ages are all that can
    /// be compared.
    pub(crate) fn hangs_on_time(&self, source: &Entry) -> Result<bool> {
        let relative = self.route.relative(&source.key);
        for (leg, there) in self.route.legs.iter().enumerate().filter(|(leg, _)| self.closed[*leg].is_none()) {
            let Ok(mapped) = there.keys.map(relative.as_str()) else { continue };
            let likeness = self.likeness(leg, source, &there.full(&mapped.key), mapped.unpack)?;
            if there.keys.newest_wins() || matches!(likeness, Likeness::NotOlder | Likeness::Older) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn likeness(&self, leg: usize, source: &Entry, key: &Key, unpacked: bool) -> Result<Likeness> {
        let Some(existing) = &self.existing[leg] else { return Ok(Likeness::Different) };
        let etags = self.route.source.bucket.capabilities().etag_may_be_md5;
        let shared = self.route.legs[leg].keys.newest_wins();
        existing.compare(key, source, Comparison { etags, unpacked, shared })
    }

    fn target(&self, leg: usize, source: &Entry) -> Result<PlannedTarget> {
        let relative = self.route.relative(&source.key);
        let there = &self.route.legs[leg];
        let mapped = match there.keys.map(relative.as_str()) {
            Ok(mapped) => mapped,
            Err(error) => {
                return Ok(PlannedTarget { leg, key: None, decision: Decision::Fail { error: error.to_string() } });
            }
        };
        let key = there.full(&mapped.key);
        let decision = self.decision(leg, source, &relative, &mapped, &key)?;
        Ok(PlannedTarget { leg, key: Some(key), decision })
    }

    fn decision(&self, leg: usize, source: &Entry, relative: &Key, mapped: &Mapped, key: &Key) -> Result<Decision> {
        let there = &self.route.legs[leg];
        if let Some(error) = &self.closed[leg] {
            return Ok(Decision::Fail { error: error.clone() });
        }
        if let Err(error) = there.place.bucket.check_key(key) {
            return Ok(Decision::Fail { error: error.to_string() });
        }
        if let Some(to) = self.winner(leg, &mapped.key)?.filter(|winner| winner != relative) {
            return Ok(Decision::GiveWay { to });
        }
        let unpack = mapped.unpack;
        Ok(match self.likeness(leg, source, key, unpack)? {
            Likeness::Equal | Likeness::NotOlder => Decision::Skip { reason: "already there".to_owned() },
            Likeness::Different | Likeness::Older => Decision::Write { unpack, newest_wins: there.keys.newest_wins() },
        })
    }

    fn winner(&self, leg: usize, mapped: &str) -> Result<Option<Key>> {
        match self.winners.get().and_then(|winners| winners[leg].as_ref()) {
            Some(winners) => Ok(winners.get(mapped)?.map(|winner| winner.key)),
            None => Ok(None),
        }
    }
}
