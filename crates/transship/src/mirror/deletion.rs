//! Deleting, once all else went well.

use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use transship_report::{DestinationReport, ObjectReport};
use transship_spill::Spool;
use transship_store::{Bucket, RetryOptions, retry};
use transship_types::{Entry, Key, Outcome};

use super::Gone;
use crate::{Place, Result};

/// Keys in one request: S3's limit.
const BATCH: usize = 1000;
/// Requests at once.
const AT_ONCE: usize = 4;

/// Deletes them, and says of each what came of it.
pub(super) fn delete<'a>(
    place: &'a Place,
    pending: impl Iterator<Item = Result<(Entry, Gone), transship_spill::Error>> + Send + 'a,
    policy: &'a RetryOptions,
) -> impl Stream<Item = Result<ObjectReport>> + Send + 'a {
    let batches = stream::iter(pending).chunks(BATCH).map(move |batch| async move {
        let batch: Vec<(Entry, Gone)> = match batch.into_iter().collect() {
            Ok(batch) => batch,
            Err(error) => return vec![Err(error.into())],
        };
        let outcomes = delete_batch(&place.bucket, &batch, policy).await;
        batch.iter().zip(outcomes).map(|((entry, gone), outcome)| Ok(report(place, entry, *gone, outcome))).collect()
    });
    batches.buffer_unordered(AT_ONCE).flat_map(stream::iter)
}

async fn delete_batch(bucket: &Arc<dyn Bucket>, batch: &[(Entry, Gone)], policy: &RetryOptions) -> Vec<Outcome> {
    let keys: Vec<Key> = batch.iter().map(|(entry, _)| entry.key.clone()).collect();
    match retry(policy, |_| bucket.delete(&keys)).await {
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

/// An object of the destination, by its key without the prefix.
fn report(place: &Place, entry: &Entry, gone: Gone, outcome: Outcome) -> ObjectReport {
    let key = entry.key.strip_prefix(&place.prefix).unwrap_or_else(|| entry.key.clone());
    let mut object = ObjectReport::new(key.clone());
    let because = Some(gone.to_string());
    let there = DestinationReport::new(super::run::DESTINATION, key, outcome);
    object.destinations.push(DestinationReport { because, ..there });
    object
}

/// Deletions that wait for the end.
pub(super) type Pending = Spool<(Entry, Gone)>;
