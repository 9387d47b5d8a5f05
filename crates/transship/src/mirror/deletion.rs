//! Deleting, once all else went well.

use std::sync::Arc;

use futures::{Stream, StreamExt, TryStreamExt, stream};
use transship_report::{DestinationReport, ObjectReport};
use transship_spill::Spool;
use transship_store::{Bucket, RetryOptions, retry};
use transship_types::{Entry, Key, Outcome};

use super::{Gone, backup::Keeper};
use crate::{Place, Result};

/// Keys in one request: S3's limit.
const BATCH: usize = 1000;
/// Requests at once.
const AT_ONCE: usize = 4;

/// An object that is to be deleted, and why.
type Doomed = (Entry, Gone);

/// Deletions that wait for the end.
pub(super) type Pending = Spool<Doomed>;

/// Deletes objects.
pub(super) struct Deleting<'a> {
    pub(super) place: &'a Place,
    /// Keeps them first.
    pub(super) keeper: Option<&'a Keeper>,
    pub(super) retry: &'a RetryOptions,
}

/// Whether an object may go.
enum Kept {
    /// It may, and is kept under this name where it is kept.
    Free(Option<Key>),
    /// This run has written it.
    Spared,
    /// It could not be kept.
    Failed(String),
}

impl<'a> Deleting<'a> {
    /// Deletes them all, and says of each what came of it.
    pub(super) fn run(
        &'a self,
        pending: impl Iterator<Item = Result<Doomed, transship_spill::Error>> + Send + 'a,
    ) -> impl Stream<Item = Result<ObjectReport>> + Send + 'a {
        let batches = stream::iter(pending).chunks(BATCH).map(move |batch| async move {
            match self.batch(batch).await {
                Ok(reports) => reports.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            }
        });
        batches.buffer_unordered(AT_ONCE).flat_map(stream::iter)
    }

    async fn batch(&self, batch: Vec<Result<Doomed, transship_spill::Error>>) -> Result<Vec<ObjectReport>> {
        let doomed: Vec<Doomed> = batch.into_iter().collect::<Result<_, _>>()?;
        let (mut reports, mut free) = (Vec::new(), Vec::new());
        let mut kept = stream::iter(doomed).map(|doomed| self.keep(doomed)).buffered(BATCH);
        while let Some(((entry, gone), kept)) = kept.try_next().await? {
            match kept {
                Kept::Spared => {}
                Kept::Failed(error) => reports.push(self.report(&entry, gone, Outcome::Failed { error })),
                Kept::Free(name) => free.push((entry, gone, name)),
            }
        }
        let keys: Vec<Key> = free.iter().map(|(entry, ..)| entry.key.clone()).collect();
        let outcomes = delete(&self.place.bucket, &keys, self.retry).await;
        for ((entry, gone, name), outcome) in free.into_iter().zip(outcomes) {
            let mut report = self.report(&entry, gone, outcome);
            report.destinations.iter_mut().for_each(|there| there.kept_as.clone_from(&name));
            reports.push(report);
        }
        Ok(reports)
    }

    async fn keep(&self, doomed: Doomed) -> Result<(Doomed, Kept)> {
        let kept = match self.keeper {
            None => Kept::Free(None),
            Some(keeper) if keeper.has_written(&doomed.0.key)? => Kept::Spared,
            Some(keeper) => match keeper.keep(&doomed.0).await? {
                Ok(name) => Kept::Free(name),
                Err(error) => Kept::Failed(format!("it was not deleted: {error}")),
            },
        };
        Ok((doomed, kept))
    }

    /// An object of the destination, by its key without the prefix.
    fn report(&self, entry: &Entry, gone: Gone, outcome: Outcome) -> ObjectReport {
        let key = entry.key.strip_prefix(&self.place.prefix).unwrap_or_else(|| entry.key.clone());
        let mut object = ObjectReport::new(key.clone());
        let there = DestinationReport::new(super::run::DESTINATION, key, outcome);
        object.destinations.push(DestinationReport { because: Some(gone.to_string()), ..there });
        object
    }
}

async fn delete(bucket: &Arc<dyn Bucket>, keys: &[Key], policy: &RetryOptions) -> Vec<Outcome> {
    if keys.is_empty() {
        return Vec::new();
    }
    match retry(policy, |_| bucket.delete(keys)).await {
        Err(error) => keys.iter().map(|_| Outcome::Failed { error: error.to_string() }).collect(),
        Ok(deleted) => {
            let of = |deleted: transship_store::Deleted| match deleted.result {
                Ok(()) => Outcome::Deleted,
                Err(error) => Outcome::Failed { error: error.to_string() },
            };
            deleted.into_iter().map(of).collect()
        }
    }
}
