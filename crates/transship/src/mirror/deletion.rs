//! Deleting, once all else went well.

use std::sync::Arc;

use futures::{Stream, StreamExt, TryStreamExt, stream};
use tokio_util::sync::CancellationToken;
use transship_report::{DestinationReport, ObjectReport};
use transship_spill::Spool;
use transship_store::{Bucket, ErrorKind, Failures, ObjectInfo, RetryOptions, retry};
use transship_types::{Entry, Key, Outcome};

use super::{Ends, Gone, MirrorOptions, Refusal, backup::Keeper, run::DESTINATION};
use crate::{Place, Result, tasks::apart};

/// Keys in one request: S3's limit.
const BATCH: usize = 1000;
/// Requests at once.
const AT_ONCE: usize = 4;

/// An object that is to be deleted, and why.
type Doomed = (Entry, Gone);

/// Deletions that wait for the end.
pub(super) type Pending = Spool<Doomed>;

/// Deletes objects.
pub(super) struct Deleting {
    pub(super) ends: Ends,
    pub(super) options: MirrorOptions,
    /// Keeps them first.
    pub(super) keeper: Option<Arc<Keeper>>,
    /// Fires when nothing more is to be deleted.
    pub(super) stop: CancellationToken,
}

/// What became of an object that was to be deleted.
pub(super) enum Deleted {
    /// It was deleted, or that failed.
    Object(ObjectReport),
    /// This run has written it: it stays.
    Spared,
    /// It shows that nothing may be deleted.
    Refused(Refusal),
}

/// Whether an object may go.
enum Leave {
    /// It may, and is kept under this name where it is kept.
    Granted(Option<Key>),
    /// It stays, and why.
    Denied(String),
}

impl Deleting {
    /// Deletes them all, and says of each what came of it, a batch at a time. Ends early when it is stopped, with
    /// what had been asked for by then.
    pub(super) fn run(
        self,
        pending: impl Iterator<Item = Result<Doomed, transship_spill::Error>> + Send,
    ) -> impl Stream<Item = Result<Vec<Deleted>>> + Send {
        // What is kept among the others must not be deleted by a batch that has been looked through already.
        let at_once = if self.keeper.as_ref().is_some_and(|keeper| keeper.keeps_inside()) { 1 } else { AT_ONCE };
        let batches = stream::iter(pending).chunks(BATCH).take_until(self.stop.clone().cancelled_owned());
        let deleting = Arc::new(self);
        // On tasks of their own: whoever is told of one batch and takes its time must not hold up the requests of others.
        let deleted = batches.map(move |batch| {
            let deleting = Arc::clone(&deleting);
            apart("deleting", async move { deleting.batch(batch).await })
        });
        deleted.buffer_unordered(at_once)
    }

    async fn batch(&self, batch: Vec<Result<Doomed, transship_spill::Error>>) -> Result<Vec<Deleted>> {
        let doomed: Vec<Doomed> = batch.into_iter().collect::<Result<_, _>>()?;
        if let Some((entry, _)) = doomed.first()
            && self.is_the_sources_own(entry).await
        {
            return Ok(vec![Deleted::Refused(Refusal::SamePlace { key: entry.key.clone() })]);
        }
        let at_once = self.options.copy.transfers.max(1);
        let mut missing = stream::iter(doomed).map(|doomed| self.is_missing(doomed)).buffered(at_once);
        let (mut deleted, mut gone) = (Vec::new(), Vec::new());
        while let Some((doomed, missing)) = missing.next().await {
            match missing {
                Ok(true) => gone.push(doomed),
                Ok(false) => return Ok(vec![Deleted::Refused(Refusal::Unlisted { key: self.relative(&doomed.0) })]),
                Err(why) => deleted.push(self.report(&doomed, Outcome::Failed { error: why })),
            }
        }
        let mut asked = stream::iter(gone).map(|doomed| self.leave(doomed)).buffered(at_once);
        let mut free = Vec::new();
        while let Some((doomed, leave)) = asked.try_next().await? {
            match leave {
                Leave::Granted(kept) => free.push((doomed, kept)),
                Leave::Denied(why) => deleted.push(self.report(&doomed, Outcome::Failed { error: why })),
            }
        }
        drop(asked);
        if self.stop.is_cancelled() {
            return Ok(deleted);
        }
        self.delete(free, &mut deleted).await?;
        Ok(deleted)
    }

