use std::{path::PathBuf, sync::Arc};

use tokio_util::sync::CancellationToken;
use transship_diff::{Ahead, Facts, Filter, Policy, Verdict};
use transship_list::{Jump, ListOptions, Side, Skip};
use transship_transfer::{CopyOptions, Destination};
use transship_types::Entry;

use super::{Backup, Content, CutOff, Guards};
use crate::Place;

/// From where, and to where.
#[derive(Clone, Debug)]
pub struct Ends {
    /// The source. Keys are compared without its prefix.
    pub source: Place,
    /// The destination.
    pub destination: Place,
    /// How objects are written there; its bucket is the destination's.
    pub written: Destination,
}

impl Ends {
    /// Two places; objects are written with the store's own defaults.
    pub fn new(source: Place, destination: Place) -> Self {
        let written = Destination::new(destination.bucket.clone());
        Self { source, destination, written }
    }

    /// Whether each end's ETags may be digests. Those of objects that are encrypted with KMS only look like some.
    pub(super) fn etags(&self) -> [bool; 2] {
        let kms = self.written.encryption.as_ref().is_some_and(|asked| asked.algorithm.starts_with("aws:kms"));
        let may_be = |place: &Place| place.bucket.capabilities().etag_may_be_md5;
        [may_be(&self.source), may_be(&self.destination) && !kms]
    }
}

/// What becomes of objects that only the destination has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deletion {
    /// They stay.
    #[default]
    Nothing,
    /// They are deleted, but for those that the filter excludes.
    Extra,
    /// They are deleted, those that the filter excludes too, at either end.
    ExtraAndExcluded,
}

/// How a destination is made equal to its source.
#[derive(Clone, Debug)]
pub struct MirrorOptions {
    /// How objects are copied.
    pub copy: CopyOptions,
    /// How both ends are listed. What the filter rules out is skipped besides.
    pub list: ListOptions,
    /// When two objects are the same.
    pub policy: Policy,
    /// When objects are read to be compared, where listings cannot tell.
    pub content: Content,
    /// An object that is there is never replaced: where it differs, that is an error.
    pub immutable: bool,
    /// Which objects take part.
    pub filter: Arc<Filter>,
    /// What becomes of objects that only the destination has.
    pub deletion: Deletion,
    /// Where goes what is about to be replaced or deleted; `None`: it is lost.
    pub backup: Option<Backup>,
    /// When nothing more is to be started.
    pub cut_off: CutOff,
    /// Take no listing's order for granted: list both ends whole and sort them on disk.
    pub sort: bool,
    /// What must hold before anything is deleted.
    pub guards: Guards,
    /// Where goes what is too large for memory: pending deletions, listings without an order.
    pub work_dir: PathBuf,
    /// Ends the run cleanly.
    pub cancel: CancellationToken,
}

impl Default for MirrorOptions {
    fn default() -> Self {
        Self {
            copy: CopyOptions::default(),
            list: ListOptions::default(),
            policy: Policy::listed(),
            content: Content::default(),
            immutable: false,
            filter: Arc::default(),
            deletion: Deletion::default(),
            backup: None,
            cut_off: CutOff::default(),
            sort: false,
            guards: Guards::default(),
            work_dir: std::env::temp_dir(),
            cancel: CancellationToken::new(),
        }
    }
}

impl MirrorOptions {
    /// Both ends as they are to be listed.
    pub(super) fn sides(&self, ends: &Ends) -> [Side; 2] {
        [&ends.source, &ends.destination].map(|place| Side::new(place.bucket.clone(), place.prefix.clone()))
    }

    /// How they are to be listed: what takes no part at either end need not be.
    pub(super) fn listing(&self) -> ListOptions {
        // Excluded objects at the destination are wanted where they are to go.
        if self.filter.is_empty() || self.deletion == Deletion::ExtraAndExcluded {
            return self.list.clone();
        }
        ListOptions { skip: excluded(&self.filter), ..self.list.clone() }
    }
}

/// Lets a listing jump over what a filter excludes.
pub fn excluded(filter: &Arc<Filter>) -> Skip {
    let filter = Arc::clone(filter);
    Skip::new(move |listed| match filter.ahead(listed) {
        Ahead::Anywhere => Jump::Next,
        Ahead::Behind(key) => Jump::Behind(key),
        Ahead::Nowhere => Jump::End,
    })
}

/// Judges objects that both ends have.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    policy: Policy,
    /// Whether each end's ETags may be digests.
    pub(super) etags: [bool; 2],
}

impl Judge {
    pub(super) fn new(ends: &Ends, policy: &Policy) -> Self {
        Self { policy: policy.clone(), etags: ends.etags() }
    }

    pub(super) fn compare(&self, source: &Entry, destination: &Entry) -> Verdict {
        self.policy.compare(&Facts::listed(source, self.etags[0]), &Facts::listed(destination, self.etags[1]))
    }
}
