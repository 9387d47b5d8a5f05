//! One stream of bytes for several readers, in step within a small window.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::sync::mpsc;
use transship_store::{ByteStream, Error, ErrorKind, Result};

/// Chunks that a reader may lag behind; connections give at most 256 KiB at once.
const WINDOW: usize = 4;

/// What each reader keeps in memory, at most, in bytes.
pub(crate) const WINDOW_BYTES: u64 = 1 << 20;

/// Hands every chunk of `source` to `readers` streams. The returned future pumps; the streams end when it ends.
///
/// A reader that keeps the others waiting for longer than `patience` is left behind: its stream fails with a
/// transient error, and it can read the source itself later. A reader that goes away is forgotten.
pub(crate) fn fan_out(
    source: ByteStream,
    readers: usize,
    patience: Duration,
) -> (impl Future<Output = ()> + Send, Vec<ByteStream>) {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..readers).map(|_| mpsc::channel::<Result<Bytes>>(WINDOW)).unzip();
    (pump(source, senders, patience), receivers.into_iter().map(stream_of).collect())
}

fn stream_of(receiver: mpsc::Receiver<Result<Bytes>>) -> ByteStream {
    stream::unfold(receiver, |mut receiver| async {
        let next = receiver.recv().await?;
        Some((next, receiver))
    })
    .boxed()
}

type Sender = mpsc::Sender<Result<Bytes>>;

async fn pump(mut source: ByteStream, mut senders: Vec<Sender>, patience: Duration) {
    while let Some(next) = source.next().await {
        match next {
            Ok(chunk) => senders = hand_out(senders, &chunk, patience).await,
            Err(error) => return fail(senders, error).await,
        }
        if senders.is_empty() {
            return;
        }
    }
}

/// Gives one chunk to everybody; those that are still reading come back.
async fn hand_out(senders: Vec<Sender>, chunk: &Bytes, patience: Duration) -> Vec<Sender> {
    let alone = senders.len() == 1;
    let mut reading = Vec::with_capacity(senders.len());
    for sender in senders {
        match sender.try_send(Ok(chunk.clone())) {
            Ok(()) => reading.push(sender),
            Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(chunk)) => {
                let wait = if alone { Duration::MAX } else { patience };
                match tokio::time::timeout(wait, sender.clone().reserve_owned()).await {
                    Ok(Ok(permit)) => reading.push(permit.send(chunk)),
                    Ok(Err(_)) => {}
                    Err(_) => leave_behind(sender),
                }
            }
        }
    }
    reading
}

/// The window is full, so the news waits in a task of its own until the reader comes back for it.
fn leave_behind(sender: Sender) {
    let error = Error::new(ErrorKind::Timeout, "this destination held up the others and was left behind");
    tokio::spawn(async move { sender.send(Err(error)).await });
}

/// Errors are not clonable: the first reader gets the real one, the others its words and class.
async fn fail(senders: Vec<Sender>, error: Error) {
    let (kind, class, words) = (error.kind(), error.class(), error.to_string());
    let mut original = Some(error);
    for sender in senders {
        let error = original.take().unwrap_or_else(|| Error::new(kind, words.clone()).with_class(class));
        let _ = sender.send(Err(error)).await;
    }
}