    /// Deletes those that may go, but for what was kept under their keys meanwhile.
    async fn delete(&self, free: Vec<(Doomed, Option<Key>)>, deleted: &mut Vec<Deleted>) -> Result<()> {
        let mut going = Vec::new();
        for (doomed, kept) in free {
            match &self.keeper {
                Some(keeper) if keeper.has_written(&doomed.0.key)? => deleted.push(Deleted::Spared),
                _ => going.push((doomed, kept)),
            }
        }
        let keys: Vec<Key> = going.iter().map(|((entry, _), _)| entry.key.clone()).collect();
        let outcomes = delete(&self.ends.destination.bucket, &keys, &self.options.copy.retry).await;
        for ((doomed, kept), outcome) in going.into_iter().zip(outcomes) {
            let mut report = self.report(&doomed, outcome);
            if let Deleted::Object(object) = &mut report {
                object.destinations.iter_mut().for_each(|there| there.kept_as.clone_from(&kept));
            }
            deleted.push(report);
        }
        Ok(())
    }

    /// Whether the source really does not have what its listing did not show. A page that a server leaves out, or a folder
    /// that it sorts elsewhere, looks like any other listing.
    async fn is_missing(&self, doomed: Doomed) -> (Doomed, Result<bool, String>) {
        if doomed.1 != Gone::Missing {
            return (doomed, Ok(true));
        }
        let key = self.relative(&doomed.0).prefixed(&self.ends.source.prefix);
        let found = look(&self.ends.source, &key, &self.options.copy.retry).await;
        let why = |error| format!("it was not deleted: whether the source has it cannot be told: {error}");
        (doomed, found.map(|found| found.is_none()).map_err(why))
    }

    /// Whether an object of the destination is one of the source's bucket: the same place may have two names.
    async fn is_the_sources_own(&self, entry: &Entry) -> bool {
        let Ends { source, destination, .. } = &self.ends;
        let may_be = source.prefix != destination.prefix && !destination.bucket.capabilities().is_disk();
        if !may_be {
            return false;
        }
        let found = look(source, &entry.key, &self.options.copy.retry).await;
        let same = |info: ObjectInfo| {
            (info.size, &info.etag, info.last_modified.unix_timestamp())
                == (entry.size, &entry.etag, entry.last_modified.unix_timestamp())
        };
        found.is_ok_and(|found| found.is_some_and(same))
    }

    async fn leave(&self, doomed: Doomed) -> Result<(Doomed, Leave)> {
        let leave = match &self.keeper {
            None => Leave::Granted(None),
            Some(keeper) if keeper.has_written(&doomed.0.key)? => Leave::Granted(None),
            Some(keeper) => match keeper.keep(&doomed.0).await? {
                Ok(name) => Leave::Granted(name),
                Err(error) => Leave::Denied(format!("it was not deleted: {error}")),
            },
        };
        Ok((doomed, leave))
    }

    fn relative(&self, entry: &Entry) -> Key {
        entry.key.strip_prefix(&self.ends.destination.prefix).unwrap_or_else(|| entry.key.clone())
    }

    fn report(&self, (entry, gone): &Doomed, outcome: Outcome) -> Deleted {
        let key = self.relative(entry);
        let mut object = ObjectReport::new(key.clone());
        let there = DestinationReport::new(DESTINATION, key, outcome);
        let because = Some(gone.to_string());
        object.destinations.push(DestinationReport { because, was: Some(entry.into()), ..there });
        Deleted::Object(object)
    }
}

async fn look(place: &Place, key: &Key, policy: &RetryOptions) -> Result<Option<ObjectInfo>, transship_store::Error> {
    match retry(policy, |_| place.bucket.head(key)).await {
        Ok(info) => Ok(Some(info)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::UnrepresentableKey) => Ok(None),
        Err(error) => Err(error),
    }
}

/// One outcome for each key. Those that a server could not delete just now are asked for again.
async fn delete(bucket: &Arc<dyn Bucket>, keys: &[Key], policy: &RetryOptions) -> Vec<Outcome> {
    let mut outcomes = vec![Outcome::Deleted; keys.len()];
    let (mut left, mut failures): (Vec<usize>, _) = ((0..keys.len()).collect(), Failures::default());
    while !left.is_empty() {
        let asked: Vec<Key> = left.iter().map(|at| keys[*at].clone()).collect();
        let deleted = match retry(policy, |_| bucket.delete(&asked)).await {
            Ok(deleted) => deleted,
            Err(error) => {
                left.iter().for_each(|at| outcomes[*at] = Outcome::Failed { error: error.to_string() });
                break;
            }
        };
        failures.add();
        let (mut again, mut pause) = (Vec::new(), std::time::Duration::ZERO);
        for (at, deleted) in left.into_iter().zip(deleted) {
            let Err(error) = deleted.result else {
                outcomes[at] = Outcome::Deleted;
                continue;
            };
            outcomes[at] = Outcome::Failed { error: error.to_string() };
            if let Some(wait) = policy.wait(&failures, &error) {
                again.push(at);
                pause = pause.max(wait);
            }
        }
        left = again;
        if !left.is_empty() {
            tokio::time::sleep(pause).await;
        }
    }
    outcomes
}
