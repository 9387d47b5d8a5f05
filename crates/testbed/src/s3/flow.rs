//! How many requests a server that limits their rate lets in.

use std::time::Instant;

/// A bucket of tokens: each request takes one.
#[derive(Debug)]
pub(crate) struct Flow {
    per_second: f64,
    most: f64,
    tokens: f64,
    at: Instant,
}

impl Flow {
    /// Full at first.
    pub(crate) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let most = f64::from(burst.max(1));
        Self { per_second: f64::from(per_second), most, tokens: most, at: now }
    }

    pub(crate) fn admits(&mut self, now: Instant) -> bool {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * self.per_second;
        (self.tokens, self.at) = ((self.tokens + gained).min(self.most), now);
        let admitted = self.tokens >= 1.0;
        if admitted {
            self.tokens -= 1.0;
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_burst_is_admitted_and_then_the_rate() {
        let start = Instant::now();
        let mut flow = Flow::new(64, 10, start);
        let mut admitted = |at: u64, requests: usize| {
            let now = start + Duration::from_millis(at);
            (0..requests).filter(|_| flow.admits(now)).count()
        };
        assert_eq!(admitted(0, 50), 10);
        assert_eq!(admitted(125, 50), 8);
        assert_eq!(admitted(2000, 50), 10, "what was not used is lost");
        assert_eq!((1..=8).map(|eighth| admitted(2000 + 125 * eighth, 50)).sum::<usize>(), 64);
    }
}
