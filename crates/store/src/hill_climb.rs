//! How many of something run side by side.

/// What it must bring to have twice as many: so much more. Of fewer than twice as many less is asked, in proportion; of more,
/// what two doublings are asked of which the first brings all it can.
const WORTH_IT: f64 = 0.25;

/// Trials that brought so much of what they could, a doubling 1.6 times, are followed by a greater step.
const NEARLY_ALL: f64 = 0.6;
/// So many of them in a row: one may be luck.
const SURE: u32 = 2;

/// Where so much less comes than did before, fewer may bring as much.
const FALL: f64 = 0.25;

/// Looks between two trials of more, at most: what was in vain may not be so later.
const LONGEST_WAIT: u32 = 32;

/// Grows while more of something bring more: twice as many are tried, and given up again where they gain too little; each
/// time it is given up, the next trial comes twice as late. One that only grows tries four times as many where two
/// trials in a row brought nearly all they could.
#[derive(Debug)]
pub struct HillClimb {
    limit: usize,
    most: usize,
    falls: bool,
    /// Trials in a row that brought nearly all they could.
    sure: u32,
    /// How many there were, and how much they brought, while another number is tried.
    before: Option<(usize, f64)>,
    /// How much they brought of late, where no other number is tried.
    usual: f64,
    /// Looks until more are tried again, and how many that were the last time.
    wait: u32,
    waited: u32,
}

impl HillClimb {
    /// Begins with `first`, and ends at `most`, which is at least 1. Never shrinks below a number that was worth it.
    pub fn up(first: usize, most: usize) -> Self {
        let most = most.max(1);
        let limit = first.clamp(1, most);
        Self { limit, most, falls: false, sure: 0, before: None, usual: 0.0, wait: 0, waited: 1 }
    }

    /// The same, and shrinks: where less comes than before, half as many are tried, and kept where they bring as much.
    pub fn up_and_down(first: usize, most: usize) -> Self {
        Self { falls: true, ..Self::up(first, most) }
    }

    /// How many may run.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Takes note of how much so many bring in a unit of time, and decides how many there are to be.
    pub fn bring(&mut self, rate: f64) {
        match self.before.take() {
            Some((before, brought)) if rate < brought * worth_it(before, self.limit) => {
                let leapt = self.limit > 2 * before;
                if self.limit > before && !leapt {
                    self.waited = (self.waited * 2).min(LONGEST_WAIT);
                    self.wait = self.waited;
                }
                (self.limit, self.usual, self.sure) = (before, brought, 0);
                if leapt {
                    self.rise(brought);
                }
            }
            Some((before, _)) if self.limit < before => {
                // It is another situation, and more may soon be worth it again.
                (self.wait, self.waited) = (0, 1);
                self.fall(rate);
            }
            Some((before, brought)) => {
                let all = rate >= brought * (1.0 + NEARLY_ALL * more(before, self.limit));
                (self.waited, self.sure) = (1, if all { self.sure + 1 } else { 0 });
                self.rise(rate);
            }
            None if self.falls && rate < self.usual * (1.0 - FALL) => self.fall(rate),
            None if self.wait > 0 => {
                self.wait -= 1;
                self.usual += (rate - self.usual) / 4.0;
            }
            None => self.rise(rate),
        }
    }

    fn rise(&mut self, rate: f64) {
        self.usual = rate;
        let step = if self.sure >= SURE && !self.falls { 4 } else { 2 };
        self.try_another(rate, self.limit.saturating_mul(step).min(self.most));
    }

    fn fall(&mut self, rate: f64) {
        self.usual = rate;
        self.try_another(rate, self.limit.div_ceil(2));
    }

    fn try_another(&mut self, rate: f64, number: usize) {
        if number != self.limit {
            self.before = Some((self.limit, rate));
            self.limit = number;
        }
    }
}

/// How many times as much another number has to bring.
fn worth_it(before: usize, now: usize) -> f64 {
    let twice = 2 * before;
    if now > twice { 2.0 * worth_it(twice, now) } else { 1.0 + WORTH_IT * more(before, now) }
}

