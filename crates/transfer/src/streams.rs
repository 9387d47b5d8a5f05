//! How many large bodies are under way at once.

use std::{
    pin::pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};
use tracing::debug;
use transship_store::Climb;

/// Large bodies at once to begin with.
const FIRST: usize = 4;

/// The speed is looked at after so long, and after as many bodies as there are places: bodies that began together end
/// together, and bytes come in bursts.
const LOOK: Duration = Duration::from_millis(500);

/// Where no byte arrives for so long, places are not what is short.
const STANDSTILL: Duration = Duration::from_secs(1);

/// Places for large bodies: objects and parts that stream, and parts that are uploaded from memory. There are as many as
/// bring more bytes. More of them would cost memory and connections, and some servers get slower.
#[derive(Debug)]
pub(crate) struct Streams {
    places: Arc<Semaphore>,
    arrived: Arc<AtomicU64>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    climb: Climb,
    /// Places that are to be taken away as they become free.
    surplus: usize,
    look: Look,
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
    streams: Arc<Streams>,
}

impl Streams {
    /// At most so many, judged by the bytes that have `arrived`.
    pub(crate) fn up_to(most: usize, arrived: Arc<AtomicU64>) -> Arc<Self> {
        let climb = Climb::new(FIRST, most.min(Semaphore::MAX_PERMITS));
        let places = Arc::new(Semaphore::new(climb.limit()));
        let look = Look::new(arrived.load(Ordering::Relaxed), true);
        let state = State { climb, surplus: 0, look };
        Arc::new(Self { places, arrived, state: Mutex::new(state) })
    }

    /// Waits for a place while bytes move. Where none do, those who hold the places may all wait for a destination that
    /// is gone, and stand in the way of others.
    pub(crate) async fn place(self: &Arc<Self>) -> Place {
        if let Some(place) = self.try_place() {
            return place;
        }
        let mut free = pin!(Arc::clone(&self.places).acquire_owned());
        let permit = loop {
            let before = self.arrived.load(Ordering::Relaxed);
            match timeout(STANDSTILL, &mut free).await {
                Ok(permit) => break permit.ok(),
                Err(_) if self.arrived.load(Ordering::Relaxed) == before => break None,
                Err(_) => {}
            }
        };
        Place { permit, streams: Arc::clone(self) }
    }

    /// As many places as anybody asks for.
    #[cfg(test)]
    pub(crate) fn boundless() -> Arc<Self> {
        let streams = Self::up_to(1, Arc::default());
        streams.places.add_permits(1 << 20);
        streams
    }

    pub(crate) fn try_place(self: &Arc<Self>) -> Option<Place> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place { permit: Some(permit), streams: Arc::clone(self) })
    }

    /// A body has come to its end.
    fn ended(&self, permit: OwnedSemaphorePermit) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = state.climb.limit();
        // Only where places were short the number of them can have made a difference.
        let arrived = self.arrived.load(Ordering::Relaxed);
        if self.places.available_permits() == 0 {
            state.look(arrived);
        } else {
            state.look = Look::new(arrived, true);
        }
        let now = state.climb.limit();
        let more = now.saturating_sub(limit);
        let given = more.saturating_sub(state.surplus);
        state.surplus = state.surplus.saturating_sub(more) + limit.saturating_sub(now);
        self.places.add_permits(given);
        if state.surplus > 0 {
            state.surplus -= 1;
            permit.forget();
        }
    }
}

impl State {
    #[allow(clippy::cast_precision_loss)] // bytes of some seconds
    fn look(&mut self, arrived: u64) {
        self.look.ended += 1;
        let (elapsed, limit) = (self.look.since.elapsed(), self.climb.limit());
        if elapsed < LOOK || self.look.ended < limit + self.surplus {
            return;
        }
        if !self.look.settles {
            let speed = arrived.saturating_sub(self.look.before) as f64 / elapsed.as_secs_f64();
            self.climb.bring(speed);
            debug!(places = limit, bytes_per_second = speed, next = self.climb.limit(), "large bodies at once");
        }
        self.look = Look::new(arrived, self.climb.limit() != limit);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.streams.ended(permit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bodies of 4 MiB, one after the other in each place, where a line takes `line` bytes a second and each body 8 MiB.
    async fn settled(most: usize, line: u64) -> usize {
        let (arrived, body) = (Arc::new(AtomicU64::new(0)), 4 << 20);
        let streams = Streams::up_to(most, Arc::clone(&arrived));
        let mut under_way = Vec::new();
        for _ in 0..4000 {
            while let Some(place) = streams.try_place() {
                under_way.push(place);
            }
            let rate = line.min(under_way.len() as u64 * (8 << 20));
            tokio::time::advance(Duration::from_secs_f64(body as f64 / rate as f64)).await;
            arrived.fetch_add(body, Ordering::Relaxed);
            drop(under_way.remove(0));
        }
        under_way.len() + 1
    }

    #[tokio::test(start_paused = true)]
    async fn who_holds_a_place_and_moves_nothing_keeps_nobody_from_going_on() {
        let streams = Streams::up_to(64, Arc::default());
        let _stuck: Vec<_> = std::iter::from_fn(|| streams.try_place()).collect();
        streams.place().await;
    }

    #[tokio::test(start_paused = true)]
    async fn there_are_as_many_as_bring_more() {
        let mib = 1 << 20;
        assert_eq!(settled(64, 10_000 * mib).await, 64, "a fast line");
        assert_eq!(settled(64, 50 * mib).await, 8, "eight fill it, four do not");
        assert_eq!(settled(64, 10 * mib).await, 4, "four fill it");
        assert_eq!(settled(2, 10_000 * mib).await, 2, "no more than may be");
    }
}
