//! Admission control: which objects may move, and which wait for a turn or a destination.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{self, OnceCell, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::large_bodies::{LargeBodies, Place};

/// How many objects may wait aside for a destination, for each one that may move.
const ASIDE: usize = 8;
/// How many objects there may be for each one that may move: the others wait for their turn among large ones.
const OBJECTS: usize = 8;

/// The permits of a copier. Whoever waits for one of them holds none that comes after it: first to be one of the objects,
/// then a slot, then a place among large bodies. So nobody waits in a circle.
#[derive(Clone, Debug)]
pub(crate) struct Admission {
    objects: Arc<Semaphore>,
    slots: Arc<Semaphore>,
    aside: Arc<Semaphore>,
    /// Held by the one among those without a slot whose turn is next.
    next: Arc<sync::Mutex<()>>,
    /// Fires when those whose turn has not come are not to get it any more.
    closed: CancellationToken,
}

/// Leave to copy one object; given back when the copy ends, or only waits: for its turn among large objects, or for a
/// destination that holds up others.
#[derive(Debug)]
pub struct Slot {
    permits: Permits,
    admission: Admission,
    has_begun: bool,
}

/// What one object holds while it is copied.
#[derive(Debug)]
pub(crate) struct Admitted {
    permits: Mutex<Permits>,
    admission: Admission,
    has_begun: bool,
    is_aside: OnceCell<()>,
}

#[derive(Debug)]
enum Permits {
    Here { _permit: Option<OwnedSemaphorePermit>, slot: Option<OwnedSemaphorePermit> },
    Aside { _place: Option<OwnedSemaphorePermit> },
}

impl Admission {
    pub(crate) fn new(transfers: usize) -> Self {
        let slots = transfers.clamp(1, Semaphore::MAX_PERMITS / ASIDE.max(OBJECTS));
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        let (objects, aside) = (semaphore(slots * OBJECTS), semaphore(slots * ASIDE));
        let (next, closed) = Default::default();
        Self { objects, slots: semaphore(slots), aside, next, closed }
    }

    pub(crate) fn close(&self) {
        self.closed.cancel();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    pub(crate) async fn slot(&self) -> Slot {
        let first = permit(&self.objects).await;
        let permits = Permits::Here { _permit: first, slot: permit(&self.slots).await };
        Slot { permits, admission: self.clone(), has_begun: false }
    }
}

/// Nobody closes them.
async fn permit(semaphore: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(semaphore).acquire_owned().await.ok()
}

impl Slot {
    /// For a copy of which something has been done already: it keeps the slot while it waits for its turn, and gets that
    /// in any case.
    #[must_use]
    pub fn of_what_has_begun(self) -> Self {
        Self { has_begun: true, ..self }
    }
}

impl From<Slot> for Admitted {
    fn from(Slot { permits, admission, has_begun }: Slot) -> Self {
        Self { permits: Mutex::new(permits), admission, has_begun, is_aside: OnceCell::new() }
    }
}

impl Admitted {
    pub(crate) fn is_aside(&self) -> bool {
        self.is_aside.initialized()
    }

    /// Makes room for another object, as soon as there is a place aside.
    pub(crate) async fn step_aside(&self) {
        let step = || async {
            let place = permit(&self.admission.aside).await;
            *self.permits() = Permits::Aside { _place: place };
        };
        self.is_aside.get_or_init(step).await;
    }

    /// Waits for a place among large bodies, and lets another object move meanwhile. `None`: its turn does not come any
    /// more.
    pub(crate) async fn place(&self, large_bodies: &Arc<LargeBodies>) -> Option<Place> {
        if let Some(place) = large_bodies.try_place() {
            return Some(place);
        }
        if self.has_begun || !self.gives_slot() {
            return Some(large_bodies.place().await);
        }
        let turn = async {
            let _next = self.admission.next.lock().await;
            self.takes(permit(&self.admission.slots).await);
            large_bodies.place().await
        };
        self.admission.closed.run_until_cancelled(turn).await
    }

