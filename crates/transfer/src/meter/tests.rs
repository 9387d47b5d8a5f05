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
