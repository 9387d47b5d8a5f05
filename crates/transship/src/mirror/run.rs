//! Carries a plan out.

use std::sync::{Arc, Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt, stream, stream::BoxStream, stream::FuturesUnordered};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use transship_diff::Reason;
use transship_report::{DestinationReport, ObjectReport};
use transship_transfer::{Copied, Copier, Job, Target, Unfinished};
use transship_types::{Entry, Key, Outcome};

use super::{
    Change, Compared, Ends, MirrorOptions, Refusal,
    changes::counted,
    deletion::{self, Pending},
};
use crate::{Error, Result, outcome, tasks};

/// What reports call the destination.
pub(super) const DESTINATION: &str = "destination";

/// What became of a key, or of the run.
#[derive(Debug)]
pub enum Mirrored {
    /// An object that was copied or deleted, or failed at it.
    Object(ObjectReport),
    /// An object that was the same at both ends.
    Same(Entry, Reason),
    /// An object that only the destination has, and that stays.
    Extra(Entry),
    /// Something went wrong or the run was stopped, so that so many objects were not deleted.
    Spared(u64),
    /// A guard refused to delete.
    Refused(Refusal),
    /// The listings could not be relied on as they came: the comparison begins again, with both sorted on disk. What was
    /// copied until then will be found there.
    Again(String),
}

/// Makes the destination equal to the source, when its outcomes are asked for.
pub struct Mirroring {
    /// How many objects were compared.
    pub compared: Arc<Compared>,
    copier: Copier,
    outcomes: Mutex<Option<BoxStream<'static, Result<Mirrored>>>>,
}

impl Mirroring {
    /// What becomes of each key, as it does. An error is the run's own: nothing was deleted. Who asks again gets nothing.
    pub fn outcomes(&self) -> BoxStream<'static, Result<Mirrored>> {
        let outcomes = self.outcomes.lock().unwrap_or_else(PoisonError::into_inner).take();
        outcomes.unwrap_or_else(|| stream::empty().boxed())
    }

    /// Bytes that have arrived from the source.
    pub fn bytes_arrived(&self) -> u64 {
        self.copier.bytes_arrived()
    }

    /// Uploads that are open: what a process leaves behind that ends at once.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        self.copier.unfinished()
    }
}

/// Makes a destination equal to a source.
pub fn mirror(ends: Ends, options: MirrorOptions) -> Mirroring {
    let written = vec![ends.written.clone()];
    let copier = Copier::new(ends.source.bucket.clone(), written, options.copy.clone(), options.cancel.clone());
    let compared = Arc::new(Compared::default());
    let (sender, receiver) = mpsc::channel(64);
    let work = Work { ends, options, copier: copier.clone(), compared: Arc::clone(&compared), sender };
    let outcomes = stream::once(async move {
        let task = AbortOnDropHandle::new(tokio::spawn(work.run()));
        tasks::outcomes(receiver, task, "the run")
    });
    Mirroring { compared, copier, outcomes: Mutex::new(Some(outcomes.flatten().boxed())) }
}

struct Work {
    ends: Ends,
    options: MirrorOptions,
    copier: Copier,
    compared: Arc<Compared>,
    sender: mpsc::Sender<Result<Mirrored>>,
}

/// What the first half of a run leaves to the second.
struct Copying {
    pending: Pending,
    deletions: u64,
    /// Every copy succeeded.
    clean: bool,
}

/// An object that is to be copied, and why.
struct Decided {
    source: Entry,
    because: String,
}

impl Work {
    async fn run(mut self) {
        let result = match self.once().await {
            Err(Error::Listing(error)) if !self.options.sort && self.may_be_sorted(&error) => {
                self.options.sort = true;
                self.tell(Mirrored::Again(error.to_string())).await;
                self.compared.reset();
                self.once().await
            }
            result => result,
        };
        if let Err(error) = result {
            let _ = self.sender.send(Err(error)).await;
        }
    }

    fn may_be_sorted(&self, error: &transship_list::Error) -> bool {
        use transship_list::Error::{OutOfOrder, StartIgnored};
        matches!(error, OutOfOrder { .. } | StartIgnored { .. }) && !self.options.cancel.is_cancelled()
    }

    async fn once(&self) -> Result<()> {
        let copying = self.copy().await?;
        self.delete(copying).await
    }

    /// Nobody listens any more where this fails: then the task is about to be dropped.
    async fn tell(&self, what: Mirrored) {
        let _ = self.sender.send(Ok(what)).await;
    }

