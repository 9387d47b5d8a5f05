//! One change of the limit, and whether it was worth it.

use super::{base_rtt::BaseRtt, round::Done};

/// So much more or less is done where it is no accident: answers come in bursts.
const NOTICEABLE: f64 = 0.25;

/// What a round did to the limit, and what was done in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) done: Done,
    /// Whether the requests waited in a queue.
    pub(super) queued: bool,
}

/// What a step brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    More,
    Same,
    Less,
}

impl Step {
    pub(super) fn is_doubling(&self) -> bool {
        self.to >= self.from * 1.5
    }

    pub(super) fn is_cut(&self) -> bool {
        self.to < self.from
    }

    /// Judged by what was done after it.
    pub(super) fn outcome(&self, done: &Done, base_rtt: &BaseRtt) -> Outcome {
        let times = done.speed(base_rtt) / self.done.speed(base_rtt);
        // Without a queue as much less is done as there are fewer under way.
        let loss = if self.is_cut() { (1.0 - self.to / self.from) / 2.0 } else { NOTICEABLE };
        match times {
            _ if times < 1.0 - loss => Outcome::Less,
            _ if times > 1.0 + NOTICEABLE => Outcome::More,
            _ => Outcome::Same,
        }
    }
}
