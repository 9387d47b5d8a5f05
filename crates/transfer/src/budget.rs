use std::sync::{Arc, atomic::AtomicU64};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use transship_store::{Body, LONG_BODY};

use crate::{
    admission::Admitted,
    large_bodies::{LargeBodies, Place},
};

/// Permits are kibibytes, because a semaphore takes at most `u32::MAX` at once.
const UNIT: u64 = 1 << 10;

/// Of the budget, what is left to small objects: one part of so many.
const RESERVE: u64 = 8;

/// The bytes that may be in memory at once.
///
/// Nobody waits for more while holding some: a job takes what it needs to make progress in one go, and extras only
/// if they are free. So jobs never wait for each other in a circle. Large objects hold what they took for long: they
/// wait among themselves first, for one half of everything. What they need, extras, and objects of more than [`LONG_BODY`]
/// that fit into memory together leave the reserve to small objects: a large one that comes when others fill the rest with
/// extras waits until one of their parts has gone, and does not take the reserve, unless it needs that all alone.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    all: Arc<Semaphore>,
    /// What large objects need.
    large: Arc<Semaphore>,
    /// That and extras: all but the reserve.
    long: Arc<Semaphore>,
    large_bodies: Arc<LargeBodies>,
    units: u64,
}

/// Bytes taken from a [`Budget`], given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    permits: Vec<OwnedSemaphorePermit>,
    place: Option<Place>,
}

impl Share {
    /// Given back without having been of use: no body has come to its end.
    pub(crate) fn unused(self) {
        self.place.into_iter().for_each(Place::unused);
    }
}

impl Budget {
    pub(crate) fn new(bytes: u64, large_bodies: Arc<LargeBodies>) -> Self {
        let units = (bytes / UNIT).clamp(2, u64::from(u32::MAX));
        let semaphore = |units| {
            let permits = usize::try_from(units).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
            Arc::new(Semaphore::new(permits))
        };
        Self {
            all: semaphore(units),
            large: semaphore(units / 2),
            long: semaphore(units - units / RESERVE),
            large_bodies,
            units,
        }
    }

    /// As much of `bytes` as there can ever be.
    pub(crate) fn at_most(&self, bytes: u64) -> u64 {
        bytes.min(self.units * UNIT)
    }

    /// Where the bytes of an object are counted that takes a place.
    pub(crate) fn counter(&self, size: u64, unpacks: bool) -> Option<Arc<AtomicU64>> {
        (size > LONG_BODY || unpacks).then(|| self.large_bodies.moved())
    }

    /// A body to write, whose bytes are counted as they go out if it takes a place.
    pub(crate) fn watched(&self, body: Body) -> Body {
        if body.len() > LONG_BODY { body.counted(self.large_bodies.sent()) } else { body }
    }

    /// Waits for memory for an object of this size that fits into it: `bytes`, or the whole budget where that is less.
    /// `None`: it is not to get its turn any more.
    pub(crate) async fn take_for_small(&self, size: u64, bytes: u64, admitted: Option<&Admitted>) -> Option<Share> {
        if size <= LONG_BODY {
            return Some(self.take(bytes).await);
        }
        let place = self.place(admitted).await?;
        let room = self.take_room(bytes).await;
        let mut share = self.take(bytes).await;
        share.permits.extend(room);
        share.place = Some(place);
        Some(share)
    }

    /// Waits for a place among large bodies, and keeps nobody from moving meanwhile.
    async fn place(&self, admitted: Option<&Admitted>) -> Option<Place> {
        match admitted {
            Some(admitted) => admitted.place(&self.large_bodies).await,
            None => Some(self.large_bodies.place().await),
        }
    }

