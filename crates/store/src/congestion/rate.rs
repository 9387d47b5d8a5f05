//! How many requests may be sent a second, to a store that refuses some.

use std::time::Duration;

use tokio::time::Instant;

use super::window::Window;

/// So many refusals within a second are no accident.
const ACCIDENTS: u32 = 4;
/// What is left of the rate after a refusal: as in CUBIC (RFC 9438) and the AWS SDKs' adaptive mode.
const AFTER_REFUSAL: f64 = 0.7;
/// What was under way while it was lowered still comes to the store, and takes the place of what is sent then.
const SETTLING: Duration = Duration::from_millis(100);
/// In so many seconds it is back where it was refused; then it grows beyond, ever faster.
const RECOVERY: f64 = 4.0;
/// How fast it grows beyond where it was refused, in requests a second: for rates of which a share is next to nothing.
const BEYOND: f64 = 0.4;
/// A store is asked so often a second in any case.
const LEAST: f64 = 1.0;
/// One that admits nothing is asked more often: those that wait for it are to learn soon whether it is worth while.
const LEAST_OF_THE_DEAD: f64 = 5.0;
const DEAD: Duration = Duration::from_secs(10);
/// What was not sent on time may be made up for so late: timers are no more exact.
const LATE: Duration = Duration::from_millis(10);
/// It is no longer needed so long after the last refusal, and after it last held up anything.
const REFUSED_LONG_AGO: Duration = Duration::from_secs(30);
const HELD_LONG_AGO: Duration = Duration::from_secs(10);
/// Who asks for much at once and then for nothing is always held up: then it ends so long after the last refusal.
const FORGOTTEN: Duration = Duration::from_secs(300);

/// Nothing but a count, until requests are refused.
#[derive(Debug)]
pub(super) struct Rate {
    window: Window,
    /// When something was admitted last.
    admitted: Instant,
    pace: Option<Pace>,
}

#[derive(Debug)]
struct Pace {
    per_second: f64,
    /// The rate that was refused, and when it was lowered for that.
    refused: f64,
    cut: Instant,
    /// When the next request may be sent.
    next: Instant,
    /// When one had to wait.
    held: Instant,
}

impl Rate {
    pub(super) fn new(now: Instant) -> Self {
        Self { window: Window::new(now), admitted: now, pace: None }
    }

    /// Requests a second, where they are limited.
    pub(super) fn per_second(&self) -> Option<f64> {
        self.pace.as_ref().map(|pace| pace.per_second)
    }

    /// Whether a request may be sent now; if not, how long to wait before asking again.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let Some(pace) = &mut self.pace else { return Ok(()) };
        if pace.next > now {
            pace.held = now;
            return Err(pace.next - now);
        }
        let on_time = now.checked_sub(LATE).map_or(now, |late| late.max(pace.next));
        pace.next = on_time + Duration::from_secs_f64(pace.per_second.recip());
        Ok(())
    }

    /// A request was admitted.
    pub(super) fn answered(&mut self, now: Instant) {
        self.window.answered(now);
        self.admitted = now;
        let Some(pace) = &mut self.pace else { return };
        let (refused, held) = (now - pace.cut, now - pace.held);
        if refused > REFUSED_LONG_AGO && held > HELD_LONG_AGO || refused > FORGOTTEN {
            self.pace = None;
            return;
        }
        // What is not sent does not show that it would be admitted.
        let shown = 2.0 * f64::from(self.window.answers());
        pace.per_second = pace.grown(now).min(shown.max(pace.per_second)).max(LEAST);
    }

    /// A request that was sent at `begun` was refused. Says whether the rate was lowered: once a round trip.
    pub(super) fn refused(&mut self, begun: Instant, now: Instant) -> bool {
        self.window.refused(now);
        let sent = self.window.per_second(now);
        let least = if now - self.admitted < DEAD { LEAST } else { LEAST_OF_THE_DEAD };
        match &mut self.pace {
            Some(pace) if begun < pace.cut + SETTLING => return false,
            None if self.window.refusals() <= ACCIDENTS => return false,
            Some(pace) => {
                // What it has just admitted, it admits.
                pace.refused = pace.per_second.min(sent).max(f64::from(self.window.answers()));
                pace.per_second = (AFTER_REFUSAL * pace.refused).max(least);
                pace.cut = now;
            }
            None => {
                let per_second = (AFTER_REFUSAL * sent).max(least);
                self.pace = Some(Pace { per_second, refused: sent, cut: now, next: now, held: now });
            }
        }
        true
    }
}

impl Pace {
    /// What it has grown to since it was lowered: first fast, then slowly around the rate that was refused, then faster.
    fn grown(&self, now: Instant) -> f64 {
        let late = (now - self.cut).as_secs_f64() - RECOVERY;
        let share = (1.0 - AFTER_REFUSAL) * (late / RECOVERY).powi(3);
        self.refused * (1.0 + share) + BEYOND * late.max(0.0).powi(3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_refusals_are_accidents_and_more_wake_it() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut rate = Rate::new(start);
        (0..96).for_each(|_| rate.answered(at(50)));
        for n in 0..4 {
            assert!(!rate.refused(at(n), at(900 + n)));
        }
        assert_eq!((rate.per_second(), rate.take(at(905))), (None, Ok(())));
        assert!(rate.refused(at(910), at(1000)));
        assert!(rate.per_second().is_some_and(|rate| (35.0..100.0).contains(&rate)));
    }

    /// A hundred requests were answered and five refused; and the times after the start, in seconds.
    fn refused_after_half_a_second() -> (Rate, impl Fn(f64) -> Instant) {
        let start = Instant::now();
        let at = move |seconds: f64| start + Duration::from_secs_f64(seconds);
        let mut rate = Rate::new(start);
        (0..100).for_each(|_| rate.answered(start));
        (0..5).for_each(|_| _ = rate.refused(start, at(0.5)));
        (rate, at)
    }

    #[test]
    fn it_grows_back_to_what_was_refused_and_beyond_and_sleeps_when_nothing_is_refused() {
        let (mut rate, at) = refused_after_half_a_second();
        let mut seen = Vec::new();
        // So many are sent as it allows.
        let mut now = 0.5;
        while let Some(per_second) = rate.per_second() {
            match rate.take(at(now)) {
                Ok(()) => rate.answered(at(now)),
                Err(wait) => now += wait.as_secs_f64(),
            }
            seen.push((now, per_second));
            // Nobody wants more than 500.
            now += 0.002;
        }
        let after = |seconds: f64| seen.iter().find(|(at, _)| *at >= 0.5 + seconds).map(|(_, rate)| *rate).unwrap();
        assert!((140.0..160.0).contains(&after(0.1)), "seven tenths of 210: {}", after(0.1));
        assert!((200.0..212.0).contains(&after(4.0)), "{}", after(4.0));
        assert!(after(8.0) > 250.0 && after(12.0) > 400.0, "{} {}", after(8.0), after(12.0));
        assert!((30.0..45.0).contains(&now), "{now}");
    }

    #[test]
    fn who_asks_in_bursts_is_held_up_no_longer_than_five_minutes() {
        let (mut rate, at) = refused_after_half_a_second();
        let last = (1..).map(f64::from).find(|second| {
            // Fifty at once, then nothing.
            let mut now = *second;
            for _ in 0..50 {
                while let Err(wait) = rate.take(at(now)) {
                    now += wait.as_secs_f64();
                }
                rate.answered(at(now));
            }
            rate.per_second().is_none()
        });
        assert_eq!(last, Some(301.0));
    }
}
