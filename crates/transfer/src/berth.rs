//! Where an object is while it is copied: among those that move, or aside with those that only wait for a destination.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OnceCell, OwnedSemaphorePermit, Semaphore};

/// How many objects may wait aside for each one that may move.
const ASIDE: usize = 8;

/// The places of a copier.
#[derive(Clone, Debug)]
pub(crate) struct Harbour {
    slots: Arc<Semaphore>,
    aside: Arc<Semaphore>,
}

/// Leave to copy one object; given back when the copy ends, or only waits for a destination that holds up others.
#[derive(Debug)]
pub struct Slot {
    permit: Option<OwnedSemaphorePermit>,
    aside: Arc<Semaphore>,
}

/// One object's place.
#[derive(Debug)]
pub(crate) struct Berth {
    permit: Mutex<Option<OwnedSemaphorePermit>>,
    aside: Arc<Semaphore>,
    is_aside: OnceCell<()>,
}

impl Harbour {
    pub(crate) fn new(transfers: usize) -> Self {
        let slots = transfers.clamp(1, Semaphore::MAX_PERMITS / ASIDE);
        Self { slots: Arc::new(Semaphore::new(slots)), aside: Arc::new(Semaphore::new(slots * ASIDE)) }
    }

    pub(crate) async fn slot(&self) -> Slot {
        Slot { permit: Arc::clone(&self.slots).acquire_owned().await.ok(), aside: Arc::clone(&self.aside) }
    }
}

impl From<Slot> for Berth {
    fn from(Slot { permit, aside }: Slot) -> Self {
        Self { permit: Mutex::new(permit), aside, is_aside: OnceCell::new() }
    }
}

impl Berth {
    pub(crate) fn is_aside(&self) -> bool {
        self.is_aside.initialized()
    }

    /// Makes room for another object, as soon as there is a place aside.
    pub(crate) async fn step_aside(&self) {
        let step = || async {
            let place = Arc::clone(&self.aside).acquire_owned().await.ok();
            *self.permit.lock().unwrap_or_else(PoisonError::into_inner) = place;
        };
        self.is_aside.get_or_init(step).await;
    }
}
