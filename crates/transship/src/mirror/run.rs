//! Carries a plan out.

use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use transship_diff::Reason;
use transship_report::ObjectReport;
use transship_transfer::{Copier, Unfinished};
use transship_types::{Entry, Outcome};

use super::{
    Compared, Ends, MirrorOptions, Progress, Reached, Refusal,
    backup::Keeper,
    copying::Copying,
    deletion::{Deleted, Deleting, Pending},
    refusal,
};
use crate::{Result, tasks};

/// What reports call the destination.
pub const DESTINATION: &str = "destination";

/// What became of a key, or of the run.
#[derive(Debug)]
pub enum Mirrored {
    /// An object that was copied or deleted, or failed at it.
    Object(ObjectReport),
    /// An object that was the same at both ends.
    Same(Entry, Reason),
    /// An object that only the destination has, and that stays.
    Extra(Entry),
    /// Nothing more was begun, though there was more to copy.
    CutOff(Reached),
    /// Something went wrong or the run was stopped, so that so many objects were not deleted.
    Spared(u64),
    /// A guard refused to delete.
    Refused(Refusal),
}

/// Makes the destination equal to the source, when its outcomes are asked for.
pub struct Mirroring {
    /// How many objects were compared.
    pub compared: Arc<Compared>,
    copier: Copier,
    keeper: Option<Arc<Keeper>>,
    outcomes: Mutex<Option<BoxStream<'static, Result<Mirrored>>>>,
}

impl Mirroring {
    /// What becomes of each key, as it does. An error is the run's own: nothing more is deleted. Who asks again gets nothing.
    pub fn outcomes(&self) -> BoxStream<'static, Result<Mirrored>> {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).take();
        outcomes.unwrap_or_else(|| stream::empty().boxed())
    }

    /// How far it is.
    pub fn progress(&self) -> Progress {
        self.compared.counts.now(self.copier.bytes_arrived())
    }

    /// Uploads that are open: what a process leaves behind that ends at once.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        let kept = self.keeper.iter().flat_map(|keeper| keeper.unfinished());
        self.copier.unfinished().into_iter().chain(kept).collect()
    }
}

/// Makes a destination equal to a source.
pub fn mirror(ends: Ends, options: MirrorOptions) -> Mirroring {
    let written = vec![ends.written.clone()];
    let copier = Copier::new(ends.source.bucket.clone(), written, options.copy.clone(), options.cancel.clone());
    let compared = Arc::new(Compared::default());
    let (sender, receiver) = mpsc::channel(4);
    let keeper = options.backup.as_ref().map(|backup| Arc::new(Keeper::new(backup, &ends, &options, &copier)));
    let work =
        Work { ends, options, copier: copier.clone(), keeper: keeper.clone(), compared: Arc::clone(&compared), sender };
    let outcomes = stream::once(async move {
        let task = AbortOnDropHandle::new(tokio::spawn(work.run()));
        let batches = tasks::outcomes(receiver, task, "the run");
        batches.map_ok(|batch| stream::iter(batch).map(Ok)).try_flatten()
    });
    Mirroring { compared, copier, keeper, outcomes: Mutex::new(Some(outcomes.flatten().boxed())) }
}

pub(super) struct Work {
    pub(super) ends: Ends,
    pub(super) options: MirrorOptions,
    pub(super) copier: Copier,
    pub(super) keeper: Option<Arc<Keeper>>,
    pub(super) compared: Arc<Compared>,
    sender: mpsc::Sender<Result<Vec<Mirrored>>>,
}

impl Work {
    async fn run(self) {
        let result = async { self.delete(self.copy().await?).await }.await;
        if let Err(error) = result {
            let _ = self.sender.send(Err(error)).await;
        }
    }

    /// Nobody listens any more where this fails: then the task is about to be dropped.
    pub(super) async fn tell(&self, what: Mirrored) {
        self.tell_all(vec![what]).await;
    }

    /// The same for many at once: each hand-over costs more than most of what is told.
    pub(super) async fn tell_all(&self, what: Vec<Mirrored>) {
        if !what.is_empty() {
            let _ = self.sender.send(Ok(what)).await;
        }
    }

    async fn delete(&self, Copying { pending, deletions, clean, .. }: Copying) -> Result<()> {
        if deletions == 0 {
            return Ok(());
        }
        if !clean || self.options.cancel.is_cancelled() {
            self.tell(Mirrored::Spared(deletions)).await;
            return Ok(());
        }
        if let Some(refusal) = refusal(&self.ends, &self.options, &self.compared, deletions).await? {
            self.tell(Mirrored::Refused(refusal)).await;
            return Ok(());
        }
        self.delete_all(pending, deletions).await
    }

    async fn delete_all(&self, pending: Pending, mut left: u64) -> Result<()> {
        let pending = pending.read()?;
        let (ends, options, keeper) = (self.ends.clone(), self.options.clone(), self.keeper.clone());
        let stop = self.options.cancel.child_token();
        let mut batches = std::pin::pin!(Deleting { ends, options, keeper, stop: stop.clone() }.run(pending));
        let mut refused = Ok(None);
        // What has been asked for goes on when nothing more is to be, and is told.
        while let Some(batch) = batches.next().await {
            let batch = batch.unwrap_or_else(|error| {
                refused = std::mem::replace(&mut refused, Ok(None)).and(Err(error));
                stop.cancel();
                Vec::new()
            });
            let mut told = Vec::with_capacity(batch.len());
            for deleted in batch {
                match deleted {
                    Deleted::Spared => {}
                    Deleted::Refused(refusal) => {
                        refused = refused.map(|before| before.or(Some(refusal)));
                        stop.cancel();
                    }
                    Deleted::Object(object) => {
                        let is_gone = object.destinations.iter().all(|there| there.outcome == Outcome::Deleted);
                        self.compared.counts.deleted(is_gone);
                        told.push(Mirrored::Object(object));
                    }
                }
                left -= 1;
            }
            self.tell_all(told).await;
        }
        match refused? {
            Some(refusal) => self.tell(Mirrored::Refused(refusal)).await,
            None if left > 0 => self.tell(Mirrored::Spared(left)).await,
            None => {}
        }
        Ok(())
    }
}
