//! Bytes in one direction, at a rate.

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeSet,
    num::NonZeroU64,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::{
    sync::{Mutex as Queue, watch},
    time::{Instant, sleep},
};
use transship_store::ByteStream;

/// The most that one stream passes before it is another one's turn, in bytes; the oldest one passes more.
const STEP: u64 = 16 << 10;

/// What was not used in the last part of a second may be made up for: one in so many. Timers are late by milliseconds.
const CREDIT: u64 = 8;

/// Bytes a second; `None` where nothing limits them.
pub(crate) type Rate = Option<NonZeroU64>;

/// Lets bytes pass at a rate that may change at any time. Who comes first passes first.
#[derive(Debug)]
pub(crate) struct Meter {
    rate: watch::Sender<Rate>,
    /// Whoever holds it is next; tokio's mutex keeps the order of those who wait.
    level: Queue<Level>,
    streams: Mutex<Streams>,
    waits: Arc<Waits>,
}

/// What may pass at this time, in bytes.
#[derive(Debug)]
struct Level {
    bytes: f64,
    at: Instant,
}

impl Level {
    /// How long until so many bytes may pass; none, where they have passed.
    fn pass(&mut self, bytes: u64, rate: NonZeroU64) -> Option<Duration> {
        let (now, most) = (Instant::now(), bytes.max(rate.get() / CREDIT));
        #[allow(clippy::cast_precision_loss)] // rates and steps are far from 2^53
        let (wanted, most, rate) = (bytes as f64, most as f64, rate.get() as f64);
        self.bytes = (self.bytes + rate * (now - self.at).as_secs_f64()).min(most);
        self.at = now;
        let missing = wanted - self.bytes;
        if missing > 0.0 {
            // No timer is finer, and a wait that rounds to nothing would not end.
            return Some(Duration::from_secs_f64(missing / rate).max(Duration::from_millis(1)));
        }
        self.bytes -= wanted;
        None
    }
}

impl Meter {
    pub(crate) fn new(rate: Rate, waits: Arc<Waits>) -> Self {
        let level = Level { bytes: 0.0, at: Instant::now() };
        Self { rate: watch::Sender::new(rate), level: Queue::new(level), streams: Mutex::default(), waits }
    }

    pub(crate) fn rate(&self) -> Rate {
        *self.rate.borrow()
    }

    pub(crate) fn set(&self, rate: Rate) {
        self.rate.send_replace(rate);
    }

    /// Waits until so many bytes may pass.
    pub(crate) async fn pass(&self, bytes: u64) {
        let mut news = self.rate.subscribe();
        let mut waiting = None;
        let mut level = match self.level.try_lock() {
            Ok(level) => level,
            Err(_) => {
                waiting = Some(self.waits.begin());
                self.level.lock().await
            }
        };
        loop {
            let Some(rate) = *news.borrow_and_update() else { return };
            let Some(wait) = level.pass(bytes, rate) else { return };
            waiting.get_or_insert_with(|| self.waits.begin());
            tokio::select! {
                () = sleep(wait) => {}
                _ = news.changed() => {}
            }
        }
    }

    /// The same bytes, in steps so small that they neither come in bursts nor keep others waiting.
    pub(crate) fn paced(self: Arc<Self>, stream: ByteStream) -> ByteStream {
        stream::unfold((Turns::of(self), stream, Bytes::new()), |(turns, mut stream, mut rest)| async move {
            while rest.is_empty() {
                match stream.next().await? {
                    Ok(chunk) => rest = chunk,
                    Err(error) => return Some((Err(error), (turns, stream, rest))),
                }
            }
            let step = turns.step().map_or(rest.len(), |step| usize::try_from(step).unwrap_or(usize::MAX));
            let next = rest.split_to(step.min(rest.len()));
            turns.meter.pass(next.len() as u64).await;
            Some((Ok(next), (turns, stream, rest)))
        })
        .boxed()
    }
}

/// Those that pass at this time, in the order in which they came.
#[derive(Debug, Default)]
struct Streams {
    open: BTreeSet<u64>,
    next: u64,
}

/// One stream's place among others.
struct Turns {
    meter: Arc<Meter>,
    number: u64,
}

impl Turns {
    fn of(meter: Arc<Meter>) -> Self {
        let mut streams = meter.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let number = streams.next;
        streams.next += 1;
        streams.open.insert(number);
        drop(streams);
        Self { meter, number }
    }

    /// How much passes at this stream's next turn; `None` for as much as it likes.
    ///
    /// Turns are short, so that every stream moves all the time: servers give up requests on which nothing does. The
    /// oldest stream passes as much as all others together. Otherwise objects that are read first and written then would
    /// all be read at one time and written at another, and each direction would be idle for half of it.
    fn step(&self) -> Option<u64> {
        let rate = self.meter.rate()?.get();
        let streams = self.meter.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let open = streams.open.len().max(1) as u64;
        let step = (rate / CREDIT / open).clamp(1, STEP);
        let is_oldest = streams.open.first() == Some(&self.number);
        Some(if is_oldest { (step * open).min(rate / CREDIT).max(step) } else { step })
    }
}

impl Drop for Turns {
    fn drop(&mut self) {
        self.meter.streams.lock().unwrap_or_else(PoisonError::into_inner).open.remove(&self.number);
    }
}

/// For how long, in all, somebody has waited for leave to pass: as much as was allowed has passed in that time, so that
/// nobody can be said to have held it up.
#[derive(Debug, Default)]
pub(crate) struct Waits(Mutex<Waited>);

#[derive(Debug, Default)]
struct Waited {
    now: usize,
    since: Option<Instant>,
    before: Duration,
}

pub(crate) struct Waiting<'a>(&'a Waits);

impl Waits {
    fn begin(&self) -> Waiting<'_> {
        let mut waited = self.locked();
        waited.now += 1;
        waited.since.get_or_insert_with(Instant::now);
        Waiting(self)
    }

    pub(crate) fn in_all(&self) -> Duration {
        let waited = self.locked();
        waited.before + waited.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn locked(&self) -> MutexGuard<'_, Waited> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waited = self.0.locked();
        waited.now -= 1;
        if waited.now == 0
            && let Some(since) = waited.since.take()
        {
            waited.before += since.elapsed();
        }
    }
}
