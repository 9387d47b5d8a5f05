//! How many requests may be under way at once.

use std::time::Duration;

use tokio::time::Instant;

use super::quickest::{Quickest, Sort};

/// Where it begins. No store is flooded by so few, and they double within a round trip; that requests take long is no
/// reason to have fewer either.
const AT_FIRST: f64 = 16.0;
/// Beyond this no caller goes.
const MOST: f64 = 4096.0;
/// What is left of it after a refusal.
const AFTER_REFUSAL: f64 = 0.7;
/// After a refusal it grows by one a round for so long.
const CAREFUL: Duration = Duration::from_secs(10);
/// Round trips that take so many times as long as the quickest one spend the rest in a line.
const LINE: u32 = 2;
/// Where they take so many times as long, the line is too long.
const LONG_LINE: u32 = 4;
/// What is left of it where the line is too long: so little that what is done tells whether it was a line.
const AFTER_LONG_LINE: f64 = 0.5;
/// Round trips within one machine vary by more than they last.
const NOISE: Duration = Duration::from_millis(1);
/// So many round trips are needed to say anything.
const MEASURED: u32 = 8;
/// So much more or less is done where it is no accident: answers come in bursts.
const NOTICEABLE: f64 = 0.25;

/// Follows what comes of the requests, a round at a time: as many answers as there may be requests under way.
#[derive(Debug)]
pub(super) struct Limit {
    limit: f64,
    quickest: Quickest,
    round: Round,
    last: Option<Step>,
    cut: Option<Instant>,
}

#[derive(Debug)]
struct Round {
    began: Instant,
    answers: u32,
    /// Answers to requests with which the limit was reached.
    full: u32,
    /// The most that were under way.
    most: usize,
    sorts: [Tally; Sort::COUNT],
    /// What the answers would have taken one after the other, at the quickest: of what takes long less is done.
    work: Duration,
    /// The quickest round trip known is so old that the line has to become shorter for a moment, to see it again.
    looks_again: bool,
}

/// Answers of one sort.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    all: u32,
    /// Those that had waited in no line, and in no long one.
    quick: u32,
    fairly_quick: u32,
}

/// What the last round did to the limit, and how much was done in it.
#[derive(Clone, Copy, Debug)]
struct Step {
    from: f64,
    to: f64,
    /// Work.
    per_second: f64,
    /// Whether the requests waited in a line.
    line: bool,
}

impl Round {
    fn new(began: Instant) -> Self {
        Self {
            began,
            answers: 0,
            full: 0,
            most: 0,
            sorts: Default::default(),
            work: Duration::ZERO,
            looks_again: false,
        }
    }

    fn answered(&mut self, sort: Sort, trip: Duration, quickest: Duration) {
        let takes_less_than = |times: u32| u32::from(trip <= quickest * times + NOISE);
        self.answers += 1;
        self.work += quickest;
        let tally = &mut self.sorts[sort.number()];
        tally.all += 1;
        tally.quick += takes_less_than(LINE);
        tally.fairly_quick += takes_less_than(LONG_LINE);
    }

    /// Whether more than a quarter were of sorts of which none went through as quickly. Where all wait in a line, some sort
    /// may not have been seen without it; and one sort may wait alone.
    fn is_slow(&self, quick: impl Fn(&Tally) -> u32) -> bool {
        let slow: u32 = self.sorts.iter().filter(|tally| quick(tally) == 0).map(|tally| tally.all).sum();
        self.answers >= MEASURED && slow * 4 > self.answers
    }
}

impl Limit {
    pub(super) fn new(now: Instant) -> Self {
        Self { limit: AT_FIRST, quickest: Quickest::new(now), round: Round::new(now), last: None, cut: None }
    }

    /// Requests.
    pub(super) fn get(&self) -> usize {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 1 to MOST
        let limit = self.limit as usize;
        limit
    }

    /// An answer, how long it took, and how many were under way with it.
    pub(super) fn answered(&mut self, sort: Sort, trip: Duration, under_way: usize, now: Instant) {
        let (quickest, looks_again) = self.quickest.note(sort, trip, now);
        self.round.looks_again |= looks_again;
        self.round.full += u32::from(under_way >= self.get());
        self.round.most = self.round.most.max(under_way);
        self.round.answered(sort, trip, quickest);
        if f64::from(self.round.answers) >= self.length() {
            self.end_round(now);
        }
    }

