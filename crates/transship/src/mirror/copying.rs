//! The first half of a run: what is to be copied.

use std::iter;

use futures::{
    FutureExt, StreamExt, TryStreamExt,
    future::BoxFuture,
    stream::{self, FuturesUnordered},
};
use transship_report::{DestinationReport, Former, ObjectReport};
use transship_transfer::{Copied, Failure, Job, Placed, Slot, Target};
use transship_types::{Entry, Key, Outcome};

use super::{
    Change, Gone, Mirrored, Reached,
    change::NOT_THERE,
    changes::counted,
    cut_off::Quota,
    deletion::Pending,
    run::{DESTINATION, Work},
};
use crate::{Result, outcome};

/// What the first half of a run leaves to the second.
pub(super) struct Copying {
    pub(super) pending: Pending,
    pub(super) deletions: u64,
    /// Every copy succeeded.
    pub(super) clean: bool,
    /// It was told that the run ends before all is copied.
    is_cut_off: bool,
}

/// An object that is to be copied.
struct Due {
    source: Entry,
    replaces: Option<Entry>,
    because: String,
}

/// What came of it.
struct Brought {
    due: Due,
    /// Where that is now which it replaced.
    kept: Option<Key>,
    copied: Result<Copied, String>,
}

impl Brought {
    fn was_left(&self) -> bool {
        let cancelled = |placed: &Placed| matches!(placed.result, Err(Failure::Cancelled));
        self.copied.as_ref().is_ok_and(|copied| copied.targets.iter().all(cancelled))
    }
}