    /// Says whether there was one.
    fn gives_slot(&self) -> bool {
        match &mut *self.permits() {
            Permits::Here { slot, .. } => slot.take().is_some(),
            Permits::Aside { .. } => false,
        }
    }

    /// Who went aside meanwhile needs none.
    fn takes(&self, permit: Option<OwnedSemaphorePermit>) {
        if let Permits::Here { slot, .. } = &mut *self.permits() {
            *slot = permit;
        }
    }

    fn permits(&self) -> MutexGuard<'_, Permits> {
        self.permits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    /// As many objects as may move, and a place for one large one, which is taken.
    async fn crowded(slots: usize) -> (Admission, Arc<LargeBodies>, Place, Vec<Admitted>) {
        let (admission, large_bodies) = (Admission::new(slots), LargeBodies::up_to(1));
        let taken = large_bodies.try_place().unwrap();
        let mut objects = Vec::new();
        for _ in 0..slots {
            objects.push(Admitted::from(admission.slot().await));
        }
        assert!(admission.slot().now_or_never().is_none());
        (admission, large_bodies, taken, objects)
    }

    #[tokio::test]
    async fn who_waits_lets_others_move_and_has_a_slot_when_its_turn_comes() {
        let (admission, large_bodies, taken, objects) = crowded(3).await;
        let mut waits: Vec<_> = objects.iter().map(|object| Box::pin(object.place(&large_bodies))).collect();
        for waits in &mut waits {
            assert!(waits.now_or_never().is_none());
        }
        // One is next, and has taken its slot again.
        let others: Vec<_> = std::iter::from_fn(|| admission.slot().now_or_never()).collect();
        assert_eq!(others.len(), 2);
        drop(taken);
        let _place = waits.remove(0).now_or_never().flatten().expect("the first gets the place");
        for waits in &mut waits {
            assert!(waits.now_or_never().is_none(), "no place is left");
        }
        assert!(admission.slot().now_or_never().is_none(), "the next one waits for a slot");
        drop(others);
        assert!(waits[0].as_mut().now_or_never().is_none());
        let left: Vec<_> = std::iter::from_fn(|| admission.slot().now_or_never()).collect();
        assert_eq!(left.len(), 1);
    }

    #[tokio::test]
    async fn when_it_is_closed_only_what_has_begun_gets_its_turn() {
        let (admission, large_bodies, taken, mut objects) = crowded(2).await;
        objects[1].has_begun = true;
        let (mut waits, mut has_begun) =
            (Box::pin(objects[0].place(&large_bodies)), Box::pin(objects[1].place(&large_bodies)));
        assert!((&mut waits).now_or_never().is_none() && (&mut has_begun).now_or_never().is_none());
        admission.close();
        assert!(waits.now_or_never().is_some_and(|place| place.is_none()));
        drop(taken);
        assert!(has_begun.now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn no_more_wait_than_there_may_be() {
        let (admission, large_bodies, _taken, objects) = crowded(2).await;
        let wait = |object: Admitted| {
            let large_bodies = Arc::clone(&large_bodies);
            let mut waits = async move { object.place(&large_bodies).await }.boxed();
            assert!((&mut waits).now_or_never().is_none());
            waits
        };
        let mut waiting: Vec<_> = objects.into_iter().map(wait).collect();
        while let Some(slot) = admission.slot().now_or_never() {
            waiting.push(wait(Admitted::from(slot)));
        }
        assert_eq!(waiting.len(), 2 * OBJECTS);
        drop(waiting.pop());
        assert!(admission.slot().now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_steps_aside_while_it_waits_takes_no_slot() {
        let (admission, large_bodies, taken, objects) = crowded(1).await;
        let mut waits = Box::pin(objects[0].place(&large_bodies));
        assert!((&mut waits).now_or_never().is_none());
        objects[0].step_aside().await;
        let _other = admission.slot().now_or_never().expect("the slot is free");
        drop(taken);
        assert!(waits.now_or_never().flatten().is_some());
    }
}
