//! Bodies on their way: out with a known length, in with a limit on silence.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep};

use crate::{
    Body, ByteStream, Error, ErrorKind,
    body::Content,
    silence::{Moved, STEP},
};

/// What hyper sends.
pub(super) struct RequestBody {
    content: Outgoing,
    /// What is to be handed over next, in small steps.
    ready: Bytes,
    left: u64,
    moved: Moved,
    sent: Option<Arc<AtomicU64>>,
    failure: Failure,
}

/// Where a body's own error waits for the request that it ended: hyper wraps it beyond recognition.
pub(super) type Failure = Arc<std::sync::Mutex<Option<Error>>>;

enum Outgoing {
    Chunks(VecDeque<Bytes>),
    Stream(ByteStream),
}

impl RequestBody {
    pub(super) fn new(body: Body) -> Self {
        let (left, sent) = (body.len(), body.sent.clone());
        let content = match body.into_content() {
            Content::Bytes(chunks) => Outgoing::Chunks(chunks.into_iter().filter(|c| !c.is_empty()).collect()),
            Content::Stream(stream) => Outgoing::Stream(stream),
        };
        Self { content, ready: Bytes::new(), left, moved: Moved::new(), sent, failure: Arc::default() }
    }

    /// A request that still moves has not timed out.
    pub(super) fn moved(&self) -> Moved {
        self.moved.clone()
    }

    pub(super) fn failure(&self) -> Failure {
        Arc::clone(&self.failure)
    }

    fn fail(&self, error: Error) -> Aborted {
        *self.failure.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
        Aborted
    }
}

/// The body ended the request; why is in its [`Failure`].
#[derive(Debug)]
pub(super) struct Aborted;

impl std::fmt::Display for Aborted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the body was aborted")
    }
}

impl std::error::Error for Aborted {}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Aborted;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Aborted>>> {
        while self.ready.is_empty() {
            let next = match &mut self.content {
                Outgoing::Chunks(chunks) => chunks.pop_front().map(Ok),
                Outgoing::Stream(stream) => match stream.poll_next_unpin(cx) {
                    Poll::Pending if self.left > 0 => {
                        self.moved.waits_for_bytes();
                        return Poll::Pending;
                    }
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(next) => next,
                },
            };
            match next {
                Some(Ok(chunk)) if chunk.len() as u64 > self.left => {
                    let error = Error::new(ErrorKind::Truncated, "the body is longer than was announced");
                    return Poll::Ready(Some(Err(self.fail(error))));
                }
                Some(Ok(chunk)) => self.ready = chunk,
                Some(Err(error)) => return Poll::Ready(Some(Err(self.fail(error)))),
                None if self.left > 0 => {
                    let error = Error::new(ErrorKind::Truncated, format!("the body ended {} bytes early", self.left));
                    return Poll::Ready(Some(Err(self.fail(error))));
                }
                None => {
                    self.moved.now();
                    return Poll::Ready(None);
                }
            }
        }
        let length = self.ready.len().min(STEP);
        let step = self.ready.split_to(length);
        self.left -= length as u64;
        self.moved.now();
        if let Some(sent) = &self.sent {
            sent.fetch_add(length as u64, Ordering::Relaxed);
        }
        Poll::Ready(Some(Ok(Frame::data(step))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0 && matches!(&self.content, Outgoing::Chunks(chunks) if chunks.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A reply's body: fails when it falls silent, and when it ends before its length.
pub(super) struct ReplyBody {
    incoming: Incoming,
    left: Option<u64>,
    silence: Duration,
    timer: Option<Pin<Box<Sleep>>>,
    done: bool,
}

impl ReplyBody {
    pub(super) fn new(incoming: Incoming, length: Option<u64>, silence: Duration) -> Self {
        Self { incoming, left: length, silence, timer: None, done: false }
    }

    fn end(&mut self, error: Option<Error>) -> Poll<Option<Result<Bytes, Error>>> {
        self.done = true;
        Poll::Ready(error.map(Err))
    }
}

impl Stream for ReplyBody {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if this.done {
            return Poll::Ready(None);
        }
        loop {
            match Pin::new(&mut this.incoming).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    this.timer = None;
                    let Ok(chunk) = frame.into_data() else { continue };
                    if let Some(left) = &mut this.left {
                        *left = left.saturating_sub(chunk.len() as u64);
                    }
                    return Poll::Ready(Some(Ok(chunk)));
                }
                Poll::Ready(Some(Err(error))) => {
                    return this.end(Some(
                        Error::new(ErrorKind::Connection, "the connection broke inside the body").caused_by(error),
                    ));
                }
                Poll::Ready(None) => {
                    let missing = this.left.filter(|left| *left > 0);
                    return this
                        .end(missing.map(|left| {
                            Error::new(ErrorKind::Truncated, format!("the body ended {left} bytes early"))
                        }));
                }
                Poll::Pending => {
                    // Only now is there anything to time: a body that is there costs no timer.
                    let deadline = Instant::now() + this.silence;
                    let fresh = this.timer.is_none();
                    let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(this.silence)));
                    if fresh {
                        timer.as_mut().reset(deadline);
                    }
                    return match timer.as_mut().poll(cx) {
                        Poll::Pending => Poll::Pending,
                        Poll::Ready(()) => {
                            let seconds = this.silence.as_secs_f32();
                            this.end(Some(Error::new(ErrorKind::Timeout, format!("no byte for {seconds} s"))))
                        }
                    };
                }
            }
        }
    }
}
