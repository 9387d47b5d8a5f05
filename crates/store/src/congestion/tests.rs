//! Gates before stores that have limits of their own. The clock is the test's: it jumps to whatever happens next.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, stream};
use proptest::prelude::*;
use tokio::{
    sync::Semaphore,
    time::{Instant, sleep},
};

use super::{
    base_rtt::Class,
    bucket::deleted,
    gate::{Gate, Verdict, Weight},
};
use transship_types::Key;

use crate::{Deleted, Error, ErrorKind, Result, RetryOptions, retry};

const PLACE: &str = "s3://bucket";
const GET: Class = Class::new(0);
const HEAD: Class = Class::new(1);

/// Answers after a round trip, as many as may at once, and refuses what exceeds its rate.
struct Store {
    round_trip: Mutex<Duration>,
    /// How many it works on at once; the others wait in a queue.
    workers: Semaphore,
    /// So many milliseconds go by on the way.
    way: AtomicU64,
    /// It takes up to so many times as long, by chance.
    scatter: AtomicU32,
    /// With more than so many under way it does less than half as much.
    bears: AtomicUsize,
    /// A share for each request under way.
    under_way: Arc<()>,
    dice: AtomicU64,
    per_second: Mutex<f64>,
    tokens: Mutex<(f64, Instant)>,
    answers: AtomicUsize,
    refusals: AtomicUsize,
}

impl Store {
    fn new(round_trip: Duration, workers: usize, per_second: f64) -> Arc<Self> {
        Arc::new(Self {
            round_trip: Mutex::new(round_trip),
            workers: Semaphore::new(workers),
            way: AtomicU64::new(0),
            scatter: AtomicU32::new(1),
            bears: AtomicUsize::new(usize::MAX),
            under_way: Arc::default(),
            dice: AtomicU64::new(1),
            per_second: Mutex::new(per_second),
            tokens: Mutex::new((per_second / 10.0, Instant::now())),
            answers: AtomicUsize::new(0),
            refusals: AtomicUsize::new(0),
        })
    }

    fn throw(&self) -> u32 {
        let next = |dice: u64| Some(dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let dice = self.dice.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).unwrap();
        (dice >> 32) as u32
    }

