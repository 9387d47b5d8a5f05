//! Where an object is while it is copied: among those that move, or with those that wait for a turn or a destination.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// How many objects may wait aside for a destination, for each one that may move.
const ASIDE: usize = 8;
/// How many objects may be under way for each one that may move: the others wait for their turn among large ones.
const ROADS: usize = 8;

/// The places of a copier.
#[derive(Clone, Debug)]
pub(crate) struct Harbour {
    roads: Arc<Semaphore>,
    slots: Arc<Semaphore>,
    aside: Arc<Semaphore>,
    /// Fires when those that wait for their turn are not to get it any more.
    closed: CancellationToken,
}

/// Leave to copy one object; given back when the copy ends, or only waits: for its turn among large objects, or for a
/// destination that holds up others.
#[derive(Debug)]
pub struct Slot {
    permits: Permits,
    harbour: Harbour,
}

/// One object's place.
#[derive(Debug)]
pub(crate) struct Berth {
    permits: Mutex<Permits>,
    harbour: Harbour,
    is_aside: OnceCell<()>,
}

#[derive(Debug, Default)]
struct Permits {
    /// To be under way, or aside.
    _held: Option<OwnedSemaphorePermit>,
    slot: Option<OwnedSemaphorePermit>,
}

impl Harbour {
    pub(crate) fn new(transfers: usize) -> Self {
        let slots = transfers.clamp(1, Semaphore::MAX_PERMITS / ASIDE.max(ROADS));
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self {
            roads: semaphore(slots * ROADS),
            slots: semaphore(slots),
            aside: semaphore(slots * ASIDE),
            closed: CancellationToken::new(),
        }
    }

    pub(crate) fn close(&self) {
        self.closed.cancel();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// Nobody who has a slot waits for the roads, so that they never wait for each other in a circle.
    pub(crate) async fn slot(&self) -> Slot {
        let held = permit(&self.roads).await;
        Slot { permits: Permits { _held: held, slot: permit(&self.slots).await }, harbour: self.clone() }
    }
}

/// Nobody closes them.
async fn permit(semaphore: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(semaphore).acquire_owned().await.ok()
}

impl From<Slot> for Berth {
    fn from(Slot { permits, harbour }: Slot) -> Self {
        Self { permits: Mutex::new(permits), harbour, is_aside: OnceCell::new() }
    }
}

impl Berth {
    pub(crate) fn is_aside(&self) -> bool {
        self.is_aside.initialized()
    }

    /// Makes room for another object, as soon as there is a place aside.
    pub(crate) async fn step_aside(&self) {
        let step = || async {
            let aside = permit(&self.harbour.aside).await;
            *self.permits() = Permits { _held: aside, slot: None };
        };
        self.is_aside.get_or_init(step).await;
    }

    /// Lets another object move while this one waits for its turn. `None`: it is not to get it any more.
    pub(crate) async fn while_waiting<T>(&self, turn: impl Future<Output = T>) -> Option<T> {
        let had_one = self.permits().slot.take().is_some();
        let got = self.harbour.closed.run_until_cancelled(turn).await?;
        if had_one && !self.is_aside() {
            let slot = permit(&self.harbour.slots).await;
            self.permits().slot = slot;
        }
        Some(got)
    }

    fn permits(&self) -> MutexGuard<'_, Permits> {
        self.permits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use futures::FutureExt;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn who_waits_lets_another_one_move_and_gets_a_slot_again() {
        let harbour = Harbour::new(1);
        let one = Berth::from(harbour.slot().await);
        assert!(harbour.slot().now_or_never().is_none());
        let (turn, waits) = oneshot::channel();
        let mut one_goes_on = Box::pin(one.while_waiting(waits));
        assert!((&mut one_goes_on).now_or_never().is_none());
        let two = harbour.slot().now_or_never().expect("a slot is free");
        turn.send(()).unwrap();
        assert!((&mut one_goes_on).now_or_never().is_none(), "two are not to move at once");
        drop(two);
        one_goes_on.await.unwrap().unwrap();
        assert!(harbour.slot().now_or_never().is_none());
    }

    #[tokio::test]
    async fn no_more_wait_than_may_be_under_way() {
        let harbour = Harbour::new(2);
        let mut waiting = Vec::new();
        for _ in 0..2 * ROADS {
            let berth = Berth::from(harbour.slot().now_or_never().expect("a slot is free"));
            waiting.push(async move { berth.while_waiting(std::future::pending::<()>()).await }.boxed());
            assert!(waiting.last_mut().unwrap().now_or_never().is_none());
        }
        assert!(harbour.slot().now_or_never().is_none());
        drop(waiting.pop());
        assert!(harbour.slot().now_or_never().is_some());
        harbour.close();
        assert!(waiting.into_iter().all(|waits| waits.now_or_never() == Some(None)), "nobody waits any more");
    }

    #[tokio::test]
    async fn who_stepped_aside_needs_no_slot() {
        let harbour = Harbour::new(1);
        let one = Berth::from(harbour.slot().await);
        one.step_aside().await;
        let _two = harbour.slot().now_or_never().expect("a slot is free");
        assert!(one.while_waiting(ready(())).now_or_never().is_some());
    }
}
