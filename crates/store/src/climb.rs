//! How many of something run side by side.

/// Twice as many must bring so much more.
const WORTH_IT: f64 = 1.25;

/// Grows while more of something bring more: twice as many are tried, and given up again where they gain too little; each
/// time it is given up, the next trial comes twice as late.
#[derive(Debug)]
pub struct Climb {
    limit: usize,
    most: usize,
    /// How many there were, and how much they brought, while more are tried.
    before: Option<(usize, f64)>,
    /// Looks until more are tried again, and how many that were the last time.
    wait: u32,
    waited: u32,
}

impl Climb {
    /// Begins with `first`, and ends at `most`, which is at least 1.
    pub fn new(first: usize, most: usize) -> Self {
        let most = most.max(1);
        Self { limit: first.clamp(1, most), most, before: None, wait: 0, waited: 1 }
    }

    /// How many may run.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Takes note of how much so many bring in a unit of time, and decides how many there are to be.
    pub fn bring(&mut self, rate: f64) {
        match self.before.take() {
            Some((fewer, before)) if rate < WORTH_IT * before => {
                self.waited = self.waited.saturating_mul(2);
                (self.limit, self.wait) = (fewer, self.waited);
            }
            _ if self.wait > 0 => self.wait -= 1,
            _ if self.limit < self.most => {
                self.before = Some((self.limit, rate));
                self.limit = (2 * self.limit).min(self.most);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where more than `most` bring nothing more.
    fn settled(first: usize, most: usize, worth: usize) -> usize {
        let mut climb = Climb::new(first, most);
        for _ in 0..1000 {
            climb.bring(climb.limit().min(worth) as f64);
        }
        // A trial may be under way.
        climb.before.map_or(climb.limit(), |(fewer, _)| fewer)
    }

    #[test]
    fn it_grows_as_long_as_it_gains() {
        assert_eq!(settled(1, 16, 100), 16);
        assert_eq!(settled(8, 64, 18), 16, "32 bring no more than 18 do");
        assert_eq!(settled(8, 64, 8), 8);
        assert_eq!(settled(1, 12, 100), 12);
        assert_eq!(settled(8, 4, 100), 4);
    }
}