    /// Waits for what is to leave the reserve to others.
    async fn take_room(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.long).acquire_many_owned(permits(bytes, self.units - self.reserve())).await.ok()
    }

    /// Waits for `bytes`, or for the whole budget where that is less.
    async fn take(&self, bytes: u64) -> Share {
        let permit = Arc::clone(&self.all).acquire_many_owned(permits(bytes, self.units)).await;
        Share { permits: permit.into_iter().collect(), place: None }
    }

    /// The same for an object that takes its time, in a place among those.
    pub(crate) async fn take_for_large(&self, bytes: u64, admitted: Option<&Admitted>) -> Option<Share> {
        let place = self.place(admitted).await?;
        let turn = Arc::clone(&self.large).acquire_many_owned(permits(bytes, self.units / 2)).await;
        let room = self.take_room(bytes).await;
        let mut share = self.take(bytes).await;
        share.permits.extend(turn.into_iter().chain(room));
        share.place = Some(place);
        Some(share)
    }

    /// Takes `bytes` more than are needed for another body, if they and a place for it are free beside the reserve and
    /// nobody waits.
    pub(crate) fn try_stream(&self, bytes: u64) -> Option<Share> {
        let share = self.try_extra(bytes)?;
        Some(Share { place: Some(self.large_bodies.try_place()?), ..share })
    }

    /// Takes `bytes` more than are needed, if they are free beside the reserve and nobody waits.
    pub(crate) fn try_extra(&self, bytes: u64) -> Option<Share> {
        let (extra, reserve) = (permits(bytes, self.units), u32::try_from(self.reserve()).ok()?);
        let mut free = Arc::clone(&self.all).try_acquire_many_owned(extra.checked_add(reserve)?).ok()?;
        let room = Arc::clone(&self.long).try_acquire_many_owned(extra).ok()?;
        Some(Share { permits: vec![free.split(usize::try_from(extra).ok()?)?, room], place: None })
    }

    /// What is left to small objects, in permits.
    fn reserve(&self) -> u64 {
        self.units / RESERVE
    }
}

fn permits(bytes: u64, most: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT).clamp(1, most)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use proptest::prelude::*;

    use super::*;

    fn budget(units: u64) -> Budget {
        Budget::new(units * UNIT, LargeBodies::boundless())
    }

    #[tokio::test]
    async fn more_than_there_is_waits_for_all_and_no_longer() {
        let budget = budget(10);
        let all = budget.take(1 << 40).await;
        assert!(budget.take(1).now_or_never().is_none());
        drop(all);
        let some = budget.take(9 * UNIT).await;
        assert!(budget.take(2 * UNIT).now_or_never().is_none());
        drop(some);
        assert!(budget.take(2 * UNIT).now_or_never().is_some());
    }

    #[tokio::test]
    async fn an_extra_leaves_something_and_gives_way_to_whoever_waits() {
        let budget = budget(16);
        assert!(budget.try_extra(15 * UNIT).is_none());
        let extra = budget.try_extra(14 * UNIT).unwrap();
        let mut waiting = Box::pin(budget.take(3 * UNIT));
        assert!((&mut waiting).now_or_never().is_none());
        drop(extra);
        assert!(budget.try_extra(14 * UNIT).is_none());
        assert!(waiting.now_or_never().is_some());
    }

    #[tokio::test]
    async fn small_ones_pass_where_one_large_one_has_extras_and_another_comes() {
        let budget = budget(16);
        let _one = budget.take_for_large(2 * UNIT, None).await;
        let extra = budget.try_extra(12 * UNIT).unwrap();
        let mut two = Box::pin(budget.take_for_large(2 * UNIT, None));
        assert!((&mut two).now_or_never().is_none(), "it waits for a part");
        for _ in 0..3 {
            assert!(budget.take(2 * UNIT).now_or_never().is_some(), "small ones pass");
        }
        drop(extra);
        let _two = two.now_or_never().unwrap();
        assert!(budget.try_extra(11 * UNIT).is_none());
        assert!(budget.try_extra(10 * UNIT).is_some());
    }

    #[tokio::test]
    async fn large_ones_wait_among_themselves() {
        let budget = budget(16);
        let _one = budget.take_for_large(6 * UNIT, None).await;
        let mut two = Box::pin(budget.take_for_large(6 * UNIT, None));
        assert!((&mut two).now_or_never().is_none());
        assert!(budget.take(10 * UNIT).now_or_never().is_some(), "small ones pass");
    }

    proptest! {
        #[test]
        fn whatever_large_ones_take_small_ones_find_the_reserve(
            units in 16_u64..100,
            steps in prop::collection::vec((0..4, 1_u64..60, any::<prop::sample::Index>()), 1..60),
        ) {
            let budget = budget(units);
            let mut held = Vec::new();
            for (step, size, which) in steps {
                let size = size.min(units - units / RESERVE) * UNIT;
                match step {
                    0 => held.extend(budget.take_for_large(size, None).now_or_never().flatten()),
                    1 => held.extend(budget.try_extra(size)),
                    2 => held.extend(budget.take_for_small(LONG_BODY + 1, size, None).now_or_never().flatten()),
                    _ if held.is_empty() => {}
                    _ => drop(held.swap_remove(which.index(held.len()))),
                }
                prop_assert!(budget.take(units / RESERVE * UNIT).now_or_never().is_some());
            }
            held.clear();
            prop_assert!(budget.take(units * UNIT).now_or_never().is_some(), "all is given back");
        }
    }
}
