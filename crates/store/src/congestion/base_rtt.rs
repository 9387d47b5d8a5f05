//! The shortest round trips lately: what a request takes where nothing waits before it.

use std::time::Duration;

use tokio::time::Instant;

/// How long a round trip is remembered, at least; twice as long at most.
const MEMORY: Duration = Duration::from_secs(30);

/// Requests through one gate that take about the same time where nothing waits: the others say nothing about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Class(usize);

impl Class {
    pub(super) const COUNT: usize = 11;
    /// Whatever is answered with an error.
    pub(super) const ERROR: Self = Self(Self::COUNT - 1);
    /// Of all others.
    pub(super) const LAST: Self = Self(Self::COUNT - 2);

    /// One of the others; all beyond the last are the last one.
    pub(super) const fn new(number: usize) -> Self {
        if number < Self::LAST.0 { Self(number) } else { Self::LAST }
    }

    pub(super) fn number(self) -> usize {
        self.0
    }
}

/// The quickest round trip of late for each class of request: what the store takes where nothing waits in a queue.
#[derive(Debug)]
pub(super) struct BaseRtt {
    trips: [Trips; Class::COUNT],
    since: Instant,
}

/// Of the time from `since` on, and of that before.
#[derive(Clone, Copy, Debug, Default)]
struct Trips {
    now: Option<Duration>,
    before: Option<Duration>,
}

impl Trips {
    fn quickest(&self) -> Option<Duration> {
        self.now.into_iter().chain(self.before).min()
    }
}

impl BaseRtt {
    pub(super) fn new(now: Instant) -> Self {
        Self { trips: Default::default(), since: now }
    }

    /// Takes note of a round trip. Gives the quickest one known, and says whether it is time to look again how quick it is
    /// without a queue: what is new may have waited in one.
    pub(super) fn note(&mut self, class: Class, trip: Duration, now: Instant) -> (Duration, bool) {
        let age = now - self.since;
        if age > MEMORY {
            let before = |trips: Trips| trips.now.filter(|_| age <= 2 * MEMORY);
            self.trips = self.trips.map(|trips| Trips { now: None, before: before(trips) });
            self.since = now;
        }
        let trips = &mut self.trips[class.number()];
        trips.now = Some(trips.now.map_or(trip, |quickest| quickest.min(trip)));
        (trips.quickest().unwrap_or(trip), age > MEMORY)
    }

    /// Of each class, in the order of their numbers; nothing where none is known.
    pub(super) fn all(&self) -> impl Iterator<Item = Duration> {
        self.trips.iter().map(|trips| trips.quickest().unwrap_or_default())
    }

    /// What was measured holds no more.
    pub(super) fn forget(&mut self) {
        self.trips = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_quick_is_remembered_for_a_while_and_after_a_pause_not_at_all() {
        let start = Instant::now();
        let [ten, twenty, fifty] = [10, 20, 50].map(Duration::from_millis);
        let of = |seconds: &[(u64, Duration)]| {
            let mut base_rtt = BaseRtt::new(start);
            let noted =
                |(at, trip): &(u64, Duration)| base_rtt.note(Class::new(0), *trip, start + Duration::from_secs(*at));
            seconds.iter().map(noted).collect::<Vec<_>>()
        };
        assert_eq!(of(&[(0, ten), (29, fifty), (31, fifty)]), [(ten, false), (ten, false), (ten, true)]);
        assert_eq!(of(&[(0, ten), (31, twenty), (62, fifty)]), [(ten, false), (ten, true), (twenty, true)]);
        assert_eq!(of(&[(0, ten), (61, fifty)]), [(ten, false), (fifty, true)]);
    }
}
