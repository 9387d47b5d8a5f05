//! Deleting.

use std::sync::Arc;

use futures::{StreamExt, stream};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};

use super::{backing::Backing, failure::explain};
use crate::{Error, ErrorKind, Result};

/// <https://learn.microsoft.com/en-us/rest/api/storageservices/blob-batch#remarks>
pub(super) const AZURE_BATCH: usize = 256;
pub(super) const AT_ONCE: usize = 16;

/// Deletes each path, and gives one result for each, in order. What is not there counts as deleted, what is no path
/// keeps its error.
pub(super) async fn delete(
    backing: &Backing,
    store: &Arc<dyn ObjectStore>,
    paths: Vec<Result<Path>>,
) -> Vec<Result<()>> {
    let good: Vec<_> = paths.iter().filter_map(|path| path.as_ref().ok().cloned()).collect();
    let results = match backing {
        Backing::Azure(_) => in_batches(store, &good).await,
        _ => one_by_one(store, &good).await,
    };
    let mut results = results.into_iter();
    let outcome = |path: Result<Path>| path.and_then(|_| results.next().unwrap_or_else(|| Err(unanswered())));
    paths.into_iter().map(outcome).collect()
}

async fn one_by_one(store: &Arc<dyn ObjectStore>, paths: &[Path]) -> Vec<Result<()>> {
    let delete = |path: Path| {
        let store = Arc::clone(store);
        async move { settled(store.delete(&path).await) }
    };
    stream::iter(paths.to_vec()).map(delete).buffered(AT_ONCE).collect().await
}

async fn in_batches(store: &Arc<dyn ObjectStore>, paths: &[Path]) -> Vec<Result<()>> {
    let mut results = Vec::with_capacity(paths.len());
    for batch in paths.chunks(AZURE_BATCH) {
        let asked = stream::iter(batch.iter().cloned().map(Ok).collect::<Vec<_>>()).boxed();
        let answers: Vec<_> = store.delete_stream(asked).collect().await;
        if answers.len() == batch.len() {
            results.extend(answers.into_iter().map(|answer| settled(answer.map(drop))));
            continue;
        }
        // The batch itself failed: no blob of it fared better than another.
        let failure = answers.iter().find_map(|answer| answer.as_ref().err());
        results.extend(batch.iter().map(|_| Err(failure.map_or_else(unanswered, explain))));
    }
    results
}

fn settled(answer: object_store::Result<()>) -> Result<()> {
    match answer.map_err(|e| explain(&e)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn unanswered() -> Error {
    Error::new(ErrorKind::InvalidReply, "the server did not say what became of it")
}