/// The slot of what is next, once there is one.
async fn slot_of(next: &mut Option<(Due, BoxFuture<'_, Slot>)>) -> Option<Slot> {
    match next {
        Some((_, slot)) => Some(slot.await),
        None => None,
    }
}

/// What is to be done next.
enum Step {
    Note(Noted),
    Bring(Due),
}

/// What needs no more than to be taken down.
#[derive(Default)]
struct Noted {
    told: Vec<Mirrored>,
    gone: Vec<(Entry, Gone)>,
    /// How many of them could not be done.
    failed: usize,
}

impl Work {
    /// Copies what is to be copied while the comparison goes on. What is under way when a listing breaks off is brought
    /// to its end.
    pub(super) async fn copy(&self) -> Result<Copying> {
        let changes = counted(&self.ends, &self.options, self.compared.clone());
        let mut steps = changes.map_ok(|batch| stream::iter(self.steps(batch)).map(Ok)).try_flatten();
        let mut copying =
            Copying { pending: Pending::new(&self.options.work_dir), deletions: 0, clean: true, is_cut_off: false };
        let mut under_way = FuturesUnordered::new();
        let mut quota = Quota::new(self.options.cut_off);
        let (mut broken, mut listed) = (None, false);
        // The object that is next, and the slot that it waits for.
        let mut next: Option<(Due, BoxFuture<'_, Slot>)> = None;
        while !listed || next.is_some() || !under_way.is_empty() {
            tokio::select! {
                Some(brought) = under_way.next() => self.brought(brought?, &mut copying).await,
                Some(slot) = slot_of(&mut next) => {
                    let Some((due, _)) = next.take() else { continue };
                    match quota.take(due.source.size) {
                        Ok(()) => under_way.push(self.bring(due, slot)),
                        Err(reached) => {
                            listed = true;
                            self.cut_off(reached, &mut copying).await;
                        }
                    }
                }
                step = steps.next(), if !listed && next.is_none() => match step {
                    None => listed = true,
                    Some(Err(error)) => {
                        broken = Some(error);
                        listed = true;
                    }
                    Some(Ok(Step::Note(noted))) => self.note(noted, &mut copying).await?,
                    Some(Ok(Step::Bring(due))) => next = Some((due, self.copier.slot().boxed())),
                },
                () = quota.time_is_over(), if !self.copier.is_closed() => {
                    self.copier.close();
                    if !listed || next.is_some() {
                        self.cut_off(Reached::Time, &mut copying).await;
                    }
                    (listed, next) = (true, None);
                }
                () = self.options.cancel.cancelled(), if !listed || next.is_some() => {
                    copying.clean = false;
                    (listed, next) = (true, None);
                }
            }
        }
        broken.map_or(Ok(copying), Err)
    }

    /// One step for all that is only taken down, and one for each object that is to be copied.
    fn steps(&self, batch: Vec<Change>) -> impl Iterator<Item = Step> + use<> {
        let (mut noted, mut due) = (Noted::default(), Vec::new());
        noted.told.reserve(batch.len());
        for change in batch {
            let wrong = change.error().map(|error| (error, change.because()));
            match change {
                Change::Same { source, reason } => noted.told.push(Mirrored::Same(source, reason)),
                Change::Extra { destination } => noted.told.push(Mirrored::Extra(destination)),
                Change::Delete { destination, gone } => noted.gone.push((destination, gone)),
                Change::Copy { source, replaces } => {
                    let (replaces, because) = match replaces {
                        Some((there, reason)) => (Some(there), reason.to_string()),
                        None => (None, NOT_THERE.to_owned()),
                    };
                    due.push(Step::Bring(Due { source, replaces, because }));
                }
                Change::Immutable { source, .. } | Change::Impossible { source, .. } => {
                    let (error, because) = wrong.unwrap_or_default();
                    let mut object = self.object(&source, Outcome::Failed { error });
                    object.destinations.iter_mut().for_each(|there| there.because = Some(because.clone()));
                    noted.told.push(Mirrored::Object(object));
                    noted.failed += 1;
                }
            }
        }
        iter::once(Step::Note(noted)).chain(due)
    }

    async fn note(&self, Noted { told, gone, failed }: Noted, copying: &mut Copying) -> Result<()> {
        copying.clean &= failed == 0;
        (0..failed).for_each(|_| self.compared.counts.failed());
        copying.deletions += gone.len() as u64;
        gone.into_iter().try_for_each(|gone| copying.pending.push(gone))?;
        self.tell_all(told).await;
        Ok(())
    }

    async fn bring(&self, due: Due, slot: Slot) -> Result<Brought> {
        let key = self.relative(&due.source.key).prefixed(&self.ends.destination.prefix);
        let kept = match (&self.keeper, &due.replaces) {
            (Some(keeper), Some(there)) => keeper.keep(there).await?,
            _ => Ok(None),
        };
        let (kept, copied) = match kept {
            Err(error) => (None, Err(format!("it was not replaced: what is there {error}"))),
            Ok(kept) => {
                // What was kept is to be replaced, whatever the time.
                let slot = if kept.is_some() { slot.of_what_has_begun() } else { slot };
                let target = Target { destination: 0, key, unpack: false, newest_wins: false };
                let job = Job { source: due.source.clone(), hint: false, targets: vec![target] };
                (kept, Ok(self.copier.copy_in(slot, job).await))
            }
        };
        Ok(Brought { due, kept, copied })
    }

    /// Says once that the run ends before all is copied.
    async fn cut_off(&self, reached: Reached, copying: &mut Copying) {
        copying.clean = false;
        if !std::mem::replace(&mut copying.is_cut_off, true) {
            self.tell(Mirrored::CutOff(reached)).await;
        }
    }

    /// Reports a copy. One whose turn did not come in time is one more that is left.
    async fn brought(&self, brought: Brought, copying: &mut Copying) {
        if self.copier.is_closed() && !self.options.cancel.is_cancelled() && brought.was_left() {
            return self.cut_off(Reached::Time, copying).await;
        }
        let Brought { due, kept, copied } = brought;
        let mut object = match copied {
            Err(error) => self.object(&due.source, Outcome::Failed { error }),
            Ok(copied) => {
                let seen = Entry { key: self.relative(&copied.source.key), ..copied.source.clone() };
                let mut object = ObjectReport::from(&seen);
                object.changed_since_listing = copied.changed;
                object.source_reads = copied.source_reads;
                let prefix = &self.ends.destination.prefix;
                let placed = copied.targets.into_iter();
                object.destinations = placed
                    .map(|placed| outcome::of_placed(prefix, DESTINATION, placed, object.last_modified))
                    .collect();
                object
            }
        };
        for there in &mut object.destinations {
            there.because = Some(due.because.clone());
            there.was = due.replaces.as_ref().map(Former::from);
            there.kept_as.clone_from(&kept);
        }
        let fine =
            object.destinations.iter().all(|d| matches!(d.outcome, Outcome::Copied { .. } | Outcome::Skipped { .. }));
        self.compared.counts.copied(due.source.size, fine);
        copying.clean &= fine;
        self.tell(Mirrored::Object(object)).await;
    }

    fn relative(&self, key: &Key) -> Key {
        key.strip_prefix(&self.ends.source.prefix).unwrap_or_else(|| key.clone())
    }

    fn object(&self, source: &Entry, outcome: Outcome) -> ObjectReport {
        let key = self.relative(&source.key);
        let mut object = ObjectReport::from(&Entry { key: key.clone(), ..source.clone() });
        object.destinations.push(DestinationReport::new(DESTINATION, key, outcome));
        object
    }
}
