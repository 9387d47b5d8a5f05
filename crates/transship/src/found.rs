//! Source objects on their way into the plan.

use std::sync::Arc;

use futures::{Stream, StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use tokio_util::task::AbortOnDropHandle;
use transship_store::{ErrorKind, ObjectInfo, retry};
use transship_types::Entry;

use crate::{Error, Plan, Result, RunOptions};

/// A source object, and how much of it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) entry: Entry,
    /// Size, time and ETag are only hints.
    pub(crate) hint: bool,
    /// It is another object than the one in the list.
    pub(crate) changed: bool,
    /// It cannot be read, and why.
    pub(crate) failure: Option<String>,
}

/// Which source objects are looked at before it is decided what happens to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// None: what was listed is what there is.
    Never,
    /// Those where a decision hangs on their time.
    WhereTimeDecides,
    /// All.
    Always,
}

impl Found {
    fn listed(entry: Entry, hint: bool) -> Self {
        Self { entry, hint, changed: false, failure: None }
    }

    /// What was listed, and what there is.
    fn seen(listed: Entry, info: ObjectInfo) -> Self {
        let etags = listed.etag.as_ref().zip(info.etag.as_ref());
        let changed = listed.size != info.size || etags.is_some_and(|(a, b)| a != b);
        // Replies tell whole seconds. Where the list knows more, the order of two sources may hang on it.
        let same_second = listed.last_modified.unix_timestamp() == info.last_modified.unix_timestamp();
        let last_modified = if same_second && !changed { listed.last_modified } else { info.last_modified };
        let entry = Entry { size: info.size, last_modified, etag: info.etag, ..listed };
        Self { changed, ..Self::listed(entry, false) }
    }
}

/// Looks at source objects, many at once and in their order. One that is not there has failed by itself; a source that
/// cannot be asked at all fails the run.
pub(crate) fn look_at(
    entries: impl Stream<Item = Result<Entry>> + Send + 'static,
    look: Look,
    plan: Arc<Plan>,
    options: &RunOptions,
) -> impl Stream<Item = Result<Found>> + Send + 'static {
    let (hint, at_once, options) = (options.hints, options.copy.transfers.max(1), options.clone());
    let found = move |entry: Entry| {
        let asks = match look {
            Look::Never => Ok(false),
            Look::WhereTimeDecides => plan.hangs_on_time(&entry),
            Look::Always => Ok(true),
        };
        let (plan, options) = (Arc::clone(&plan), options.clone());
        async move {
            if !asks? {
                return Ok(Found::listed(entry, hint));
            }
            // On a task of its own: its reply must not wait until somebody has time to copy another object.
            let task = AbortOnDropHandle::new(tokio::spawn(async move { head(entry, &plan, &options).await }));
            task.await.unwrap_or_else(|panic| {
                Err(transship_store::Error::new(ErrorKind::Io, format!("looking at the source: {panic}")).into())
            })
        }
    };
    entries.map_ok(found).map(|found| async { found?.await }).buffered(at_once)
}

async fn head(entry: Entry, plan: &Plan, options: &RunOptions) -> Result<Found> {
    let bucket = &plan.route().source.bucket;
    let asked = retry(&options.copy.retry, |_| bucket.head(&entry.key));
    let reply = tokio::select! {
        reply = asked => reply,
        // It will not be copied anyway.
        () = options.cancel.cancelled() => return Ok(Found::listed(entry, true)),
    };
    match reply {
        Ok(info) => Ok(Found::seen(entry, info)),
        Err(error) if error.concerns_bucket() => Err(Error::from(error)),
        Err(error) => Ok(Found { failure: Some(error.to_string()), ..Found::listed(entry, true) }),
    }
}
