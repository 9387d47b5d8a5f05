//! How far a run is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::{Change, change::Found};

/// How far a run is, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Objects that both ends have and that were compared.
    pub checked: u64,
    /// Objects to be copied, as far as is known.
    pub to_copy: u64,
    /// Their bytes.
    pub bytes_to_copy: u64,
    /// Those of them that are done, failed ones included.
    pub copied: u64,
    /// Bytes that have arrived from the source, or were copied by a server.
    pub bytes_copied: u64,
    /// Objects to be deleted, as far as is known.
    pub to_delete: u64,
    /// Those of them that are gone.
    pub deleted: u64,
    /// What was to be copied or deleted, and could not be.
    pub failed: u64,
    /// All is compared: there will be no more to do.
    pub is_compared: bool,
}

/// Counts it.
#[derive(Debug, Default)]
pub(super) struct Counts {
    checked: AtomicU64,
    to_copy: AtomicU64,
    bytes_to_copy: AtomicU64,
    copied: AtomicU64,
    bytes_copied: AtomicU64,
    to_delete: AtomicU64,
    deleted: AtomicU64,
    failed: AtomicU64,
    /// Ranges that are being compared, and objects that are read to be.
    open: AtomicU64,
    /// There are no more ranges to come.
    no_more: AtomicBool,
}

impl Counts {
    /// Forgets what was compared: the comparison begins again, and finds what was copied.
    pub(super) fn reset(&self) {
        let Self { checked, to_copy, bytes_to_copy, copied, bytes_copied, to_delete, deleted, failed, open, no_more } =
            self;
        for count in [checked, to_copy, bytes_to_copy, copied, bytes_copied, to_delete, deleted, failed, open] {
            count.store(0, Relaxed);
        }
        no_more.store(false, Relaxed);
    }

    /// A key was looked at.
    pub(super) fn finds(&self, found: &Found) {
        use Change::{Copy, Immutable, Same};
        let is_at_both = match found {
            Found::Change(change) => {
                self.plans(change);
                matches!(change, Same { .. } | Immutable { .. } | Copy { replaces: Some(_), .. })
            }
            Found::Open { .. } => {
                self.opens();
                true
            }
        };
        self.checked.fetch_add(u64::from(is_at_both), Relaxed);
    }

    /// What was open is no more.
    pub(super) fn settles(&self, change: &Change) {
        self.plans(change);
        self.closes();
    }

    fn plans(&self, change: &Change) {
        match change {
            Change::Copy { source, .. } => {
                self.to_copy.fetch_add(1, Relaxed);
                self.bytes_to_copy.fetch_add(source.size, Relaxed);
            }
            Change::Delete { .. } => {
                self.to_delete.fetch_add(1, Relaxed);
            }
            Change::Same { .. } | Change::Immutable { .. } | Change::Impossible { .. } | Change::Extra { .. } => {}
        }
    }

    /// Something is to be compared.
    pub(super) fn opens(&self) {
        self.open.fetch_add(1, Relaxed);
    }

    /// It is.
    pub(super) fn closes(&self) {
        // A comparison that was given up may end after the next one has begun.
        let _ = self.open.fetch_update(Relaxed, Relaxed, |open| open.checked_sub(1));
    }

    pub(super) fn opens_no_more(&self) {
        self.no_more.store(true, Relaxed);
    }

    pub(super) fn copied(&self, bytes: u64, fine: bool) {
        self.copied.fetch_add(1, Relaxed);
        if fine {
            self.bytes_copied.fetch_add(bytes, Relaxed);
        } else {
            self.failed();
        }
    }

    pub(super) fn deleted(&self, fine: bool) {
        if fine {
            self.deleted.fetch_add(1, Relaxed);
        } else {
            self.failed();
        }
    }

    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    /// At this moment, where so many bytes have arrived.
    pub(super) fn now(&self, arrived: u64) -> Progress {
        Progress {
            checked: self.checked.load(Relaxed),
            to_copy: self.to_copy.load(Relaxed),
            bytes_to_copy: self.bytes_to_copy.load(Relaxed),
            copied: self.copied.load(Relaxed),
            // What a server copies by itself never arrives here.
            bytes_copied: self.bytes_copied.load(Relaxed).max(arrived),
            to_delete: self.to_delete.load(Relaxed),
            deleted: self.deleted.load(Relaxed),
            failed: self.failed.load(Relaxed),
            is_compared: self.no_more.load(Relaxed) && self.open.load(Relaxed) == 0,
        }
    }
}
