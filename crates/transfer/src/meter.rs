//! Bytes in one direction, at a rate.

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

#[cfg(test)]
mod tests {
    use futures::{FutureExt, StreamExt, TryStreamExt, future::join_all};
    use proptest::prelude::*;

    use super::*;

    const KIB: u64 = 1 << 10;

    fn meter(rate: u64) -> Arc<Meter> {
        Arc::new(Meter::new(NonZeroU64::new(rate), Arc::default()))
    }

    fn one_chunk(bytes: u64) -> ByteStream {
        let chunk = Bytes::from(vec![7; usize::try_from(bytes).unwrap()]);
        stream::iter([Ok(chunk)]).boxed()
    }

    /// When bytes came, in microseconds from now, and how many.
    async fn arrivals(stream: ByteStream) -> Vec<(u128, u64)> {
        let start = Instant::now();
        stream.map(|chunk| (start.elapsed().as_micros(), chunk.unwrap().len() as u64)).collect().await
    }

    proptest! {
        /// The clock is the test's own: it moves only while everybody sleeps.
        #[test]
        fn whatever_the_chunks_are_a_rate_is_held_in_every_second_and_over_all(
            rate in 100_u64..200_000_000,
            seconds in 2_u64..20,
            chunks in prop::collection::vec(1_u64..300_000, 1..40),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
            let enough = (rate * seconds).min(4 << 20);
            let pieces: Vec<_> = chunks.iter().cycle().scan(0, |sum, chunk| {
                let before = *sum;
                *sum += chunk;
                (before < enough).then_some(*chunk)
            }).collect();
            let total: u64 = pieces.iter().sum();
            let stream = stream::iter(pieces).map(|size| Ok(Bytes::from(vec![0; usize::try_from(size).unwrap()]))).boxed();
            let came = runtime.block_on(async { arrivals(meter(rate).paced(stream)).await });
            prop_assert_eq!(came.iter().map(|(_, bytes)| bytes).sum::<u64>(), total);
            let burst = rate / CREDIT + 1;
            for (at, (from, _)) in came.iter().enumerate() {
                let second = came[at..].iter().take_while(|(time, _)| time - from < 1_000_000);
                let bytes: u64 = second.map(|(_, bytes)| bytes).sum();
                prop_assert!(bytes <= rate + 2 * burst, "{bytes} in a second at {rate}");
            }
            let (needed, took) = (u128::from(total) * 1_000_000 / u128::from(rate), came[came.len() - 1].0);
            prop_assert!(took <= needed + 1_000_000, "it took {took} us where {needed} are needed");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_with_much_does_not_keep_those_waiting_who_come_with_little() {
        let (meter, start) = (meter(64 * KIB), Instant::now());
        let much = Arc::clone(&meter).paced(one_chunk(1024 * KIB)).try_collect::<Vec<_>>();
        let much = tokio::spawn(async move { much.await.unwrap().len() });
        let little = (0..4).map(|_| Arc::clone(&meter).paced(one_chunk(8 * KIB)).try_collect::<Vec<_>>());
        join_all(little).await;
        assert!(start.elapsed() < Duration::from_secs(2), "the clock is the test's own");
        assert!(!much.is_finished());
        much.await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 16);
    }

    #[tokio::test(start_paused = true)]
    async fn objects_that_are_read_and_then_written_use_both_directions_at_once() {
        let (down, up, start) = (meter(1024 * KIB), meter(1024 * KIB), Instant::now());
        let slots = Arc::new(tokio::sync::Semaphore::new(16));
        let copy = async || {
            let _slot = slots.acquire().await.unwrap();
            Arc::clone(&down).paced(one_chunk(512 * KIB)).try_collect::<Vec<_>>().await.unwrap();
            Arc::clone(&up).paced(one_chunk(512 * KIB)).try_collect::<Vec<_>>().await.unwrap();
        };
        join_all((0..128).map(|_| copy())).await;
        // Each direction needs 64 s for itself. The clock is the test's own.
        assert!(start.elapsed() < Duration::from_secs(75), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn another_rate_holds_for_those_who_wait_already() {
        let meter = meter(1);
        let waiting = Arc::clone(&meter).paced(one_chunk(64 * KIB)).try_collect::<Vec<_>>();
        let waiting = tokio::spawn(waiting);
        sleep(Duration::from_secs(3)).await;
        assert!(!waiting.is_finished());
        let start = Instant::now();
        meter.set(NonZeroU64::new(32 * KIB));
        sleep(Duration::from_secs(1)).await;
        assert!(!waiting.is_finished());
        meter.set(None);
        waiting.await.unwrap().unwrap();
        assert_eq!(start.elapsed().as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_goes_away_takes_nothing_along() {
        let (meter, start) = (meter(KIB), Instant::now());
        let mut gone = Box::pin(meter.pass(100 * KIB));
        assert!((&mut gone).now_or_never().is_none());
        let next = meter.pass(KIB);
        drop(gone);
        next.await;
        assert_eq!(start.elapsed().as_secs(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_is_counted_once_however_many_wait() {
        let meter = meter(KIB);
        join_all((0..10).map(|_| meter.pass(KIB))).await;
        sleep(Duration::from_secs(100)).await;
        assert_eq!(meter.waits.in_all().as_secs(), 10);
    }

    #[tokio::test]
    async fn without_a_rate_chunks_stay_whole() {
        let chunks = meter(0).paced(one_chunk(1024 * KIB)).try_collect::<Vec<_>>().await.unwrap();
        assert_eq!(chunks.len(), 1);
    }
}
