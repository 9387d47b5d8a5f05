use std::collections::VecDeque;

use futures::FutureExt;

use super::*;

const MIB: u64 = 1 << 20;

impl LargeBodies {
    /// As many places as anybody asks for.
    pub(crate) fn boundless() -> Arc<Self> {
        let large_bodies = Self::up_to(1);
        large_bodies.places.add_permits(1 << 20);
        large_bodies
    }
}

/// Bodies of so many bytes, one after the other in each place and as many as there is time for, where a line takes
/// `line` bytes a second and each body 8 MiB. Says how many are under way in the end.
async fn settled(large_bodies: &Arc<LargeBodies>, line: u64, body: u64, seconds: u64) -> usize {
    let (tick, mut under_way) = (Duration::from_millis(10), Vec::new());
    let mut waiting: VecDeque<_> = (0..100).map(|_| Box::pin(large_bodies.place())).collect();
    for _ in 0..seconds * 100 {
        waiting.retain_mut(|waits| {
            let place = waits.now_or_never();
            let goes_on = place.is_none();
            under_way.extend(place.map(|place| (place, body)));
            goes_on
        });
        waiting.extend((waiting.len()..100).map(|_| Box::pin(large_bodies.place())));
        tokio::time::advance(tick).await;
        let each = (line / under_way.len() as u64).min(8 * MIB) / 100;
        large_bodies.moved.fetch_add(each * under_way.len() as u64, Ordering::Relaxed);
        under_way.iter_mut().for_each(|(_, left)| *left = left.saturating_sub(each));
        under_way.retain(|(_, left)| *left > 0);
    }
    let state = large_bodies.state();
    state.climb.limit()
}

#[tokio::test(start_paused = true)]
async fn there_are_as_many_as_bring_more() {
    for body in [4 * MIB, 64 * MIB, 1024 * MIB] {
        let at_most = async |most, line| settled(&LargeBodies::up_to(most), line, body, 60).await;
        assert_eq!(at_most(64, 10_000 * MIB).await, 64, "a fast line, bodies of {body}");
        assert!([8, 16].contains(&at_most(64, 50 * MIB).await), "eight fill it, four do not");
        assert!([4, 8].contains(&at_most(64, 10 * MIB).await), "four fill it");
        assert_eq!(at_most(2, 10_000 * MIB).await, 2, "no more than may be");
    }
}

#[tokio::test(start_paused = true)]
async fn who_holds_a_place_and_moves_nothing_keeps_nobody_from_going_on() {
    let large_bodies = LargeBodies::up_to(64);
    let _stuck: Vec<_> = std::iter::from_fn(|| large_bodies.try_place()).collect();
    let others = (0..60).map(|_| {
        tokio::spawn({
            let large_bodies = Arc::clone(&large_bodies);
            async move { large_bodies.place().await }
        })
    });
    let others: Vec<_> = others.collect();
    tokio::time::sleep(STANDSTILL * 5 / 2).await;
    let on: Vec<_> = others.into_iter().filter_map(FutureExt::now_or_never).collect();
    assert!((1..=2 * FIRST).contains(&on.len()), "{} went on within two seconds", on.len());
    drop(on);
    assert_eq!(large_bodies.state().surplus, 0, "nobody gets the places of those who went on");
}

#[tokio::test(start_paused = true)]
async fn bodies_that_were_read_at_once_and_go_out_slowly_are_no_standstill() {
    let large_bodies = LargeBodies::up_to(64);
    let under_way = Arc::new(AtomicU64::new(0));
    let most = Arc::new(AtomicU64::new(0));
    let bodies = (0..100).map(|_| {
        let (large_bodies, under_way, most) = (Arc::clone(&large_bodies), Arc::clone(&under_way), Arc::clone(&most));
        tokio::spawn(async move {
            let _place = large_bodies.place().await;
            most.fetch_max(1 + under_way.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
            large_bodies.moved.fetch_add(8 * MIB, Ordering::Relaxed);
            // All together send 8 MiB a second.
            for _ in 0..80 {
                let others = under_way.load(Ordering::Relaxed);
                tokio::time::sleep(Duration::from_micros(12_500 * others)).await;
                large_bodies.sent.fetch_add(MIB / 10, Ordering::Relaxed);
            }
            under_way.fetch_sub(1, Ordering::Relaxed);
        })
    });
    futures::future::join_all(bodies.collect::<Vec<_>>()).await;
    let most = most.load(Ordering::Relaxed);
    assert!(most <= 2 * FIRST as u64, "{most} at once");
}

#[tokio::test(start_paused = true)]
async fn a_line_that_gets_thin_has_fewer() {
    let large_bodies = LargeBodies::up_to(64);
    assert_eq!(settled(&large_bodies, 10_000 * MIB, 4 * MIB, 60).await, 64);
    assert!(settled(&large_bodies, 20 * MIB, 4 * MIB, 60).await <= 8);
    assert_eq!(settled(&large_bodies, 10_000 * MIB, 4 * MIB, 120).await, 64);
}
