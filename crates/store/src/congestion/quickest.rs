use std::time::Duration;

use tokio::time::Instant;

/// How long a round trip is remembered, at least; twice as long at most.
const MEMORY: Duration = Duration::from_secs(30);

/// Requests through one gate that take about the same time where nothing waits: the others say nothing about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sort(usize);

impl Sort {
    pub(super) const COUNT: usize = 10;

    /// One of [`Sort::COUNT`]; all beyond are the last one.
    pub(super) const fn new(number: usize) -> Self {
        Self(if number < Self::COUNT { number } else { Self::COUNT - 1 })
    }

    pub(super) fn number(self) -> usize {
        self.0
    }
}

/// The quickest round trip of late for each sort of request: what the store takes where nothing waits in line.
#[derive(Debug)]
pub(super) struct Quickest {
    trips: [Trips; Sort::COUNT],
    since: Instant,
}

/// Of the time from `since` on, and of that before.
#[derive(Clone, Copy, Debug, Default)]
struct Trips {
    now: Option<Duration>,
    before: Option<Duration>,
}

impl Quickest {
    pub(super) fn new(now: Instant) -> Self {
        Self { trips: Default::default(), since: now }
    }

    /// Takes note of a round trip. Gives the quickest one known, and says whether it is time to look again how quick it is
    /// without a line.
    pub(super) fn note(&mut self, sort: Sort, trip: Duration, now: Instant) -> (Duration, bool) {
        let is_old = now - self.since > MEMORY;
        if is_old {
            self.trips = self.trips.map(|trips| Trips { now: None, before: trips.now });
            self.since = now;
        }
        let trips = &mut self.trips[sort.number()];
        let quickest = trips.now.map_or(trip, |quickest| quickest.min(trip));
        trips.now = Some(quickest);
        (trips.before.map_or(quickest, |before| before.min(quickest)), is_old)
    }

    /// What was measured holds no more.
    pub(super) fn forget(&mut self) {
        self.trips = Default::default();
    }
}