/// How many more, as a part of how many there were; below zero where there are fewer.
#[allow(clippy::cast_precision_loss)] // not so many
fn more(before: usize, now: usize) -> f64 {
    now as f64 / before as f64 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many looks later, where so many bring each 1, and those beyond `worth` nothing or less.
    fn later(climb: &mut HillClimb, looks: usize, worth: usize, harm: f64) -> usize {
        for _ in 0..looks {
            let limit = climb.limit();
            climb.bring(limit.min(worth) as f64 - harm * limit.saturating_sub(worth) as f64);
        }
        // A trial may be under way.
        climb.before.map_or(climb.limit(), |(other, _)| other)
    }

    #[test]
    fn it_grows_as_long_as_it_gains() {
        for (first, most, worth, settled) in [
            (1, 16, 100, 16),
            (8, 64, 18, 16), // 32 bring no more than 18 do
            (8, 64, 8, 8),
            (8, 4, 100, 4),
        ]
        .into_iter()
        .chain((9..80).map(|most| (8, most, 100, most)))
        {
            for mut climb in [HillClimb::up(first, most), HillClimb::up_and_down(first, most)] {
                assert_eq!(later(&mut climb, 1000, worth, 0.0), settled, "up to {most}, {worth} are worth it");
            }
        }
    }

    /// The numbers it tries, one after the other, where so many bring each 1 and others nothing.
    fn tried(mut climb: HillClimb, looks: usize, worth: usize) -> Vec<usize> {
        let look = |_| {
            climb.bring(climb.limit().min(worth) as f64);
            climb.limit()
        };
        (0..looks).map(look).collect()
    }

    #[test]
    fn one_that_only_grows_takes_greater_steps_where_more_bring_all_they_can() {
        assert_eq!(tried(HillClimb::up(1, 32), 5, 100), [2, 4, 16, 32, 32]);
        assert_eq!(tried(HillClimb::up_and_down(1, 32), 5, 100), [2, 4, 8, 16, 32]);
        assert_eq!(tried(HillClimb::up(1, 32), 3, 3), [2, 4, 8], "four bring half of what they could more");
    }

    #[test]
    fn a_step_that_was_too_great_is_followed_by_a_smaller_one() {
        assert_eq!(tried(HillClimb::up(1, 64), 6, 6), [2, 4, 16, 8, 16, 8]);
        assert_eq!(tried(HillClimb::up(1, 40), 6, 25), [2, 4, 16, 40, 32, 40], "less than four times as many are left");
    }

    #[test]
    fn greater_steps_end_where_doublings_do() {
        for (most, worth) in (1..80).flat_map(|most| (1..80).map(move |worth| (most, worth))) {
            let [up, both] = [HillClimb::up(1, most), HillClimb::up_and_down(1, most)];
            let [up, both] = [up, both].map(|mut climb| later(&mut climb, 1000, worth, 0.0));
            assert_eq!(up, both, "up to {most}, {worth} are worth it");
        }
    }

    #[test]
    fn it_shrinks_where_fewer_bring_as_much_as_more_do_now() {
        let mut climb = HillClimb::up_and_down(4, 64);
        assert_eq!(later(&mut climb, 50, 64, 0.0), 64);
        assert_eq!(later(&mut climb, 50, 8, 0.1), 8, "something became scarce");
        assert_eq!(later(&mut climb, 40, 64, 0.0), 64, "and was there again");
        let mut climb = HillClimb::up(4, 64);
        later(&mut climb, 50, 64, 0.0);
        assert_eq!(later(&mut climb, 50, 8, 0.0), 64);
    }

    #[test]
    fn what_was_short_for_a_moment_is_used_again_soon() {
        let mut climb = HillClimb::up_and_down(4, 64);
        assert_eq!(later(&mut climb, 10_000, 16, 0.0), 16);
        later(&mut climb, 5, 4, 0.1);
        assert!(climb.limit() < 16);
        assert_eq!(later(&mut climb, 10, 16, 0.0), 16);
    }

    #[test]
    fn one_that_gets_less_whatever_it_does_stays_as_it_is() {
        let mut climb = HillClimb::up_and_down(4, 64);
        later(&mut climb, 50, 64, 0.0);
        for _ in 0..50 {
            climb.bring(climb.limit() as f64 / 10.0);
        }
        assert_eq!(later(&mut climb, 1, 64, 0.0), 64);
    }
}
