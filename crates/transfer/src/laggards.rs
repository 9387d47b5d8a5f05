//! Who of several followers waits for whom.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::follower::Follower;

/// Tells each follower for how long it held up the others.
#[derive(Clone)]
pub(crate) struct Laggards(Arc<Mutex<State>>);

struct State {
    followers: Vec<Follower>,
    /// Has asked for bytes and got none yet.
    starving: Vec<bool>,
    /// Has a full window, so that the others must wait.
    full: Vec<bool>,
    since: Instant,
    /// For how long, in all, something had waited for the limit on bandwidth then.
    waited: Duration,
}

impl Laggards {
    pub(crate) fn over(followers: Vec<Follower>) -> Self {
        followers.iter().for_each(Follower::joins);
        let none = vec![false; followers.len()];
        let mut state =
            State { followers, starving: none.clone(), full: none, since: Instant::now(), waited: Duration::ZERO };
        state.waited = state.waited();
        Self(Arc::new(Mutex::new(state)))
    }

    /// The follower asks for bytes and gets none until this is dropped.
    pub(crate) fn starves(&self, at: usize) -> Mark<'_> {
        Mark::set(self, |state| &mut state.starving, at)
    }

    /// The follower's window is full until this is dropped.
    pub(crate) fn is_full(&self, at: usize) -> Mark<'_> {
        Mark::set(self, |state| &mut state.full, at)
    }

    /// Whether somebody else asks for bytes and gets none. Accounts for the time until now.
    pub(crate) fn others_starve(&self, at: usize) -> bool {
        self.settled().others_starve(at)
    }

    fn settled(&self) -> MutexGuard<'_, State> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.settle();
        state
    }
}

impl State {
    fn waited(&self) -> Duration {
        self.followers.first().map_or(Duration::ZERO, Follower::waited)
    }

    /// Accounts for the time since the last change, but for that in which something waited for bandwidth.
    fn settle(&mut self) {
        let (elapsed, waited) = (self.since.elapsed(), self.waited());
        let time = elapsed.saturating_sub(waited.saturating_sub(self.waited));
        self.since += elapsed;
        self.waited = waited;
        for (at, follower) in self.followers.iter().enumerate() {
            follower.was(self.full[at] && self.others_starve(at), time);
        }
    }

    fn others_starve(&self, at: usize) -> bool {
        self.starving.iter().enumerate().any(|(other, starves)| *starves && other != at)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.followers.iter().for_each(Follower::parts);
    }
}

/// Remembers something of a follower until it is dropped.
pub(crate) struct Mark<'a> {
    laggards: &'a Laggards,
    which: fn(&mut State) -> &mut Vec<bool>,
    at: usize,
}

impl<'a> Mark<'a> {
    fn set(laggards: &'a Laggards, which: fn(&mut State) -> &mut Vec<bool>, at: usize) -> Self {
        let mark = Self { laggards, which, at };
        mark.change(true);
        mark
    }

    fn change(&self, to: bool) {
        let mut state = self.laggards.settled();
        (self.which)(&mut state)[self.at] = to;
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        self.change(false);
    }
}