    /// Copies what is to be copied while the comparison goes on. What is under way when a listing breaks off is brought
    /// to its end.
    async fn copy(&self) -> Result<Copying> {
        let mut changes = counted(&self.ends, &self.options, Arc::clone(&self.compared));
        let mut copying = Copying { pending: Pending::new(&self.options.work_dir), deletions: 0, clean: true };
        let mut under_way = FuturesUnordered::new();
        let (mut broken, mut listed) = (None, false);
        while !listed || !under_way.is_empty() {
            let room = !listed && under_way.len() < self.options.copy.transfers.max(1);
            tokio::select! {
                Some((decided, copied)) = under_way.next() => copying.clean &= self.copied(&decided, copied).await,
                change = changes.next(), if room => match change {
                    None => listed = true,
                    Some(Err(error)) => {
                        broken = Some(error);
                        listed = true;
                    }
                    Some(Ok(change)) => {
                        if let Some(decided) = self.note(change, &mut copying).await? {
                            under_way.push(self.bring(decided));
                        }
                    }
                },
                () = self.options.cancel.cancelled(), if !listed => {
                    copying.clean = false;
                    listed = true;
                }
            }
        }
        broken.map_or(Ok(copying), Err)
    }

    /// Takes a change down, and gives back what is to be copied.
    async fn note(&self, change: Change, copying: &mut Copying) -> Result<Option<Decided>> {
        let because = change.because();
        match change {
            Change::Copy { source, .. } | Change::Unsure { source, .. } => {
                return Ok(Some(Decided { source, because }));
            }
            Change::Same { source, reason } => self.tell(Mirrored::Same(source, reason)).await,
            Change::Extra { destination } => self.tell(Mirrored::Extra(destination)).await,
            Change::Delete { destination, gone } => {
                copying.deletions += 1;
                copying.pending.push((destination, gone))?;
            }
            Change::Immutable { source, .. } => {
                copying.clean = false;
                let error = format!("it differs ({because}), and objects that are there must not be replaced");
                let mut object = self.object(&source, Outcome::Failed { error });
                object.destinations.iter_mut().for_each(|there| there.because = Some(because.clone()));
                self.tell(Mirrored::Object(object)).await;
            }
        }
        Ok(None)
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

    async fn bring(&self, decided: Decided) -> (Decided, Result<Copied, transship_store::Error>) {
        let source = &decided.source;
        let key = self.relative(&source.key).prefixed(&self.ends.destination.prefix);
        if let Err(error) = self.ends.destination.bucket.check_key(&key) {
            return (decided, Err(error));
        }
        let target = Target { destination: 0, key, unpack: false, newest_wins: false };
        let copied = self.copier.copy(Job { source: source.clone(), hint: false, targets: vec![target] }).await;
        (decided, Ok(copied))
    }

    /// Reports a copy, and says whether it succeeded.
    async fn copied(&self, decided: &Decided, copied: Result<Copied, transship_store::Error>) -> bool {
        let mut object = match copied {
            Err(error) => self.object(&decided.source, Outcome::Failed { error: error.to_string() }),
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
        object.destinations.iter_mut().for_each(|there| there.because = Some(decided.because.clone()));
        let fine =
            object.destinations.iter().all(|d| matches!(d.outcome, Outcome::Copied { .. } | Outcome::Skipped { .. }));
        self.tell(Mirrored::Object(object)).await;
        fine
    }

    async fn delete(&self, Copying { pending, deletions, clean }: Copying) -> Result<()> {
        if deletions == 0 {
            return Ok(());
        }
        if !clean || self.options.cancel.is_cancelled() {
            self.tell(Mirrored::Spared(deletions)).await;
            return Ok(());
        }
        let source = self.source_count().await?;
        if let Err(refusal) = self.options.guards.ask(deletions, source, self.compared.destination()) {
            self.tell(Mirrored::Refused(refusal)).await;
            return Ok(());
        }
        let pending = pending.read()?;
        let mut deleted = std::pin::pin!(deletion::delete(&self.ends.destination, pending, &self.options.copy.retry));
        while let Some(object) = deleted.try_next().await? {
            self.tell(Mirrored::Object(object)).await;
        }
        Ok(())
    }

    /// How many objects the source holds, before filters. Where a filter left the listing nothing to show, one look
    /// tells whether there is anything.
    async fn source_count(&self) -> Result<u64> {
        let listed = self.compared.source();
        if listed > 0 || self.options.filter.is_empty() {
            return Ok(listed);
        }
        let source = &self.ends.source;
        let request =
            transship_store::ListRequest { prefix: source.prefix.clone(), max_keys: Some(1), ..Default::default() };
        let look = transship_store::retry(&self.options.copy.retry, |_| source.bucket.list_page(&request, None));
        Ok(look.await?.entries.len() as u64)
    }
}
