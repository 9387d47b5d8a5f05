use std::collections::HashMap;

use transship_types::{Entry, Key};

use crate::{Comparison, Existing, Route};

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
    /// For each leg whose keys are shared: the source key that wins each.
    pub(crate) winners: Vec<Option<HashMap<Key, Key>>>,
    /// For each leg: why nothing can be written there, where that was found out.
    pub(crate) closed: Vec<Option<String>>,
}

impl Plan {
    /// A plan that knows nothing but the route.
    pub fn new(route: Route) -> Self {
        let legs = route.legs.len();
        Self { route, existing: vec![None; legs], winners: vec![None; legs], closed: vec![None; legs] }
    }

    /// The route.
    pub fn route(&self) -> &Route {
        &self.route
    }

    /// Decides what happens to one object. Nothing is sent.
    pub fn decide(&self, source: Entry) -> Planned {
        let targets = (0..self.route.legs.len()).map(|leg| self.target(leg, &source)).collect();
        Planned { source, targets }
    }

    fn target(&self, leg: usize, source: &Entry) -> PlannedTarget {
        let relative = self.route.relative(&source.key);
        let keys = &self.route.legs[leg].keys;
        let mapped = match keys.map(relative.as_str()) {
            Ok(mapped) => mapped,
            Err(error) => {
                return PlannedTarget { leg, key: None, decision: Decision::Fail { error: error.to_string() } };
            }
        };
        let key = self.route.legs[leg].full(&mapped.key);
        let decision = self.decision(leg, source, &relative, &Key::from(mapped.key), &key, mapped.unpack);
        PlannedTarget { leg, key: Some(key), decision }
    }

    fn decision(&self, leg: usize, source: &Entry, relative: &Key, mapped: &Key, key: &Key, unpack: bool) -> Decision {
        let there = &self.route.legs[leg];
        if let Some(error) = &self.closed[leg] {
            return Decision::Fail { error: error.clone() };
        }
        if let Err(error) = there.place.bucket.check_key(key) {
            return Decision::Fail { error: error.to_string() };
        }
        let newest_wins = there.keys.newest_wins();
        let winner = self.winners[leg].as_ref().and_then(|w| w.get(mapped)).filter(|winner| *winner != relative);
        if let Some(winner) = winner {
            return Decision::GiveWay { to: winner.clone() };
        }
        let etags = self.route.source.bucket.capabilities().etag_may_be_md5;
        let by = Comparison { etags, unpacked: unpack, shared: newest_wins };
        if self.existing[leg].as_ref().is_some_and(|e| e.holds(key, source, by)) {
            return Decision::Skip { reason: "already there".to_owned() };
        }
        Decision::Write { unpack, newest_wins }
    }
}
