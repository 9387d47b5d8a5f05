//! How many requests may be under way at once.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    base_rtt::{BaseRtt, Class},
    round::Round,
    step::{Outcome, Step},
};

/// Where it begins. No store is flooded by so few, and they soon double. Slow answers never bring it below this; refusals
/// may.
const AT_FIRST: f64 = 16.0;
/// Beyond this no caller goes.
const MOST: f64 = 4096.0;
/// What is left of it after a refusal.
const AFTER_REFUSAL: f64 = 0.7;
/// After a refusal it grows by one a round for so long. Where more did not bring more, it does not grow for so long.
const CAREFUL: Duration = Duration::from_secs(10);
/// What is left of it where the queue is too long: so little that what is done tells whether it was a queue.
const AFTER_LONG_QUEUE: f64 = 0.5;

/// Follows what comes of the requests, a round at a time: as many answers as there may be requests under way.
#[derive(Debug)]
pub(super) struct Limit {
    limit: f64,
    base_rtt: BaseRtt,
    round: Round,
    last: Option<Step>,
    look: Look,
    /// The last refusal.
    cut: Option<Instant>,
    /// When it was changed. Requests that were sent before say nothing of how it is now.
    changed: Instant,
    /// When more were found to bring no more.
    in_vain: Option<Instant>,
}

/// A look at how quick a round trip is without a queue: that is known for a while only.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Look {
    /// None is planned.
    No,
    /// What is known is so old that the queue has to be gone for a moment.
    Due,
    /// Few are under way for one round; otherwise the limit is this.
    Now(f64),
    /// It has been: where there still is a queue, fewer may do as much.
    Over,
}

