//! What the requests of one kind to one bucket pass.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{Instant, sleep},
};

use super::{base_rtt::Class, limit::Limit, rate::Rate};
use crate::{Error, ErrorKind};

/// The log tells of so much at most.
const TOLD_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Gate {
    /// Whose requests, and of which kind.
    name: String,
    location: String,
    permits: Semaphore,
    /// Whoever holds this is the next one to go, while there is a limit on the rate: first come, first served, so that no
    /// request that is tried again waits behind new ones for ever.
    turn: tokio::sync::Mutex<()>,
    is_paced: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limit: Limit,
    rate: Rate,
    /// Permits that exist, taken or not.
    permits: usize,
    answered: u64,
    refused: u64,
    told: Option<Instant>,
}

impl State {
    fn shrink(&mut self, begun: Instant, free: usize, now: Instant) -> bool {
        self.limit.refused(begun, self.permits.saturating_sub(free), now)
    }
}

/// What a request does to the limit on those that are under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Weight {
    /// It counts, and how long it takes beside others of its class says how the store fares.
    Counted(Class),
    /// It does not count, because it takes as long as what it is about is large. It may also wait for its body, and with
    /// that for the source or for other destinations: two of those, each in the place that the other needs, would wait
    /// for ever. What bounds them is the number of objects, and the memory for their bodies.
    Free,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The store did what it was asked for.
    Answered,
    /// The store will not or cannot: it may have found out in no time.
    Denied,
    /// The store has too much to do.
    Refused,
    /// No answer in time.
    Unanswered,
    /// Nothing that says how the store fares: also a connection that was not made, or broke.
    Unknown,
}

impl Verdict {
    pub(super) fn on(error: &Error) -> Self {
        match (error.kind(), error.status()) {
            (ErrorKind::Throttled, _) | (_, Some(503 | 429)) => Self::Refused,
            (ErrorKind::Timeout, _) | (_, Some(408 | 504)) => Self::Unanswered,
            (_, Some(status)) if status < 500 => Self::Denied,
            _ => Self::Unknown,
        }
    }
}

/// A request under way. It may be dropped at any time.
#[derive(Debug)]
pub(super) struct Passage<'a> {
    gate: &'a Gate,
    weight: Weight,
    permit: Option<SemaphorePermit<'a>>,
    begun: Instant,
}

impl Gate {
    pub(super) fn new(name: &str, location: &str) -> Self {
        let now = Instant::now();
        let (limit, rate) = (Limit::new(now), Rate::new(now));
        let permits = limit.get();
        Self {
            name: format!("{name} {location}"),
            location: location.to_owned(),
            permits: Semaphore::new(permits),
            turn: tokio::sync::Mutex::default(),
            is_paced: AtomicBool::new(false),
            state: Mutex::new(State { limit, rate, permits, answered: 0, refused: 0, told: None }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn at_once(&self) -> usize {
        self.state().limit.get()
    }

    /// Waits until a request may be sent.
    pub(super) async fn pass(&self, weight: Weight) -> Passage<'_> {
        loop {
            let paced = self.is_paced.load(Ordering::Relaxed);
            // Held until there is a permit as well: otherwise leave to send would be hoarded, and used all at once.
            let turn = if paced { Some(self.turn.lock().await) } else { None };
            if turn.is_some() {
                self.wait_for_leave().await;
            }
            let permit = if weight == Weight::Free { None } else { self.permits.acquire().await.ok() };
            if turn.is_some() || !self.is_paced.load(Ordering::Relaxed) {
                return Passage { gate: self, weight, permit, begun: Instant::now() };
            }
        }
    }

    /// For the one whose turn it is.
    async fn wait_for_leave(&self) {
        loop {
            let leave = self.state().rate.take(Instant::now());
            match leave {
                Ok(()) => return,
                Err(wait) => sleep(wait).await,
            }
        }
    }

    /// What became of a request: everything that it changes, under one lock.
    fn ended(&self, passage: &mut Passage<'_>, verdict: Verdict) {
        let (weight, begun, permit) = (passage.weight, passage.begun, passage.permit.take());
        let now = Instant::now();
        let mut state = self.state();
        let news = match verdict {
            Verdict::Answered | Verdict::Denied => {
                state.answered += 1;
                if let Weight::Counted(class) = weight
                    && permit.is_some()
                {
                    let class = if verdict == Verdict::Denied { Class::ERROR } else { class };
                    let under_way = state.permits.saturating_sub(self.permits.available_permits());
                    state.limit.answered(class, begun, under_way, now);
                }
                state.rate.answered(now);
                false
            }
            Verdict::Refused => {
                state.refused += 1;
                let shrank = permit.is_some() && state.shrink(begun, self.permits.available_permits(), now);
                state.rate.refused(begun, now) || shrank
            }
            Verdict::Unanswered => permit.is_some() && state.shrink(begun, self.permits.available_permits(), now),
            Verdict::Unknown => false,
        };
        if news {
            self.tell(&mut state, now);
        }
        self.is_paced.store(state.rate.per_second().is_some(), Ordering::Relaxed);
        self.adjust(&mut state, permit);
    }

    /// Gives a permit back, and makes as many of them as there are to be.
    fn adjust(&self, state: &mut State, permit: Option<SemaphorePermit<'_>>) {
        let wanted = state.limit.get();
        if wanted > state.permits {
            self.permits.add_permits(wanted - state.permits);
            state.permits = wanted;
        }
        if let Some(permit) = permit
            && wanted < state.permits
        {
            permit.forget();
            state.permits -= 1;
        }
        if wanted < state.permits {
            state.permits -= self.permits.forget_permits(state.permits - wanted);
        }
    }

    fn tell(&self, state: &mut State, now: Instant) {
        let wakes = state.rate.per_second().is_some() && !self.is_paced.load(Ordering::Relaxed);
        if !wakes && state.told.is_some_and(|at| now - at < TOLD_AGAIN) {
            return;
        }
        state.told = Some(now);
        let State { answered, refused, .. } = *state;
        let (name, at_once) = (&self.name, state.limit.get());
        let rate = state.rate.per_second().map(|rate| format!(", {rate:.1} a second")).unwrap_or_default();
        tracing::debug!("{name}: {at_once} at once{rate}; {refused} requests were refused so far, {answered} were not");
    }
}

impl Passage<'_> {
    /// Ends it with what became of it.
    pub(super) fn end<T>(self, result: &Result<T, Error>) {
        let verdict = match result {
            Ok(_) => Verdict::Answered,
            // A body may break off at its source: that says nothing of this store.
            Err(error) if error.location() != self.gate.location => Verdict::Unknown,
            Err(error) => Verdict::on(error),
        };
        self.judge(verdict);
    }

    pub(super) fn judge(mut self, verdict: Verdict) {
        self.gate.ended(&mut self, verdict);
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.gate.adjust(&mut self.gate.state(), Some(permit));
        }
    }
}
