//! How many ranges are listed side by side.

use std::time::Duration;

use tokio::time::Instant;
use transship_store::HillClimb;

/// Pages of each side that are looked at, at least: one by itself may be an accident.
const LEAST: usize = 2;

/// Grows while pages come faster for it: where a server, the line or this process does all it can, more ranges only cost
/// requests. How fast they come is known by how long each takes: they arrive in bursts, so that few of them say little about
/// what comes in a second.
#[derive(Debug)]
pub(crate) struct Growth {
    climb: HillClimb,
    /// Since when so many are listed.
    since: Option<Instant>,
    /// Pages that were asked for since, how long they took in all, and how many ranges were being listed at each, in all.
    pages: usize,
    taken: Duration,
    running: usize,
}

/// When a page was asked for, and whether it is the first one of its range: that one may have to wait for a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub(crate) at: Instant,
    pub(crate) first: bool,
}

impl Growth {
    pub(crate) fn up_to(most: usize) -> Self {
        Self { climb: HillClimb::up(1, most), since: None, pages: 0, taken: Duration::ZERO, running: 0 }
    }

    pub(crate) fn listers(&self) -> usize {
        self.climb.limit()
    }

    /// A page arrived, on one of so many sides, while so many ranges were being listed.
    pub(crate) fn page(&mut self, asked: Asked, sides: usize, running: usize) {
        let (now, listers) = (Instant::now(), self.listers());
        let since = *self.since.get_or_insert(asked.at);
        if asked.first || asked.at < since {
            return;
        }
        self.pages += 1;
        self.taken += now - asked.at;
        self.running += running;
        if self.pages < sides * listers.max(LEAST) {
            return;
        }
        // Where there was nothing to cut, or more than there are to be were not done yet, nothing is learned.
        let all = listers * self.pages;
        if (3 * all..=5 * all).contains(&(4 * self.running)) {
            #[allow(clippy::cast_precision_loss)] // some hundreds
            self.climb.bring((sides * self.running) as f64 / self.taken.as_secs_f64().max(1e-6));
        }
        (self.since, self.pages, self.taken, self.running) = (Some(now), 0, Duration::ZERO, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many pages, each of which took so many milliseconds.
    fn pages(growth: &mut Growth, count: usize, took: u64, first: bool, running: usize) {
        let at = Instant::now().checked_sub(Duration::from_millis(took)).unwrap();
        (0..count).for_each(|_| growth.page(Asked { at, first }, 1, running));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_takes_its_time_is_no_reason_against_it() {
        let (mut growth, trip) = (Growth::up_to(16), Duration::from_millis(100));
        tokio::time::advance(3 * trip).await;
        pages(&mut growth, 1, 100, true, 1);
        for _ in 0..2 {
            tokio::time::advance(trip).await;
            pages(&mut growth, 1, 100, false, 1);
        }
        assert_eq!(growth.listers(), 2);
        tokio::time::advance(3 * trip).await;
        pages(&mut growth, 3, 300, true, 2);
        pages(&mut growth, 2, 100, false, 2);
        assert_eq!(growth.listers(), 4);
    }

    /// A page that was asked for before there were more of them says nothing about how many there are.
    #[tokio::test(start_paused = true)]
    async fn what_was_under_way_before_does_not_count() {
        let mut growth = Growth::up_to(16);
        tokio::time::advance(Duration::from_secs(1)).await;
        pages(&mut growth, 1, 100, true, 1);
        pages(&mut growth, 2, 100, false, 1);
        assert_eq!(growth.listers(), 2);
        pages(&mut growth, 100, 1, false, 2);
        assert_eq!(growth.listers(), 2);
    }

    const NONE_SLOW: (usize, u32) = (usize::MAX, 1);

    /// So many listers for most pages in the end, where each page takes its lister `wait` milliseconds, one of so many
    /// `longer` times that, and they share a server that gives a page a millisecond.
    async fn listers(most: usize, wait: u32, (slow, longer): (usize, u32)) -> usize {
        const PAGES: usize = 8000;
        let (mut growth, mut under_way, mut seen) = (Growth::up_to(most), Vec::new(), Vec::new());
        let (mut free, millisecond) = (Instant::now(), Duration::from_millis(1));
        let (mut asked, mut first) = (0, true);
        while seen.len() < PAGES {
            let now = Instant::now();
            while under_way.len() < growth.listers() {
                (asked, free) = (asked + 1, free.max(now) + millisecond);
                let wait = wait * if asked % slow == 0 { longer } else { 1 };
                under_way.push((free.max(now + millisecond * wait), Asked { at: now, first }));
                first = true;
            }
            let next = (0..under_way.len()).min_by_key(|&at| under_way[at].0).unwrap_or_default();
            let (arrives, asked) = under_way.swap_remove(next);
            tokio::time::advance(arrives - now).await;
            growth.page(asked, 1, under_way.len() + 1);
            seen.push(growth.listers());
            first = false;
        }
        let late = &mut seen[PAGES / 2..];
        late.sort_unstable();
        late[late.len() / 2]
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_list_as_make_it_faster() {
        assert_eq!(listers(16, 50, NONE_SLOW).await, 16);
        assert_eq!(listers(64, 16, NONE_SLOW).await, 16);
        // The first page that is asked for once there are two waits for none before it.
        assert!(listers(16, 1, NONE_SLOW).await <= 2);
        assert_eq!(listers(12, 50, NONE_SLOW).await, 12);
        assert_eq!(listers(1, 50, NONE_SLOW).await, 1);
    }

    /// Those are pages that are tried again, or for which a server goes to its disk. They may seem to be worth twice as many.
    #[tokio::test(start_paused = true)]
    async fn slow_pages_are_no_reason_for_or_against_it() {
        for slow in [(20, 5), (30, 10), (50, 20), (100, 50), (200, 100)] {
            assert_eq!(listers(64, 100, slow).await, 64, "{slow:?}");
            assert!([8, 16].contains(&listers(64, 8, slow).await), "{slow:?}");
            assert!([16, 32].contains(&listers(64, 16, slow).await), "{slow:?}");
        }
    }
}
