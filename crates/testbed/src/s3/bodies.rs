//! Bodies on their way in and out: counted always, spoiled where a fault says so.

use super::effect::Effect;
use super::fault::Faults;
use super::log::{Entry, InFlight};
use super::wire::Ending;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use s3s::StdError;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::Sleep;

/// How long a reply pauses before it is cut, so that what was sent has left the buffers.
const FLUSH_PAUSE: Duration = Duration::from_millis(25);
/// Pieces a second in which a slow reply drips.
const DRIPS: u64 = 20;

fn flip(data: Bytes, start: u64, at: Option<u64>) -> Bytes {
    let within = at.and_then(|at| at.checked_sub(start)).and_then(|within| usize::try_from(within).ok());
    match within.filter(|within| *within < data.len()) {
        None => data,
        Some(within) => {
            let mut bytes = data.to_vec();
            bytes[within] ^= 1;
            bytes.into()
        }
    }
}

/// The body of a request.
pub(crate) struct RequestBody {
    inner: Incoming,
    entry: Arc<Entry>,
    received: u64,
    reset_after: Option<u64>,
    corrupt_at: Option<u64>,
    broken: Arc<AtomicBool>,
}

impl RequestBody {
    /// `broken` is set when the fault strikes, so that no reply is sent.
    pub(crate) fn new(inner: Incoming, entry: Arc<Entry>, effects: &[Effect], broken: Arc<AtomicBool>) -> Self {
        let mut body = Self { inner, entry, received: 0, reset_after: None, corrupt_at: None, broken };
        for effect in effects {
            match effect {
                Effect::ResetRequest { after } => body.reset_after = Some(*after),
                Effect::CorruptRequest { at } => body.corrupt_at = Some(*at),
                _ => {}
            }
        }
        body
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        if self.reset_after.is_some_and(|after| self.received >= after) {
            self.broken.store(true, Ordering::SeqCst);
            let error = io::Error::new(io::ErrorKind::ConnectionReset, "reset by a fault of the testbed");
            return Poll::Ready(Some(Err(error.into())));
        }
        let Some(frame) = ready!(Pin::new(&mut self.inner).poll_frame(cx)?) else { return Poll::Ready(None) };
        let frame = match frame.into_data() {
            Err(trailers) => trailers,
            Ok(data) => {
                let data = flip(data, self.received, self.corrupt_at);
                self.received += data.len() as u64;
                self.entry.bytes_in.fetch_add(data.len() as u64, Ordering::SeqCst);
                Frame::data(data)
            }
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The body of a reply.
pub(crate) struct ReplyBody {
    inner: s3s::Body,
    entry: Arc<Entry>,
    faults: Arc<Faults>,
    ending: Arc<Ending>,
    spoiled: Option<Box<Spoiled>>,
    _in_flight: InFlight,
}

/// What happens to a reply on its way.
#[derive(Default)]
struct Spoiled {
    cut: Option<(u64, Cut)>,
    bytes_per_second: Option<u64>,
    corrupt_at: Option<u64>,
    received: u64,
    sent: u64,
    waiting: Bytes,
    pause: Option<Pin<Box<Sleep>>>,
    cutting: bool,
}

#[derive(Clone, Copy)]
enum Cut {
    Reset,
    Close,
}

impl Spoiled {
    fn of(effects: &[Effect]) -> Option<Box<Self>> {
        let mut spoiled = Self::default();
        let mut any = false;
        for effect in effects {
            match effect {
                Effect::ResetReply { after } => spoiled.cut = Some((*after, Cut::Reset)),
                Effect::TruncateReply { after } => spoiled.cut = Some((*after, Cut::Close)),
                Effect::DripReply { bytes_per_second } => spoiled.bytes_per_second = Some(*bytes_per_second),
                Effect::CorruptReply { at } => spoiled.corrupt_at = Some(*at),
                _ => continue,
            }
            any = true;
        }
        any.then(|| Box::new(spoiled))
    }

    /// Takes as much of the waiting bytes as may be sent now, and sets the pause after them.
    fn next_piece(&mut self) -> Bytes {
        let mut length = self.waiting.len() as u64;
        if let Some((after, _)) = self.cut {
            length = length.min(after - self.sent);
        }
        if let Some(rate) = self.bytes_per_second {
            length = length.min((rate / DRIPS).max(1));
            self.pause = Some(Box::pin(tokio::time::sleep(Duration::from_millis(1000 / DRIPS))));
        }
        self.sent += length;
        self.waiting.split_to(length as usize)
    }
}

impl ReplyBody {
    pub(crate) fn new(
        inner: s3s::Body,
        entry: Arc<Entry>,
        faults: Arc<Faults>,
        ending: Arc<Ending>,
        in_flight: InFlight,
        effects: &[Effect],
    ) -> Self {
        Self { inner, entry, faults, ending, spoiled: Spoiled::of(effects), _in_flight: in_flight }
    }

    /// Whether the connection is to be cut at a point that this reply reaches with its head alone.
    pub(crate) fn is_cut_before_its_body(&self) -> bool {
        self.inner.is_end_stream() && self.spoiled.as_ref().is_some_and(|spoiled| spoiled.cut.is_some())
    }

    fn poll_spoiled(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, StdError>>> {
        let Some(spoiled) = self.spoiled.as_mut() else { return Poll::Ready(None) };
        loop {
            if let Some(pause) = spoiled.pause.as_mut() {
                ready!(pause.as_mut().poll(cx));
                spoiled.pause = None;
            }
            match spoiled.cut {
                Some((_, Cut::Reset)) if spoiled.cutting => {
                    self.ending.reset();
                    let error = io::Error::new(io::ErrorKind::ConnectionReset, "reset by a fault of the testbed");
                    return Poll::Ready(Some(Err(error.into())));
                }
                Some((_, Cut::Close)) if spoiled.cutting => return Poll::Ready(None),
                Some((after, _)) if spoiled.sent >= after => {
                    spoiled.cutting = true;
                    spoiled.pause = Some(Box::pin(tokio::time::sleep(FLUSH_PAUSE)));
                    continue;
                }
                _ => {}
            }
            if spoiled.waiting.is_empty() {
                let Some(frame) = ready!(Pin::new(&mut self.inner).poll_frame(cx)?) else { return Poll::Ready(None) };
                let Ok(data) = frame.into_data() else { continue };
                let start = spoiled.received;
                spoiled.received += data.len() as u64;
                spoiled.waiting = flip(data, start, spoiled.corrupt_at);
                continue;
            }
            return Poll::Ready(Some(Ok(spoiled.next_piece())));
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        if self.faults.is_killed() {
            self.ending.reset();
            let error = io::Error::new(io::ErrorKind::ConnectionReset, "killed by a fault of the testbed");
            return Poll::Ready(Some(Err(error.into())));
        }
        let frame = match self.spoiled.is_some() {
            true => ready!(self.poll_spoiled(cx)).map(|data| data.map(Frame::data)),
            false => ready!(Pin::new(&mut self.inner).poll_frame(cx)),
        };
        if let Some(Ok(frame)) = &frame {
            let sent = frame.data_ref().map_or(0, |data| data.len() as u64);
            self.entry.bytes_out.fetch_add(sent, Ordering::SeqCst);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let waiting = self.spoiled.as_ref().is_some_and(|spoiled| !spoiled.waiting.is_empty());
        !waiting && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let waiting = self.spoiled.as_ref().map_or(0, |spoiled| spoiled.waiting.len() as u64);
        match self.inner.size_hint().exact() {
            Some(left) => SizeHint::with_exact(left + waiting),
            None => SizeHint::new(),
        }
    }
}