impl Limit {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            limit: AT_FIRST,
            base_rtt: BaseRtt::new(now),
            round: Round::new(now),
            last: None,
            look: Look::No,
            cut: None,
            changed: now,
            in_vain: None,
        }
    }

    /// Requests.
    pub(super) fn get(&self) -> usize {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 1 to MOST
        let limit = self.limit as usize;
        limit
    }

    /// An answer to a request that was sent at `begun`, and how many were under way with it.
    pub(super) fn answered(&mut self, class: Class, begun: Instant, under_way: usize, now: Instant) {
        let trip = now - begun;
        let (quickest, is_old) = self.base_rtt.note(class, trip, now);
        // One that is under way will do.
        if is_old && !matches!(self.look, Look::Now(_)) {
            self.look = Look::Due;
        }
        if under_way <= 1 && self.get() > 1 {
            // Time in which nobody asks for anything is not the store's.
            (self.round, self.last) = (Round::new(now), None);
        } else if begun >= self.changed {
            self.round.answered(class, [trip, quickest], under_way, self.get());
        } else if self.round.answers == 0 {
            self.round = Round::new(now);
        }
        if f64::from(self.round.answers) >= self.length() {
            self.end_round(now);
        }
    }

    /// A refusal, or no answer in time, to a request that was sent at `begun`, with so many under way. Says whether the
    /// limit shrank: once a round trip, because all that were under way are refused alike. What was not used of it is lost,
    /// down to where it begins.
    pub(super) fn refused(&mut self, begun: Instant, under_way: usize, now: Instant) -> bool {
        if self.cut.is_some_and(|cut| begun < cut) {
            return false;
        }
        #[allow(clippy::cast_precision_loss)]
        let used = under_way as f64;
        self.set((self.limit.min(used.max(AT_FIRST)) * AFTER_REFUSAL).max(1.0), now);
        (self.cut, self.last, self.in_vain) = (Some(now), None, None);
        if matches!(self.look, Look::Now(_)) {
            self.look = Look::No;
        }
        self.round = Round::new(now);
        true
    }

    /// Answers in a round. Where not all is clear, more are needed to tell accidents from changes.
    fn length(&self) -> f64 {
        if self.last.is_some_and(|step| step.queued) { 2.0 * self.limit } else { self.limit }
    }

    fn end_round(&mut self, now: Instant) {
        #[allow(clippy::cast_precision_loss)]
        let from = self.limit.min(self.round.most as f64);
        match self.look {
            Look::Now(limit) => {
                (self.round, self.look) = (Round::new(now), Look::Over);
                return self.set(limit, now);
            }
            Look::Due if from > AT_FIRST => {
                (self.round, self.look, self.last) = (Round::new(now), Look::Now(self.limit), None);
                return self.set(AT_FIRST, now);
            }
            _ => {}
        }
        let (used, queued, long_queue) = (self.round.is_used(), self.round.is_queued(), self.round.is_in_long_queue());
        if !used && (from <= AT_FIRST || !long_queue) {
            // More than what is wanted: nothing is learned about it.
            (self.round, self.last) = (Round::new(now), None);
            return;
        }
        let done = self.round.done(now);
        let tried = self.last.filter(|_| used).map(|last| (last, last.outcome(&done, &self.base_rtt)));
        let is_doubtful = tried.is_some_and(|(last, outcome)| last.is_doubling() && outcome == Outcome::Same);
        if is_doubtful && f64::from(self.round.answers) < 2.0 * self.limit {
            return;
        }
        (self.round, self.last) = (Round::new(now), None);
        let in_vain = |outcome| outcome == Outcome::Less || outcome == Outcome::Same && queued;
        let to = match tried {
            Some((last, Outcome::Less)) if last.is_cut() => {
                // It was not a queue that they waited in.
                self.base_rtt.forget();
                self.look = Look::Due;
                return self.set(last.from, now);
            }
            Some((last, outcome)) if last.is_doubling() && in_vain(outcome) => {
                self.in_vain = Some(now);
                return self.set(last.from, now);
            }
            // However long it takes: more under way do more.
            Some((last, Outcome::More)) if last.is_doubling() => self.more(now),
            // So few make no queue.
            _ if from <= AT_FIRST => self.more(now),
            _ if long_queue || queued && self.take_look() => (from * AFTER_LONG_QUEUE).max(AT_FIRST),
            _ if queued => from,
            _ => self.more(now),
        };
        self.set(to, now);
        self.last = Some(Step { from, to: self.limit, done, queued });
    }

    /// Whether there was a look of which nothing has been made yet; something is made of it now.
    fn take_look(&mut self) -> bool {
        let is_over = self.look == Look::Over;
        if is_over {
            self.look = Look::No;
        }
        is_over
    }

    fn set(&mut self, limit: f64, now: Instant) {
        let limit = limit.clamp(1.0, MOST);
        if limit.to_bits() != self.limit.to_bits() {
            (self.limit, self.changed) = (limit, now);
        }
    }

    fn more(&self, now: Instant) -> f64 {
        let is_recent = |at: Option<Instant>| at.is_some_and(|at| now - at < CAREFUL);
        match (is_recent(self.in_vain), is_recent(self.cut)) {
            (true, _) => self.limit,
            (false, true) => self.limit + 1.0,
            (false, false) => self.limit * 2.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Event {
        Answer { class: usize, trip: u32, under_way: usize },
        Refusal { age: u32, under_way: usize },
    }

    fn event() -> impl Strategy<Value = (u32, Event)> {
        let answer = (0usize..20, any::<u32>(), 0usize..10_000);
        let answer = answer.prop_map(|(class, trip, under_way)| Event::Answer { class, trip, under_way });
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
                    Event::Answer { class, trip, under_way } => {
                        limit.answered(Class::new(class), now - micros(trip), under_way, now);
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
        (1..1000).for_each(|ms| limit.answered(Class::new(0), start, 15, start + Duration::from_millis(ms)));
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
        assert!(limit.refused(at(31), 2, at(40)));
        assert_eq!(limit.get(), 5);
    }

    #[test]
    fn a_look_that_falls_due_during_another_does_not_lose_what_the_limit_was() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut limit = Limit { look: Look::Now(64.0), ..Limit::new(start) };
        (1..=16).for_each(|n| limit.answered(Class::new(0), at(2 * n - 1), 16, at(2 * n)));
        assert_eq!(limit.get(), 64);
    }
}
