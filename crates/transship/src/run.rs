//! How a run goes, and how far it is.

use std::{
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use futures::stream::BoxStream;
use tokio_util::sync::CancellationToken;
use transship_list::ListOptions;
use transship_report::ObjectReport;
use transship_transfer::{Copier, CopyOptions, Unfinished};
use transship_types::Entry;

use crate::Result;

/// How a run goes.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// How objects are copied.
    pub copy: CopyOptions,
    /// List each destination once and leave alone what is there already.
    pub skip_existing: bool,
    /// Sizes, times and ETags of the entries are hints, not promises: see [`hint`](transship_transfer::Job::hint). Where a
    /// decision hangs on an object's time - the newest of several wins, or ages are compared - the source is asked first.
    pub hints: bool,
    /// How many ranges of keys of a listing are listed side by side, at most: 32 by default, which take up to 48 MiB beside
    /// what copies may take.
    pub listers: usize,
    /// Where goes what is too large for memory: a plan, what a destination holds.
    pub work_dir: PathBuf,
    /// Ends the run cleanly: nothing new is started, what is in flight may finish for a while.
    pub cancel: CancellationToken,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            copy: CopyOptions::default(),
            skip_existing: false,
            hints: false,
            listers: ListOptions::default().listers,
            work_dir: std::env::temp_dir(),
            cancel: CancellationToken::new(),
        }
    }
}

impl RunOptions {
    /// How a source is listed: pages are asked for again as objects are.
    pub fn listing(&self) -> ListOptions {
        ListOptions { listers: self.listers, retry: self.copy.retry.clone(), ..ListOptions::default() }
    }
}

/// A run that starts when its outcomes are asked for.
pub struct Run {
    progress: Arc<Progress>,
    outcomes: BoxStream<'static, Result<ObjectReport>>,
}

impl Run {
    pub(crate) fn new(progress: Arc<Progress>, outcomes: BoxStream<'static, Result<ObjectReport>>) -> Self {
        Self { progress, outcomes }
    }

    /// How far it is; may be looked at from anywhere.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// One report for each source object, as they end. An error is the run's own - a listing broke off, two keys
    /// collide: nothing new is started after it, but objects in flight still come, for who goes on asking.
    pub fn outcomes(self) -> BoxStream<'static, Result<ObjectReport>> {
        self.outcomes
    }
}

/// How far a run is.
#[derive(Debug, Default)]
pub struct Progress {
    objects: AtomicU64,
    bytes: AtomicU64,
    pub(crate) listed: AtomicBool,
    pub(crate) done: AtomicU64,
    pub(crate) copier: OnceLock<Copier>,
}

impl Progress {
    /// Objects that are known so far, and their bytes.
    pub fn known(&self) -> (u64, u64) {
        (self.objects.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }

    /// Whether nothing more will become known.
    pub fn is_listed(&self) -> bool {
        self.listed.load(Ordering::Relaxed)
    }

    /// Objects that have ended, and bytes that have arrived from the source.
    pub fn done(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.copier.get().map_or(0, Copier::bytes_arrived))
    }

    /// Uploads in parts that are open at this moment, and those that could not be aborted: what a process leaves behind
    /// that ends at once.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        self.copier.get().map(Copier::unfinished).unwrap_or_default()
    }

    pub(crate) fn count(&self, entry: &Entry) {
        self.objects.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(entry.size, Ordering::Relaxed);
    }
}