    /// A refusal, or no answer in time, to a request that was sent at `begun`, with so many under way. Says whether the
    /// limit shrank: once a round trip, because all that were under way are refused alike.
    pub(super) fn refused(&mut self, begun: Instant, under_way: usize, now: Instant) -> bool {
        if self.cut.is_some_and(|cut| begun < cut) {
            return false;
        }
        #[allow(clippy::cast_precision_loss)]
        let used = under_way as f64;
        (self.limit, self.cut, self.last) = ((self.limit.min(used) * AFTER_REFUSAL).max(1.0), Some(now), None);
        self.round = Round::new(now);
        true
    }

    /// Answers in a round. Where not all is clear, more are needed to tell accidents from changes.
    fn length(&self) -> f64 {
        if self.last.is_some_and(|step| step.line) { 2.0 * self.limit } else { self.limit }
    }

    fn end_round(&mut self, now: Instant) {
        let round = std::mem::replace(&mut self.round, Round::new(now));
        let per_second = round.work.as_secs_f64() / (now - round.began).as_secs_f64().max(1e-6);
        let (line, long_line) = (round.is_slow(|tally| tally.quick), round.is_slow(|tally| tally.fairly_quick));
        let is_used = round.full * 2 >= round.answers;
        if !is_used && !long_line {
            // More than what is wanted: nothing is learned about it.
            self.last = None;
            return;
        }
        #[allow(clippy::cast_precision_loss)]
        let from = self.limit.min(round.most as f64);
        let to = match self.last {
            // As much less is done as there are fewer under way: it is not a line that they wait in.
            Some(last) if last.to < last.from && per_second < last.per_second * (1.0 - NOTICEABLE) => {
                self.quickest.forget();
                last.from
            }
            // Whatever it takes: more under way do more.
            Some(last) if last.to > last.from && per_second > last.per_second * (1.0 + NOTICEABLE) => self.more(now),
            _ if long_line || line && round.looks_again => from.min(AT_FIRST).max(from * AFTER_LONG_LINE),
            _ if line => from,
            _ => self.more(now),
        };
        self.limit = to.clamp(1.0, MOST);
        self.last = Some(Step { from, to: self.limit, per_second, line });
    }

    fn more(&self, now: Instant) -> f64 {
        let careful = self.cut.is_some_and(|cut| now - cut < CAREFUL);
        if careful { self.limit + 1.0 } else { self.limit * 2.0 }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Event {
        Answer { sort: usize, trip: u32, under_way: usize },
        Refusal { age: u32, under_way: usize },
    }

    fn event() -> impl Strategy<Value = (u32, Event)> {
        let answer = (0usize..20, any::<u32>(), 0usize..10_000);
        let answer = answer.prop_map(|(sort, trip, under_way)| Event::Answer { sort, trip, under_way });
        let refusal = (0u32..1_000_000, 0usize..10_000).prop_map(|(age, under_way)| Event::Refusal { age, under_way });
        (0u32..1_000_000, prop_oneof![20 => answer, 1 => refusal])
    }

    proptest! {
        #[test]
        fn there_is_always_one_and_never_more_than_the_most(events in prop::collection::vec(event(), 0..2000)) {
            let micros = |n: u32| Duration::from_micros(n.into());
            let start = Instant::now() + Duration::from_secs(10);
            let (mut now, mut limit) = (start, Limit::new(start));
            for (pause, event) in events {
                now += micros(pause);
                match event {
                    Event::Answer { sort, trip, under_way } => {
                        limit.answered(Sort::new(sort), micros(trip), under_way, now);
                    },
                    Event::Refusal { age, under_way } => {
                        let before = limit.get();
                        limit.refused(now - micros(age), under_way, now);
                        prop_assert!(limit.get() <= before);
                    }
                }
                prop_assert!((1..=4096).contains(&limit.get()), "{}", limit.get());
            }
        }
    }

    #[test]
    fn what_is_not_used_does_not_grow() {
        let start = Instant::now();
        let mut limit = Limit::new(start);
        (1..1000).for_each(|ms| limit.answered(Sort::new(0), Duration::ZERO, 15, start + Duration::from_millis(ms)));
        assert_eq!(limit.get(), 16);
    }

    #[test]
    fn all_that_were_under_way_are_refused_alike_and_count_once() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut limit = Limit::new(start);
        assert!(limit.refused(at(0), 16, at(10)));
        (11..26).for_each(|ms| assert!(!limit.refused(at(5), 16, at(ms))));
        assert_eq!(limit.get(), 11);
        assert!(limit.refused(at(12), 11, at(30)));
        assert_eq!(limit.get(), 7);
        assert!(limit.refused(at(31), 2, at(40)), "what was not used had no share in it");
        assert_eq!(limit.get(), 1);
    }
}
