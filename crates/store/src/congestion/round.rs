//! What the answers to so many requests say together.

use std::time::Duration;

use tokio::time::Instant;

use super::base_rtt::{BaseRtt, Class};

/// Round trips that take so many times as long as the quickest one spend the rest in a queue.
const QUEUE: u32 = 2;
/// Where they take so many times as long, the queue is too long.
const LONG_QUEUE: u32 = 4;
/// A wait that is no longer is not called a queue: within one machine round trips vary by more than they last, and a server
/// that always has the next request at hand may do more. Where round trips are so short that four of them take no longer,
/// any queue is a long one.
const SHORT_WAIT: Duration = Duration::from_millis(10);
/// So many round trips are needed to say anything.
const MEASURED: u32 = 8;

/// As many answers as there may be requests under way, or some more.
#[derive(Debug)]
pub(super) struct Round {
    began: Instant,
    pub(super) answers: u32,
    /// Answers to requests with which the limit was reached.
    full: u32,
    /// The most that were under way.
    pub(super) most: usize,
    classes: [Tally; Class::COUNT],
}

/// Answers of one class.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    all: u32,
    /// Those that had waited in no queue, and in no long one.
    quick: u32,
    fairly_quick: u32,
}

/// Answers, and the time in which they came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Done {
    answers: [u32; Class::COUNT],
    seconds: f64,
}

impl Round {
    pub(super) fn new(began: Instant) -> Self {
        Self { began, answers: 0, full: 0, most: 0, classes: Default::default() }
    }

    pub(super) fn answered(&mut self, class: Class, [trip, quickest]: [Duration; 2], under_way: usize, limit: usize) {
        let is_within = |times: u32| u32::from(trip <= (quickest * times).max(quickest + SHORT_WAIT));
        self.answers += 1;
        self.full += u32::from(under_way >= limit);
        self.most = self.most.max(under_way);
        let tally = &mut self.classes[class.number()];
        tally.all += 1;
        tally.quick += is_within(QUEUE);
        tally.fairly_quick += is_within(LONG_QUEUE);
    }

    /// Whether there were as many under way as there may be.
    pub(super) fn is_used(&self) -> bool {
        self.full * 2 >= self.answers
    }

    /// Whether the requests waited in a queue at the store.
    pub(super) fn is_queued(&self) -> bool {
        self.is_slow(|tally| tally.quick)
    }

    pub(super) fn is_in_long_queue(&self) -> bool {
        self.is_slow(|tally| tally.fairly_quick)
    }

    /// Whether more than a quarter were of classes of which not one went through as quickly. Where all wait in a queue, some
    /// class may not have been seen without it; and one class may wait alone.
    fn is_slow(&self, quick: impl Fn(&Tally) -> u32) -> bool {
        let slow: u32 = self.classes.iter().filter(|tally| quick(tally) == 0).map(|tally| tally.all).sum();
        self.answers >= MEASURED && slow * 4 > self.answers
    }

    pub(super) fn done(&self, now: Instant) -> Done {
        Done { answers: self.classes.map(|tally| tally.all), seconds: (now - self.began).as_secs_f64().max(1e-6) }
    }
}

impl Done {
    /// How many requests, as long as they take without a queue, were dealt with side by side: of those that take long,
    /// fewer are done in the same time.
    pub(super) fn speed(&self, base_rtt: &BaseRtt) -> f64 {
        let of = |(trip, answers): (Duration, u32)| trip.as_secs_f64() * f64::from(answers);
        base_rtt.all().zip(self.answers).map(of).sum::<f64>() / self.seconds
    }
}
