//! The first half of a run: what is to be copied.

use futures::{StreamExt, stream::FuturesUnordered};
use transship_report::{DestinationReport, Former, ObjectReport};
use transship_transfer::{Copied, Job, Target};
use transship_types::{Entry, Key, Outcome};

use super::{
    Change, Mirrored, Reached,
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

impl Work {
    /// Copies what is to be copied while the comparison goes on. What is under way when a listing breaks off is brought
    /// to its end.
    pub(super) async fn copy(&self) -> Result<Copying> {
        let mut changes = counted(&self.ends, &self.options, self.compared.clone());
        let mut copying = Copying { pending: Pending::new(&self.options.work_dir), deletions: 0, clean: true };
        let mut under_way = FuturesUnordered::new();
        let mut quota = Quota::new(self.options.cut_off);
        let (mut broken, mut listed) = (None, false);
        while !listed || !under_way.is_empty() {
            let room = !listed && under_way.len() < self.options.copy.transfers.max(1);
            tokio::select! {
                Some(brought) = under_way.next() => copying.clean &= self.brought(brought?).await,
                change = changes.next(), if room => match change {
                    None => listed = true,
                    Some(Err(error)) => {
                        broken = Some(error);
                        listed = true;
                    }
                    Some(Ok(change)) => {
                        if let Some(due) = self.note(change, &mut copying).await? {
                            match quota.take(due.source.size) {
                                Ok(()) => under_way.push(self.bring(due)),
                                Err(reached) => {
                                    listed = true;
                                    copying.clean = false;
                                    self.tell(Mirrored::CutOff(reached)).await;
                                }
                            }
                        }
                    }
                },
                () = quota.time_is_over(), if !listed => {
                    listed = true;
                    copying.clean = false;
                    self.tell(Mirrored::CutOff(Reached::Time)).await;
                }
                () = self.options.cancel.cancelled(), if !listed => {
                    copying.clean = false;
                    listed = true;
                }
            }
        }
        broken.map_or(Ok(copying), Err)
    }

    /// Takes a change down, and gives back what is to be copied.
    async fn note(&self, change: Change, copying: &mut Copying) -> Result<Option<Due>> {
        let (because, wrong) = (change.because(), change.error());
        match change {
            Change::Copy { source, replaces } => {
                return Ok(Some(Due { source, replaces: replaces.map(|(there, _)| there), because }));
            }
            Change::Same { source, reason } => self.tell(Mirrored::Same(source, reason)).await,
            Change::Extra { destination } => self.tell(Mirrored::Extra(destination)).await,
            Change::Delete { destination, gone } => {
                copying.deletions += 1;
                copying.pending.push((destination, gone))?;
            }
            Change::Immutable { source, .. } | Change::Impossible { source, .. } => {
                copying.clean = false;
                self.compared.counts.failed();
                let error = wrong.unwrap_or_default();
                let mut object = self.object(&source, Outcome::Failed { error });
                object.destinations.iter_mut().for_each(|there| there.because = Some(because.clone()));
                self.tell(Mirrored::Object(object)).await;
            }
        }
        Ok(None)
    }

    async fn bring(&self, due: Due) -> Result<Brought> {
        let key = self.relative(&due.source.key).prefixed(&self.ends.destination.prefix);
        let kept = match (&self.keeper, &due.replaces) {
            (Some(keeper), Some(there)) => keeper.keep(there).await?,
            _ => Ok(None),
        };
        let (kept, copied) = match kept {
            Err(error) => (None, Err(format!("it was not replaced: what is there {error}"))),
            Ok(kept) => {
                let target = Target { destination: 0, key, unpack: false, newest_wins: false };
                let job = Job { source: due.source.clone(), hint: false, targets: vec![target] };
                (kept, Ok(self.copier.copy(job).await))
            }
        };
        Ok(Brought { due, kept, copied })
    }

    /// Reports a copy, and says whether it succeeded.
    async fn brought(&self, Brought { due, kept, copied }: Brought) -> bool {
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
        self.tell(Mirrored::Object(object)).await;
        fine
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
