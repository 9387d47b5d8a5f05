//! One destination's place among those that share a reading, and when it has to leave.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use transship_store::{Error, ErrorKind, Result};

use crate::{Bandwidth, read::cancelled};

/// Someone who takes the bytes of a shared reading.
#[derive(Clone, Debug)]
pub(crate) struct Follower {
    /// Fires when the copy must end.
    stop: CancellationToken,
    /// Fires then, and when this follower is left behind.
    leave: CancellationToken,
    patience: Duration,
    /// Who waits for this holds up nobody.
    bandwidth: Bandwidth,
    lag: Arc<AtomicU64>,
    /// In how many shared readings it takes part at this moment.
    readings: Arc<AtomicUsize>,
}

impl Follower {
    /// A follower that may hold up the others for as long as `patience`, and has to leave when `stop` fires.
    pub(crate) fn new(stop: &CancellationToken, patience: Duration, bandwidth: &Bandwidth) -> Self {
        let (stop, leave) = (stop.clone(), stop.child_token());
        Self { stop, leave, patience, bandwidth: bandwidth.clone(), lag: Arc::default(), readings: Arc::default() }
    }

    /// One that follows this one, and leaves with it.
    pub(crate) fn follower(&self) -> Self {
        Self { leave: self.leave.child_token(), ..Self::new(&self.stop, self.patience, &self.bandwidth) }
    }

    #[must_use]
    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Ends what it does, wherever it does it.
    pub(crate) fn leave(&self) {
        self.leave.cancel();
    }

    pub(crate) fn has_to_leave(&self) -> bool {
        self.leave.is_cancelled()
    }

    /// Does `work` unless it has to leave first. Work that is left undone is dropped: what must be cleaned up comes
    /// after this.
    pub(crate) async fn unless_leaving<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            result = work => result,
            () = self.leave.cancelled() => Err(self.reason()),
        }
    }

    fn reason(&self) -> Error {
        if self.stop.is_cancelled() { cancelled() } else { left_behind() }
    }

    /// Takes part in one more reading.
    pub(crate) fn joins(&self) {
        self.readings.fetch_add(1, Ordering::Relaxed);
    }

    /// That reading is over.
    pub(crate) fn parts(&self) {
        self.readings.fetch_sub(1, Ordering::Relaxed);
    }

    /// How long it may still hold up the others.
    pub(crate) fn slack(&self) -> Duration {
        self.patience.saturating_sub(Duration::from_micros(self.lag.load(Ordering::Relaxed)))
    }

    /// For how long, in all, something has waited for the limit on bandwidth.
    pub(crate) fn waited(&self) -> Duration {
        self.bandwidth.waited()
    }

    /// For `time`, it held up others in one of its readings, or it did not. Hindrance is forgotten as fast as it adds
    /// up: whoever holds up the others for less than half of the time stays, because a second reading would cost more
    /// than it brings.
    pub(crate) fn was(&self, holding_up: bool, time: Duration) {
        let readings = self.readings.load(Ordering::Relaxed).max(1) as u128;
        let micros = u64::try_from(time.as_micros() / readings).unwrap_or(u64::MAX);
        let change = |lag: u64| Some(if holding_up { lag.saturating_add(micros) } else { lag.saturating_sub(micros) });
        let _ = self.lag.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    }
}

/// The error of a follower that is to read the source itself.
pub(crate) fn left_behind() -> Error {
    Error::new(ErrorKind::Timeout, "this destination held up the others and was left behind")
}
