//! Bodies that are watched: a transfer that moves may take as long as it needs, one that falls silent fails.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use object_store::client::{HttpError, HttpErrorKind, HttpRequestBody};
use tokio::time::{Sleep, sleep};

use crate::silence::{Moved, STEP, Silence};

/// Travels with a request: where its body's bytes are counted as they go out.
#[derive(Clone)]
pub(super) struct Sent(pub(super) Arc<AtomicU64>);

/// A request's body, handed over in small steps.
pub(super) struct MeteredRequest {
    inner: HttpRequestBody,
    ready: Bytes,
    moved: Moved,
    sent: Option<Sent>,
}

impl MeteredRequest {
    pub(super) fn new(inner: HttpRequestBody, sent: Option<Sent>) -> Self {
        Self { inner, ready: Bytes::new(), moved: Moved::new(), sent }
    }

    pub(super) fn moved(&self) -> Moved {
        self.moved.clone()
    }
}

impl Body for MeteredRequest {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let this = &mut *self;
        while this.ready.is_empty() {
            match Pin::new(&mut this.inner).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(chunk) => this.ready = chunk,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return other,
            }
        }
        this.moved.now();
        let step = this.ready.len().min(STEP);
        if let Some(Sent(sent)) = &this.sent {
            sent.fetch_add(step as u64, Ordering::Relaxed);
        }
        Poll::Ready(Some(Ok(Frame::data(this.ready.split_to(step)))))
    }

    fn is_end_stream(&self) -> bool {
        self.ready.is_empty() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.inner.size_hint().exact().unwrap_or_default();
        SizeHint::with_exact(rest + self.ready.len() as u64)
    }
}

/// A reply's body that fails when it falls silent.
pub(super) struct MeteredReply {
    inner: Incoming,
    limit: Duration,
    timer: Option<Pin<Box<Sleep>>>,
}

impl MeteredReply {
    pub(super) fn new(inner: Incoming, limit: Duration) -> Self {
        Self { inner, limit, timer: None }
    }
}

impl Body for MeteredReply {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        let this = &mut *self;
        if let Poll::Ready(next) = Pin::new(&mut this.inner).poll_frame(cx) {
            // A reader that takes its time is no silent server: the clock starts when there is nothing to read.
            this.timer = None;
            return Poll::Ready(next.map(|frame| frame.map_err(|e| HttpError::new(HttpErrorKind::Interrupted, e))));
        }
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(this.limit)));
        timer.as_mut().poll(cx).map(|()| Some(Err(HttpError::new(HttpErrorKind::Timeout, Silence(this.limit)))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use object_store::PutPayload;

    use super::*;

    #[tokio::test]
    async fn a_big_chunk_moves_in_small_steps_and_whole() {
        let sent = Arc::<AtomicU64>::default();
        let payload: PutPayload =
            [Bytes::from(vec![1; 3 * STEP + 1]), Bytes::new(), Bytes::from(vec![2])].into_iter().collect();
        let mut body = MeteredRequest::new(payload.into(), Some(Sent(Arc::clone(&sent))));
        assert_eq!(body.size_hint().exact(), Some(3 * STEP as u64 + 2));
        let mut sizes = Vec::new();
        while let Some(frame) = body.frame().await {
            sizes.push(frame.unwrap().into_data().unwrap().len());
        }
        assert_eq!(sizes, [STEP, STEP, STEP, 1, 1]);
        assert_eq!(sent.load(Ordering::Relaxed), 3 * STEP as u64 + 2);
    }
}
