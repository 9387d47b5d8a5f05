use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Permits are kibibytes, because a semaphore takes at most `u32::MAX` at once.
const UNIT: u64 = 1 << 10;

/// The bytes that may be in memory at once.
///
/// Nobody waits for more while holding some: a job takes what it needs to make progress in one go, and extras only
/// if they are free. So jobs never wait for each other in a circle.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    semaphore: Arc<Semaphore>,
    units: u64,
}

/// Bytes taken from a [`Budget`], given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Budget {
    pub(crate) fn new(bytes: u64) -> Self {
        let units = (bytes / UNIT).clamp(1, u64::from(u32::MAX));
        let permits = usize::try_from(units).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self { semaphore: Arc::new(Semaphore::new(permits)), units }
    }

    /// As much of `bytes` as there can ever be.
    pub(crate) fn at_most(&self, bytes: u64) -> u64 {
        bytes.min(self.units * UNIT)
    }

    /// Waits for `bytes`, or for the whole budget where that is less.
    pub(crate) async fn take(&self, bytes: u64) -> Share {
        let permit = Arc::clone(&self.semaphore).acquire_many_owned(self.permits(bytes)).await;
        Share { _permit: permit.ok() }
    }

    /// Takes `bytes` if they are free.
    pub(crate) fn try_take(&self, bytes: u64) -> Option<Share> {
        let permit = Arc::clone(&self.semaphore).try_acquire_many_owned(self.permits(bytes)).ok()?;
        Some(Share { _permit: Some(permit) })
    }

    fn permits(&self, bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(UNIT).clamp(1, self.units)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn more_than_there_is_waits_for_all_and_no_longer() {
        let budget = Budget::new(10 * UNIT);
        let all = budget.take(1 << 40).await;
        assert!(budget.try_take(1).is_none());
        drop(all);
        let some = budget.try_take(9 * UNIT).unwrap();
        assert!(budget.try_take(2 * UNIT).is_none());
        drop(some);
        assert!(budget.try_take(2 * UNIT).is_some());
    }
}