    /// Takes so many round trips.
    async fn ask(&self, trips: u32) -> Result<()> {
        let _here = Arc::clone(&self.under_way);
        let (under_way, bears) = (Arc::strong_count(&self.under_way) - 1, self.bears.load(Ordering::Relaxed));
        let slowdown = if under_way > bears { 2.5 * under_way as f64 / bears as f64 } else { 1.0 };
        let chance =
            f64::from(self.scatter.load(Ordering::Relaxed) - 1) * f64::from(self.throw()) / f64::from(u32::MAX);
        sleep(Duration::from_millis(self.way.load(Ordering::Relaxed))).await;
        let worker = self.workers.acquire().await.unwrap();
        let round_trip = *self.round_trip.lock().unwrap();
        sleep((round_trip * trips).mul_f64(slowdown * (1.0 + chance))).await;
        drop(worker);
        if self.admits() {
            self.answers.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        self.refusals.fetch_add(1, Ordering::Relaxed);
        Err(Error::new(ErrorKind::Throttled, "slow down").answered(503, Some("SlowDown")).during("write", PLACE, None))
    }

    fn admits(&self) -> bool {
        let (now, per_second) = (Instant::now(), *self.per_second.lock().unwrap());
        let mut tokens = self.tokens.lock().unwrap();
        let more = (now - tokens.1).as_secs_f64() * per_second;
        *tokens = ((tokens.0 + more).min((per_second / 10.0).max(1.0)), now);
        let admitted = tokens.0 >= 1.0;
        tokens.0 -= if admitted { 1.0 } else { 0.0 };
        admitted
    }

    fn count(&self) -> (usize, usize) {
        (self.answers.load(Ordering::Relaxed), self.refusals.load(Ordering::Relaxed))
    }
}

async fn request((class, trips): (Class, u32), gate: &Gate, store: &Store) -> Result<()> {
    let passage = gate.pass(Weight::Counted(class)).await;
    let result = store.ask(trips).await;
    passage.end(&result);
    result
}

/// So many objects, so many at once: how often each was tried, and what failed.
async fn objects(gate: &Gate, store: &Store, count: usize, at_once: usize) -> (BTreeMap<usize, u32>, usize) {
    let options = RetryOptions::default();
    let object = |number: usize| {
        let options = &options;
        async move {
            let mut tries = 0;
            let attempt = |attempt| {
                tries = attempt;
                request((GET, 1), gate, store)
            };
            let failed = retry(options, attempt).await.is_err();
            (number, tries, failed)
        }
    };
    let done: Vec<_> = stream::iter(0..count).map(object).buffer_unordered(at_once).collect().await;
    let failed = done.iter().filter(|(.., failed)| *failed).count();
    (done.into_iter().map(|(number, tries, _)| (number, tries)).collect(), failed)
}

/// So many callers, for so long; what was answered and refused meanwhile, a second.
async fn traffic(gate: &Gate, store: &Store, callers: usize, time: Duration) -> (f64, f64) {
    traffic_of(&[(GET, 1)], gate, store, callers, time).await
}

/// The same with several classes of requests, and how many round trips each takes.
async fn traffic_of(
    classes: &[(Class, u32)],
    gate: &Gate,
    store: &Store,
    callers: usize,
    time: Duration,
) -> (f64, f64) {
    let before = store.count();
    let caller = |_| async {
        loop {
            let _ = request(classes[store.throw() as usize % classes.len()], gate, store).await;
        }
    };
    let all = futures::future::join_all((0..callers).map(caller));
    let _ = tokio::time::timeout(time, all).await;
    let after = store.count();
    #[allow(clippy::cast_precision_loss)]
    let rate = |before: usize, after: usize| (after - before) as f64 / time.as_secs_f64();
    (rate(before.0, after.0), rate(before.1, after.1))
}

fn gate() -> Gate {
    Gate::new("write", PLACE)
}

const MINUTE: Duration = Duration::from_secs(60);
const MILLISECOND: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn every_object_arrives_at_a_store_that_refuses_what_exceeds_a_rate() {
    for (per_second, count) in [(2.0, 200), (5.0, 400), (50.0, 1500), (1000.0, 10_000)] {
        for round_trip in [MILLISECOND / 5, 30 * MILLISECOND] {
            let (gate, store) = (gate(), Store::new(round_trip, usize::MAX >> 3, per_second));
            let started = Instant::now();
            let (tries, failed) = objects(&gate, &store, count, 64).await;
            let (answered, refused) = store.count();
            let case = format!("{per_second}/s, {round_trip:?}: {answered} answered, {refused} refused");
            assert_eq!((failed, answered), (0, count), "{case}");
            // What is under way when the first refusals come cannot be helped.
            assert!(refused < 64 + answered / 16, "{case}");
            assert!(tries.values().all(|tries| *tries <= 5), "{case}");
            let at_best = Duration::from_secs_f64(f64::from(u32::try_from(count).unwrap()) / per_second);
            assert!(started.elapsed() < at_best.mul_f64(1.4), "{case}: {:?}", started.elapsed());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(8) })]

    #[test]
    fn the_rate_settles_near_that_of_any_store(
        per_second in 5.0..400_f64,
        micros in 100..100_000_u64,
        callers in 8..128_usize,
    ) {
        let clock = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (answered, refused) = clock.block_on(async {
            let (gate, store) = (gate(), Store::new(Duration::from_micros(micros), usize::MAX >> 3, per_second));
            traffic(&gate, &store, callers, MINUTE / 3).await;
            traffic(&gate, &store, callers, MINUTE / 3).await
        });
        #[allow(clippy::cast_precision_loss)]
        let most = per_second.min(callers as f64 * 1e6 / micros as f64);
        prop_assert!(answered > most * 0.75, "{answered}/s of {most}");
        prop_assert!(refused < answered * 0.1 + 0.5, "{refused}/s refused, {answered}/s answered");
    }
}

