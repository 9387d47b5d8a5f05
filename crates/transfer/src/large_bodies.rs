//! How many large bodies are under way at once.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};
use tracing::debug;
use transship_store::HillClimb;

/// Large bodies at once to begin with.
const FIRST: usize = 4;

/// The speed is looked at after so long, and after as many bodies as there are places: bodies that began together end
/// together, and bytes come in bursts.
const LOOK: Duration = Duration::from_millis(500);
/// Where bodies take long, it is looked at after so long in any case.
const LONG_LOOK: Duration = Duration::from_secs(3);

/// Where no byte arrives or goes out for so long, places are not what is short.
const STANDSTILL: Duration = Duration::from_secs(1);

/// Places for large bodies: objects and parts that stream or fill memory. There are as many as bring more bytes. More of
/// them would cost memory and connections, and some servers get slower.
#[derive(Debug)]
pub(crate) struct LargeBodies {
    places: Arc<Semaphore>,
    /// Bytes of large bodies that have arrived.
    moved: Arc<AtomicU64>,
    /// Bytes of large bodies that have gone out, to all destinations.
    sent: Arc<AtomicU64>,
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    climb: HillClimb,
    /// Places beyond the limit, which are taken away as they become free.
    surplus: usize,
    look: Look,
    /// When bytes were last seen to arrive or go out, and how many there were.
    alive: (Instant, u64),
}

/// From when on the speed is measured.
#[derive(Debug)]
struct Look {
    since: Instant,
    /// Bytes that had arrived then.
    before: u64,
    /// Bodies that have come to their end since.
    ended: usize,
    /// Whether there are more or fewer places than before: bodies that begin fill memory and sockets at first, and that
    /// is no speed.
    settles: bool,
}

impl Look {
    fn new(before: u64, settles: bool) -> Self {
        Self { since: Instant::now(), before, ended: 0, settles }
    }
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    permit: Option<OwnedSemaphorePermit>,
    large_bodies: Arc<LargeBodies>,
}

impl LargeBodies {
    /// At most so many.
    pub(crate) fn up_to(most: usize) -> Arc<Self> {
        let most = most.min(Semaphore::MAX_PERMITS);
        let climb = HillClimb::up_and_down(FIRST, most);
        let places = Arc::new(Semaphore::new(climb.limit()));
        let state = State { climb, surplus: 0, look: Look::new(0, true), alive: (Instant::now(), 0) };
        let (moved, sent) = Default::default();
        Arc::new(Self { places, moved, sent, most, state: Mutex::new(state) })
    }

    /// Where those who read large bodies count the bytes that arrive.
    pub(crate) fn moved(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.moved)
    }

    /// Where those who write large bodies count the bytes that go out.
    pub(crate) fn sent(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.sent)
    }

    /// Waits for a place. Where no byte moves, those who hold the places may all wait for a destination that is gone,
    /// and stand in the way of others: there are more then, a few each second.
    pub(crate) async fn place(self: &Arc<Self>) -> Place {
        if let Some(place) = self.try_place() {
            return place;
        }
        let mut free = pin!(Arc::clone(&self.places).acquire_owned());
        let permit = loop {
            match timeout(STANDSTILL, &mut free).await {
                // Nobody closes it.
                Ok(permit) => break permit.ok(),
                Err(_) => self.somebody_waits(),
            }
        };
        Place { permit, large_bodies: Arc::clone(self) }
    }

    pub(crate) fn try_place(self: &Arc<Self>) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place { permit: Some(permit), large_bodies: Arc::clone(self) })
    }

    fn somebody_waits(&self) {
        let (mut state, now) = (self.state(), self.moved.load(Ordering::Relaxed));
        let (since, before) = state.alive;
        let seen = now + self.sent.load(Ordering::Relaxed);
        if seen != before {
            state.alive = (Instant::now(), seen);
        } else if since.elapsed() >= STANDSTILL {
            let limit = state.climb.limit();
            let more = limit.min(self.most.saturating_sub(limit + state.surplus));
            state.alive = (Instant::now(), seen);
            state.surplus += more;
            state.look = Look::new(now, true);
            self.places.add_permits(more);
        }
        self.look(&mut state, now);
    }

    /// A body has come to its end.
    fn ended(&self, permit: OwnedSemaphorePermit) {
        let (mut state, now) = (self.state(), self.moved.load(Ordering::Relaxed));
        state.look.ended += 1;
        // Only where places are short their number makes a difference; several may come free at the same moment.
        if 2 * self.places.available_permits() < state.climb.limit() {
            self.look(&mut state, now);
        } else {
            state.look = Look::new(now, true);
        }
        if state.surplus > 0 {
            state.surplus -= 1;
            permit.forget();
        }
    }

    #[allow(clippy::cast_precision_loss)] // bytes of some seconds
    fn look(&self, state: &mut State, now: u64) {
        let (elapsed, limit) = (state.look.since.elapsed(), state.climb.limit());
        let turned_over = elapsed >= LOOK && state.look.ended >= limit + state.surplus;
        if !turned_over && elapsed < LONG_LOOK {
            return;
        }
        // As long as there are others than should be, nothing is learned.
        if !state.look.settles && state.surplus == 0 {
            let speed = now.saturating_sub(state.look.before) as f64 / elapsed.as_secs_f64();
            state.climb.bring(speed);
            debug!(places = limit, bytes_per_second = speed, next = state.climb.limit(), "large bodies at once");
        }
        let next = state.climb.limit();
        state.look = Look::new(now, next != limit || state.surplus > 0);
        let more = next.saturating_sub(limit);
        self.places.add_permits(more.saturating_sub(state.surplus));
        state.surplus = state.surplus.saturating_sub(more) + limit.saturating_sub(next);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Given back without a body.
    pub(crate) fn unused(mut self) {
        self.permit = None;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.large_bodies.ended(permit);
        }
    }
}

#[cfg(test)]
mod tests;
