//! How many ranges are listed side by side.

use std::time::Duration;

use tokio::time::Instant;

/// So much faster a listing must become with twice as many listers.
const WORTH_IT: f64 = 1.25;
/// Pages of each lister after which the speed is looked at.
const LOOK: usize = 3;

/// Grows while pages come faster for it: where a server, the line or this process does all it can, more ranges only cost
/// requests. Twice as many listers are tried, and given up again where they gain nothing; the next time comes twice as
/// late.
#[derive(Debug)]
pub(crate) struct Growth {
    listers: usize,
    most: usize,
    /// How many there were, and how many pages a second, while more are tried.
    before: Option<(usize, f64)>,
    /// Looks until more are tried again, and how many that were the last time.
    wait: u32,
    waited: u32,
    /// Since when, and how many pages came since.
    since: Option<Instant>,
    pages: usize,
    /// How many ranges were being listed at each of them, in all.
    running: usize,
}

impl Growth {
    pub(crate) fn up_to(most: usize) -> Self {
        let (most, before, since) = (most.max(1), None, None);
        Self { listers: 1, most, before, wait: 0, waited: 1, since, pages: 0, running: 0 }
    }

    pub(crate) fn listers(&self) -> usize {
        self.listers
    }

    /// A page arrived, on one of so many sides, while so many ranges were being listed.
    pub(crate) fn page(&mut self, sides: usize, running: usize) {
        let now = Instant::now();
        let since = *self.since.get_or_insert(now);
        self.pages += 1;
        self.running += running;
        if self.pages >= LOOK * sides * self.listers {
            // Where there was nothing to cut, nothing is learned.
            if 4 * self.running >= 3 * self.listers * self.pages {
                self.look(now - since);
            }
            (self.since, self.pages, self.running) = (Some(now), 0, 0);
        }
    }

    #[allow(clippy::cast_precision_loss)] // some hundred pages
    fn look(&mut self, elapsed: Duration) {
        let rate = self.pages as f64 / elapsed.as_secs_f64().max(1e-6);
        match self.before.take() {
            Some((fewer, before)) if rate < WORTH_IT * before => {
                self.waited *= 2;
                (self.listers, self.wait) = (fewer, self.waited);
            }
            _ if self.wait > 0 => self.wait -= 1,
            _ if self.listers < self.most => {
                self.before = Some((self.listers, rate));
                self.listers = (2 * self.listers).min(self.most);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many listers in the end, where each page takes its lister `wait`, and they share a server that gives a page a
    /// millisecond.
    async fn listers(most: usize, wait: Duration) -> usize {
        let mut growth = Growth::up_to(most);
        for _ in 0..2000 {
            let listers = growth.listers();
            tokio::time::advance((wait / u32::try_from(listers).unwrap()).max(Duration::from_millis(1))).await;
            growth.page(1, listers);
        }
        growth.listers()
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
