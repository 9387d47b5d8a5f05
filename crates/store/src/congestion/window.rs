//! What became of the requests of the last second.

use std::time::Duration;

use tokio::time::Instant;

const SLOTS: usize = 10;
const SLOTS_A_SECOND: u64 = 10;
/// A rate is measured over no less.
const SHORTEST: Duration = Duration::from_millis(100);

/// What became of the requests of the last second.
#[derive(Debug)]
pub(super) struct Window {
    origin: Instant,
    slots: [Slot; SLOTS],
    /// The number of the slot that is filled now, from `origin` on.
    at: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Slot {
    answered: u32,
    refused: u32,
}

impl Window {
    pub(super) fn new(now: Instant) -> Self {
        Self { origin: now, slots: [Slot::default(); SLOTS], at: 0 }
    }

    pub(super) fn answered(&mut self, now: Instant) {
        self.slot(now).answered += 1;
    }

    pub(super) fn refused(&mut self, now: Instant) {
        self.slot(now).refused += 1;
    }

    /// How many were refused.
    pub(super) fn refusals(&self) -> u32 {
        self.slots.iter().map(|slot| slot.refused).sum()
    }

    /// How many were answered.
    pub(super) fn answers(&self) -> u32 {
        self.slots.iter().map(|slot| slot.answered).sum()
    }

    /// Requests a second, answered or not. Measured from the first one in the window on, so that a pause before them does
    /// not count.
    pub(super) fn per_second(&mut self, now: Instant) -> f64 {
        self.slot(now);
        let first = (self.at + 1).saturating_sub(SLOTS as u64);
        let is_used = |slot: &u64| self.slots[index(*slot)] != Slot::default();
        let began = (first..=self.at).find(is_used).unwrap_or(self.at);
        let began = Duration::from_millis(began * 1000 / SLOTS_A_SECOND);
        let span = (now - self.origin).saturating_sub(began).max(SHORTEST);
        f64::from(self.answers() + self.refusals()) / span.as_secs_f64()
    }

    fn slot(&mut self, now: Instant) -> &mut Slot {
        let since = now - self.origin;
        let at = since.as_secs() * SLOTS_A_SECOND + u64::from(since.subsec_millis()) * SLOTS_A_SECOND / 1000;
        if at > self.at {
            let stale = (self.at + 1..=at).rev().take(SLOTS);
            stale.for_each(|slot| self.slots[index(slot)] = Slot::default());
            self.at = at;
        }
        &mut self.slots[index(self.at)]
    }
}

fn index(slot: u64) -> usize {
    #[allow(clippy::cast_possible_truncation)] // less than SLOTS
    let index = (slot % SLOTS as u64) as usize;
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_second_is_measured_and_what_was_before_is_forgotten() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut window = Window::new(start);
        (0..10).for_each(|_| window.answered(at(0)));
        assert_eq!(window.per_second(at(20)), 100.0, "over a tenth of a second at least");
        assert_eq!(window.per_second(at(500)), 20.0);
        (0..5).for_each(|_| window.refused(at(5000)));
        assert_eq!((window.answers(), window.refusals()), (0, 5));
        assert_eq!(window.per_second(at(5500)), 10.0, "the pause does not count");
        assert_eq!(window.per_second(at(60_000)), 0.0);
    }
}
