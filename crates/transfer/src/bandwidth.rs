//! How fast bytes may move through this process.

use std::{fmt, num::NonZeroU64, sync::Arc, time::Duration};

use transship_store::{Bucket, Pace};

use crate::{
    limited::Limited,
    meter::{Meter, Waits},
};

/// Bytes a second in each direction; `None` where nothing limits them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// What is written to destinations. With several of them each one's bytes count.
    pub up: Option<NonZeroU64>,
    /// What is read: at the source, and at destinations to verify a copy.
    pub down: Option<NonZeroU64>,
}

/// A limit on the bytes that move through this process, shared by all that have a clone of it.
///
/// It counts bytes of objects as they are sent and received, also those that are sent again; listings and replies do not
/// count, and what a server copies by itself does not come through here. Disks count only where all ends are disks.
///
/// The default limits nothing, costs nothing, and cannot be set.
#[derive(Clone, Default)]
pub struct Bandwidth(Option<Arc<Limits>>);

struct Limits {
    up: Arc<Meter>,
    down: Arc<Meter>,
    waits: Arc<Waits>,
}

impl Bandwidth {
    /// A limit that holds until it is set otherwise.
    pub fn new(rates: Rates) -> Self {
        let waits = Arc::<Waits>::default();
        let meter = |rate| Arc::new(Meter::new(rate, Arc::clone(&waits)));
        Self(Some(Arc::new(Limits { up: meter(rates.up), down: meter(rates.down), waits })))
    }

    /// Changes the rates, for what is under way as well.
    pub fn set(&self, rates: Rates) {
        if let Some(limits) = &self.0 {
            limits.up.set(rates.up);
            limits.down.set(rates.down);
        }
    }

    /// The rates at this moment.
    pub fn rates(&self) -> Rates {
        self.0.as_ref().map_or_else(Rates::default, |limits| Rates { up: limits.up.rate(), down: limits.down.rate() })
    }

    /// The same buckets, whose objects are read and written under this limit. A [`Copier`](crate::Copier) does this
    /// with its own.
    pub fn over(&self, buckets: Vec<Arc<dyn Bucket>>) -> Vec<Arc<dyn Bucket>> {
        let Some(limits) = &self.0 else { return buckets };
        let pace = |meter: &Arc<Meter>| -> Pace {
            let meter = Arc::clone(meter);
            Arc::new(move |stream| Arc::clone(&meter).paced(stream))
        };
        let (up, down) = (pace(&limits.up), pace(&limits.down));
        let is_disk = |bucket: &Arc<dyn Bucket>| bucket.capabilities().is_disk();
        let only_disks = buckets.iter().all(is_disk);
        let limit = |bucket: Arc<dyn Bucket>| -> Arc<dyn Bucket> {
            if is_disk(&bucket) && !only_disks {
                return bucket;
            }
            Arc::new(Limited { inner: bucket, up: Arc::clone(&up), down: Arc::clone(&down) })
        };
        buckets.into_iter().map(limit).collect()
    }

    /// For how long, in all, something has waited for this limit.
    pub(crate) fn waited(&self) -> Duration {
        self.0.as_ref().map_or(Duration::ZERO, |limits| limits.waits.in_all())
    }

    /// Sleeps for as long, not counting the time in which something waits for this limit.
    pub(crate) async fn sleep(&self, time: Duration) {
        let mut left = time;
        while !left.is_zero() {
            let before = self.waited();
            tokio::time::sleep(left).await;
            left = self.waited().saturating_sub(before).min(left);
        }
    }
}

/// A handle, not a value: equal where it is the same limit.
impl PartialEq for Bandwidth {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for Bandwidth {}

impl fmt::Debug for Bandwidth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rates().fmt(f)
    }
}
