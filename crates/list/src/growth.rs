//! How many ranges are listed side by side.

use tokio::time::Instant;
use transship_store::HillClimb;

/// Quarters of a page of each lister after which the speed is looked at: new ranges have brought two pages each, or one that
/// took its time.
const LOOK: usize = 9;

/// Grows while pages come faster for it: where a server, the line or this process does all it can, more ranges only cost
/// requests.
#[derive(Debug)]
pub(crate) struct Growth {
    climb: HillClimb,
    /// Since when, and how many pages came since.
    since: Option<Instant>,
    pages: usize,
    /// How many ranges were being listed at each of them, in all.
    running: usize,
}

impl Growth {
    pub(crate) fn up_to(most: usize) -> Self {
        Self { climb: HillClimb::up(1, most), since: None, pages: 0, running: 0 }
    }

    pub(crate) fn listers(&self) -> usize {
        self.climb.limit()
    }

    /// A page arrived, on one of so many sides, while so many ranges were being listed.
    pub(crate) fn page(&mut self, sides: usize, running: usize) {
        let (now, listers) = (Instant::now(), self.listers());
        // The first page took its time before.
        let Some(since) = self.since else {
            self.since = Some(now);
            return;
        };
        self.pages += 1;
        self.running += running;
        if 4 * self.pages < LOOK * sides * listers {
            return;
        }
        // Where there was nothing to cut, or more than there are to be were not done yet, nothing is learned.
        let all = listers * self.pages;
        if (3 * all..=5 * all).contains(&(4 * self.running)) {
            #[allow(clippy::cast_precision_loss)] // some hundred pages
            self.climb.bring(self.pages as f64 / (now - since).as_secs_f64().max(1e-6));
        }
        (self.since, self.pages, self.running) = (Some(now), 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A new lister's first page takes longer than others do.
    #[tokio::test(start_paused = true)]
    async fn a_connection_that_takes_its_time_is_no_reason_against_it() {
        let (mut growth, page) = (Growth::up_to(16), Duration::from_millis(100));
        for _ in 0..4 {
            tokio::time::advance(page).await;
            growth.page(1, 1);
        }
        assert_eq!(growth.listers(), 2);
        for wait in [100, 40, 60, 40, 60, 40] {
            tokio::time::advance(Duration::from_millis(wait)).await;
            growth.page(1, 2);
        }
        assert_eq!(growth.listers(), 4);
    }

    /// So many listers for most pages in the end, where each page takes its lister `wait`, and they share a server that gives
    /// a page a millisecond.
    async fn listers(most: usize, wait: Duration) -> usize {
        let (mut growth, mut seen) = (Growth::up_to(most), Vec::new());
        for _ in 0..2000 {
            let listers = growth.listers();
            seen.push(listers);
            tokio::time::advance((wait / u32::try_from(listers).unwrap()).max(Duration::from_millis(1))).await;
            growth.page(1, listers);
        }
        let late = &mut seen[1000..];
        late.sort_unstable();
        late[late.len() / 2]
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_list_as_make_it_faster() {
        assert_eq!(listers(16, Duration::from_millis(50)).await, 16);
        assert_eq!(listers(64, Duration::from_millis(16)).await, 16);
        assert_eq!(listers(16, Duration::from_millis(1)).await, 1);
        assert_eq!(listers(12, Duration::from_millis(50)).await, 12);
        assert_eq!(listers(1, Duration::from_millis(50)).await, 1);
    }
}
