//! Ending a run before all is copied.

use std::fmt;

use tokio::time::{Instant, sleep_until};

/// When nothing more is to be started. What has begun is brought to its end, objects that wait
/// for their turn among large ones are left, and nothing is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CutOff {
    /// When so many bytes of objects were copied.
    pub bytes: Option<u64>,
    /// The object that would go beyond `bytes` is not begun any more.
    pub cautious: bool,
    /// At this time.
    pub at: Option<Instant>,
}

/// What ended a run early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// So many bytes were to be copied at most.
    Bytes(u64),
    /// The time is over.
    Time,
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(limit) => write!(f, "the limit of {limit} bytes is reached"),
            Self::Time => f.write_str("the time is over"),
        }
    }
}

/// What is left of it.
pub(super) struct Quota {
    cut_off: CutOff,
    used: u64,
}

impl Quota {
    pub(super) fn new(cut_off: CutOff) -> Self {
        Self { cut_off, used: 0 }
    }

    /// Counts an object in, if it may still be begun.
    pub(super) fn take(&mut self, size: u64) -> Result<(), Reached> {
        let CutOff { bytes, cautious, .. } = self.cut_off;
        let after = self.used.saturating_add(size);
        match bytes {
            Some(limit) if self.used >= limit || cautious && after > limit => Err(Reached::Bytes(limit)),
            _ => {
                self.used = after;
                Ok(())
            }
        }
    }

    pub(super) async fn time_is_over(&self) {
        match self.cut_off.at {
            Some(at) => sleep_until(at).await,
            None => std::future::pending().await,
        }
    }
}
