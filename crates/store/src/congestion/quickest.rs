use std::time::Duration;

use tokio::time::Instant;

/// How long a round trip is remembered, at least; twice as long at most.
const MEMORY: Duration = Duration::from_secs(30);

/// The quickest round trip of late: what the store takes where nothing waits in line.
#[derive(Debug)]
pub(super) struct Quickest {
    now: Option<Duration>,
    before: Option<Duration>,
    since: Instant,
}

impl Quickest {
    pub(super) fn new(now: Instant) -> Self {
        Self { now: None, before: None, since: now }
    }

    /// Says whether it is time to look again how quick it is without a line.
    pub(super) fn note(&mut self, trip: Duration, now: Instant) -> bool {
        let is_old = now - self.since > MEMORY;
        if is_old {
            (self.before, self.now, self.since) = (self.now.take(), None, now);
        }
        self.now = Some(self.now.map_or(trip, |quickest| quickest.min(trip)));
        is_old
    }

    pub(super) fn get(&self) -> Option<Duration> {
        self.now.into_iter().chain(self.before).min()
    }

    /// What was measured holds no more.
    pub(super) fn forget(&mut self) {
        (self.now, self.before) = (None, None);
    }
}
