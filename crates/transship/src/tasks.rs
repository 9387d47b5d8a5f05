//! Work on a task of its own.

use futures::{Stream, stream};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::{Error, Result};

/// Does some work on a task: it goes on while nobody asks what came of it, and ends when that is dropped.
pub(crate) async fn apart<T: Send + 'static>(
    what: &'static str,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let task = AbortOnDropHandle::new(tokio::spawn(work));
    task.await.unwrap_or_else(|cause| Err(Error::Interrupted { what, cause }))
}

/// What a task sends, and at the end whether it died: what did not come then is not known to be nothing.
pub(crate) fn outcomes<T: Send>(
    receiver: mpsc::Receiver<Result<T>>,
    task: AbortOnDropHandle<()>,
    what: &'static str,
) -> impl Stream<Item = Result<T>> + Send {
    stream::unfold(Some((receiver, task)), move |state| async move {
        let (mut receiver, task) = state?;
        if let Some(sent) = receiver.recv().await {
            return Some((sent, Some((receiver, task))));
        }
        let cause = task.await.err()?;
        Some((Err(Error::Interrupted { what, cause }), None))
    })
}