#[tokio::test(start_paused = true)]
async fn the_rate_follows_the_store_down_and_up() {
    let (gate, store) = (gate(), Store::new(MILLISECOND, usize::MAX >> 3, 1000.0));
    for per_second in [1000.0, 100.0, 10.0, 100.0, 1000.0] {
        *store.per_second.lock().unwrap() = per_second;
        traffic(&gate, &store, 64, MINUTE / 2).await;
        let (answered, refused) = traffic(&gate, &store, 64, MINUTE / 3).await;
        assert!(answered > per_second * 0.75, "{answered}/s of {per_second}");
        assert!(refused < answered * 0.1, "{refused}/s refused at {per_second}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_request_of_a_deletion_is_paced() {
    let store = &Store::new(30 * MILLISECOND, usize::MAX >> 3, 50.0);
    let keys: Vec<Key> = (0..1500).map(|number| Key::from(number.to_string())).collect();
    let (gate, mut left) = (gate(), keys);
    for tries in 0.. {
        // A store that deletes one key with each request, and says what became of it.
        let delete = |keys: &[Key]| {
            let [key] = keys else { panic!("{} keys", keys.len()) };
            let key = key.clone();
            async move { Ok(vec![Deleted { key, result: store.ask(1).await }]) }
        };
        let all = deleted(&gate, &left, 1, delete).await.unwrap();
        assert!(all.iter().map(|one| &one.key).eq(&left), "one for each, in order");
        left = all.into_iter().filter(|one| one.result.is_err()).map(|one| one.key).collect();
        if left.is_empty() {
            break;
        }
        assert!(tries < 5, "{} keys are left", left.len());
    }
    let (answered, refused) = store.count();
    assert!(answered == 1500 && refused < 200, "{answered} answered, {refused} refused");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_was_away_is_used_in_full_again() {
    let (gate, store) = (gate(), Store::new(50 * MILLISECOND, usize::MAX >> 3, 1e9));
    *store.per_second.lock().unwrap() = 0.0;
    *store.tokens.lock().unwrap() = (0.0, Instant::now());
    let (answered, refused) = traffic(&gate, &store, 64, MINUTE).await;
    assert!(answered < 1.0 && (4.0..8.0).contains(&refused), "{refused}/s");
    *store.per_second.lock().unwrap() = 1e9;
    traffic(&gate, &store, 64, MINUTE).await;
    let (answered, refused) = traffic(&gate, &store, 64, MINUTE / 6).await;
    assert!(answered > 1250.0 && refused < 1.0, "{answered}/s of 1280");
}

#[tokio::test(start_paused = true)]
async fn more_are_under_way_for_as_long_as_more_is_done() {
    for callers in [1, 10, 64, 500] {
        let (gate, store) = (gate(), Store::new(50 * MILLISECOND, usize::MAX >> 3, 1e9));
        traffic(&gate, &store, callers, MINUTE / 60).await;
        let (answered, _) = traffic(&gate, &store, callers, MINUTE / 12).await;
        let at_best = 20.0 * f64::from(u32::try_from(callers).unwrap());
        assert!(answered > at_best * 0.97, "{answered}/s of {at_best}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_works_on_so_many_at_once_gets_no_endless_line() {
    let (gate, store) = (gate(), Store::new(20 * MILLISECOND, 20, 1e9));
    // Long enough that the queue could be taken for what the store takes.
    let (answered, _) = traffic(&gate, &store, 500, 4 * MINUTE).await;
    assert!(answered > 950.0, "{answered}/s of 1000");
    assert!((16..=80).contains(&gate.at_once()), "{} at once", gate.at_once());
}

/// A server may do more where it always has the next request at hand.
#[tokio::test(start_paused = true)]
async fn a_short_wait_is_no_line() {
    let (gate, store) = (gate(), Store::new(MILLISECOND, 8, 1e9));
    traffic(&gate, &store, 64, MINUTE / 60).await;
    assert!(gate.at_once() >= 64, "{} at once, of which none waits for more than 8 ms", gate.at_once());
    traffic(&gate, &store, 500, MINUTE).await;
    assert!((64..=128).contains(&gate.at_once()), "{} at once, of which 500 would wait for 62 ms", gate.at_once());
}

/// What takes a tenth of the time is never slow, and what takes ten times as long is no queue.
#[tokio::test(start_paused = true)]
async fn requests_are_compared_with_their_like() {
    let both = async |workers, callers| {
        let (gate, store) = (gate(), Store::new(2 * MILLISECOND, workers, 1e9));
        let classes = [(HEAD, 1), (GET, 10)];
        traffic_of(&classes, &gate, &store, callers, MINUTE / 60).await;
        let (answered, _) = traffic_of(&classes, &gate, &store, callers, MINUTE).await;
        (gate.at_once(), answered)
    };
    let (_, answered) = both(usize::MAX >> 3, 100).await;
    assert!(answered > 8900.0, "{answered}/s of 9090, where nothing waits");
    let (at_once, _) = both(20, 500).await;
    assert!((16..=160).contains(&at_once), "{at_once} at once, where twenty are worked on");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_gets_slow_gets_less() {
    let (gate, store) = (gate(), Store::new(20 * MILLISECOND, 64, 1e9));
    traffic(&gate, &store, 64, MINUTE / 20).await;
    assert!(gate.at_once() >= 64);
    let _busy = store.workers.acquire_many(60).await.unwrap();
    traffic(&gate, &store, 64, MINUTE / 4).await;
    assert!((4..=32).contains(&gate.at_once()), "{} at once, where four are worked on", gate.at_once());
}

/// One after the other, so that no answer ever comes as quickly as it would without a queue.
#[tokio::test(start_paused = true)]
async fn a_line_is_not_taken_for_the_way_in_the_long_run() {
    let (gate, store) = (gate(), Store::new(10 * MILLISECOND, 1, 1e9));
    store.way.store(200, Ordering::Relaxed);
    let watch = async {
        let mut most = 0;
        for _ in 0..290 {
            sleep(MINUTE / 60).await;
            most = most.max(gate.at_once());
        }
        most
    };
    let (_, most) = tokio::join!(traffic(&gate, &store, 512, 5 * MINUTE), watch);
    assert!((20..=128).contains(&most), "{most} at once, where 21 are enough");
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_not_the_stores() {
    let (gate, store) = (gate(), Store::new(20 * MILLISECOND, usize::MAX >> 3, 1e9));
    for burst in 1..=8 {
        let started = Instant::now();
        objects(&gate, &store, 200, 200).await;
        let took = started.elapsed();
        assert!(burst < 3 || took < 30 * MILLISECOND, "burst {burst} took {took:?}; all at once take 20 ms");
        sleep(MINUTE / 60).await;
    }
}

#[tokio::test(start_paused = true)]
async fn refusals_after_a_doubling_in_vain_do_not_leave_it_with_one() {
    let (gate, store) = (gate(), Store::new(50 * MILLISECOND, usize::MAX >> 3, 1e9));
    store.bears.store(100, Ordering::Relaxed);
    traffic(&gate, &store, 256, MINUTE / 60).await;
    *store.per_second.lock().unwrap() = 0.0;
    *store.tokens.lock().unwrap() = (0.0, Instant::now());
    traffic(&gate, &store, 256, MINUTE / 120).await;
    *store.per_second.lock().unwrap() = 1e9;
    traffic(&gate, &store, 256, MINUTE / 12).await;
    assert!(gate.at_once() > 8, "{} at once", gate.at_once());
}

#[test]
fn no_answer_in_time_is_none_whatever_its_status() {
    let on = |kind, status| Verdict::on(&Error::new(kind, "").answered(status, None));
    assert_eq!(on(ErrorKind::Timeout, 400), Verdict::Unanswered);
    assert_eq!(on(ErrorKind::Server, 504), Verdict::Unanswered);
    assert_eq!(Verdict::on(&Error::new(ErrorKind::Connection, "")), Verdict::Unknown);
    assert_eq!(on(ErrorKind::Throttled, 200), Verdict::Refused);
    assert_eq!(on(ErrorKind::NotFound, 404), Verdict::Denied);
    assert_eq!(on(ErrorKind::Server, 500), Verdict::Unknown);
}

#[tokio::test(start_paused = true)]
async fn a_way_that_becomes_longer_is_no_line() {
    for callers in [4, 8, 11, 20, 24, 32, 64, 300] {
        for before in ["as many", "few", "refused"] {
            let (gate, store) = (gate(), Store::new(5 * MILLISECOND, usize::MAX >> 3, 1e9));
            traffic(&gate, &store, if before == "few" { 4 } else { callers }, MINUTE / 20).await;
            if before == "refused" {
                let per_second = std::mem::replace(&mut *store.per_second.lock().unwrap(), 0.0);
                *store.tokens.lock().unwrap() = (0.0, Instant::now());
                traffic(&gate, &store, callers, 7 * MILLISECOND).await;
                *store.per_second.lock().unwrap() = per_second;
            }
            *store.round_trip.lock().unwrap() = 100 * MILLISECOND;
            let careful = if before == "refused" { MINUTE / 2 } else { MINUTE / 12 };
            traffic(&gate, &store, callers, careful).await;
            let (answered, _) = traffic(&gate, &store, callers, MINUTE / 3).await;
            let at_best = 10.0 * f64::from(u32::try_from(callers).unwrap());
            assert!(answered > at_best * 0.93, "{callers} callers, before that {before}: {answered}/s of {at_best}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_way_that_becomes_longer_is_mistaken_for_no_long_time() {
    let (gate, store) = (gate(), Store::new(5 * MILLISECOND, usize::MAX >> 3, 1e9));
    traffic(&gate, &store, 64, MINUTE / 20).await;
    *store.round_trip.lock().unwrap() = 100 * MILLISECOND;
    let (answered, _) = traffic(&gate, &store, 64, MINUTE / 12).await;
    assert!(answered > 550.0, "{answered}/s of 640");
}

#[tokio::test(start_paused = true)]
async fn answers_that_scatter_are_no_line() {
    let (gate, store) = (gate(), Store::new(10 * MILLISECOND, usize::MAX >> 3, 1e9));
    store.scatter.store(10, Ordering::Relaxed);
    traffic(&gate, &store, 64, MINUTE / 20).await;
    let (answered, _) = traffic(&gate, &store, 64, MINUTE).await;
    // One takes 55 ms on average.
    assert!(answered > 1100.0, "{answered}/s of 1164");
}

#[tokio::test(start_paused = true)]
async fn what_a_store_does_not_bear_is_taken_back() {
    for millis in [5, 20] {
        let (gate, store) = (gate(), Store::new(millis * MILLISECOND, usize::MAX >> 3, 1e9));
        store.bears.store(50, Ordering::Relaxed);
        let (answered, _) = traffic(&gate, &store, 500, MINUTE).await;
        let [at_best, beyond] = [32_000, 20_000].map(|n| n / millis);
        assert!(
            answered > f64::from(24_000 / millis),
            "{answered}/s; 32 at once get {at_best}, 64 and more get {beyond}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn errors_that_come_at_once_are_no_measure() {
    let (gate, store) = (gate(), Store::new(50 * MILLISECOND, usize::MAX >> 3, 1e9));
    let missing = async || {
        let passage = gate.pass(Weight::Counted(GET)).await;
        sleep(MILLISECOND).await;
        passage.end::<()>(&Err(Error::new(ErrorKind::NotFound, "no such key")
            .answered(404, None)
            .during("read", PLACE, None)));
    };
    let now_and_then = async {
        loop {
            missing().await;
            sleep(500 * MILLISECOND).await;
        }
    };
    let others = async {
        traffic(&gate, &store, 64, MINUTE / 60).await;
        traffic(&gate, &store, 64, MINUTE / 6).await
    };
    let (answered, _) = tokio::select! {
        rates = others => rates,
        () = now_and_then => return,
    };
    assert!(answered > 1240.0, "{answered}/s of 1280");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_may_leave() {
    let (gate, store) = (gate(), Store::new(50 * MILLISECOND, usize::MAX >> 3, 10.0));
    for _ in 0..200 {
        // Some of them wait for their turn, some for their time, some are under way.
        traffic(&gate, &store, 64, 57 * MILLISECOND).await;
    }
    *store.per_second.lock().unwrap() = 1e9;
    traffic(&gate, &store, 64, MINUTE).await;
    let (answered, _) = traffic(&gate, &store, 64, MINUTE / 12).await;
    assert!(answered > 1250.0, "{answered}/s of 1280");
}

#[tokio::test(start_paused = true)]
async fn bodies_that_wait_for_others_hold_no_place() {
    let gate = gate();
    let streams: Vec<_> = stream::iter(0..1000).then(|_| gate.pass(Weight::Free)).collect().await;
    let small: Vec<_> = stream::iter(0..16).then(|_| gate.pass(Weight::Counted(GET))).collect().await;
    let one_more = tokio::time::timeout(MINUTE, gate.pass(Weight::Counted(GET))).await;
    assert!(one_more.is_err());
    drop((streams, small));
}
