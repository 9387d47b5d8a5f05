use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use transship_types::ErrorClass;

use crate::{Error, ErrorKind, Result};

/// A place that is out is told of so often at most: thousands of objects may be waiting for it.
const TOLD_AGAIN: Duration = Duration::from_secs(30);

/// A connection that is refused fails at once: what is over after so long needs no word of its own, whether it came back
/// or all tries were in vain and the error says so.
const BEARABLE: Duration = Duration::from_secs(2);

/// Servers ask to slow down all the time: one that goes on with it is told of.
const BUSY: Duration = Duration::from_secs(10);

/// A store that is away is looked for again after so long at most, so that its return is not slept through.
const LONGEST_ABSENCE: Duration = Duration::from_secs(5);

/// When to try again, and how long to wait in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryOptions {
    /// Attempts in all, the first included (at least 1; with 1 nothing is tried again).
    pub attempts: u32,
    /// How long a store that is away is tried at least, however often that is: one that refuses or drops connections, is
    /// not found by its name, or answers 503 or `SlowDown`, as it does while it starts. Counted from the first failure
    /// of each request; zero: attempts alone count.
    pub patience: Duration,
    /// The first wait; each further one is twice as long. A random part of it, between half and all, is waited.
    pub first_wait: Duration,
    /// The longest wait, also where a server asks for more in `Retry-After`.
    pub longest_wait: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self {
            attempts: 5,
            patience: Duration::from_secs(60),
            first_wait: Duration::from_millis(200),
            longest_wait: Duration::from_secs(30),
        }
    }
}

/// The failures of one request, with no success in between.
#[derive(Clone, Debug, Default)]
pub struct Failures {
    count: u32,
    first: Option<Instant>,
}

impl Failures {
    /// One more, now.
    pub fn add(&mut self) {
        self.count += 1;
        self.first.get_or_insert_with(Instant::now);
    }

    /// How many.
    pub fn count(&self) -> u32 {
        self.count
    }
}

impl RetryOptions {
    /// For the first contact with a store: one that is not there at all is most likely a wrong address, and that should
    /// be told soon.
    #[must_use]
    pub fn at_first_contact(&self) -> Self {
        Self { patience: Duration::ZERO, ..self.clone() }
    }

    /// Whether it may be tried again after these failures, the last of which is `error`.
    pub fn allows(&self, failures: &Failures, error: &Error) -> bool {
        let patient = || is_away(error) && failures.first.is_some_and(|first| first.elapsed() < self.patience);
        error.class() == ErrorClass::Transient && self.attempts > 1 && (failures.count < self.attempts || patient())
    }

    /// How long to wait after these failures, the last of which is `error`, or `None` where it must not be tried again.
    /// Whoever waits tries again, so the log says that: as a warning where the store has not answered for a while, for
    /// nobody would know otherwise what takes so long.
    pub fn wait(&self, failures: &Failures, error: &Error) -> Option<Duration> {
        if !self.allows(failures, error) {
            return None;
        }
        let longest = if is_away(error) { self.longest_wait.min(LONGEST_ABSENCE) } else { self.longest_wait };
        let backoff = self.first_wait.saturating_mul(1 << failures.count.saturating_sub(1).min(16)).min(longest);
        let jittered = backoff.mul_f64(0.5 + 0.5 * random());
        let wait = error.retry_after().map_or(jittered, |asked| asked.min(self.longest_wait).max(jittered));
        announce(error, wait);
        Some(wait)
    }
}

/// The store is not there, or says that it will be: not an answer to this request in particular.
fn is_away(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Connection | ErrorKind::Throttled) || error.status() == Some(503)
}

fn announce(error: &Error, wait: Duration) {
    let seconds = wait.as_secs_f32();
    if is_to_be_told(error) {
        tracing::warn!("{error}; next try in {seconds:.1} s");
    } else {
        tracing::debug!("{error}; next try in {seconds:.1} s");
    }
}

/// A time in which a place could not be reached.
struct Outage {
    began: Instant,
    last: Instant,
    told: Option<Instant>,
}

fn is_to_be_told(error: &Error) -> bool {
    static OUTAGES: Mutex<BTreeMap<String, Outage>> = Mutex::new(BTreeMap::new());
    let patience = match error.kind() {
        ErrorKind::Timeout => Duration::ZERO,
        ErrorKind::Connection => BEARABLE,
        _ if is_away(error) => BUSY,
        _ => return false,
    };
    let now = Instant::now();
    let mut outages = OUTAGES.lock().unwrap_or_else(PoisonError::into_inner);
    outages.retain(|_, outage| now - outage.last < TOLD_AGAIN);
    let new = || Outage { began: now, last: now, told: None };
    let outage = outages.entry(error.location().to_owned()).or_insert_with(new);
    outage.last = now;
    let told = now - outage.began >= patience && outage.told.is_none_or(|at| now - at >= TOLD_AGAIN);
    if told {
        outage.told = Some(now);
    }
    told
}

/// A number in 0..1. Only spreads waits, so the hasher's per-process random keys are random enough.
fn random() -> f64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let bits = RandomState::new().build_hasher().finish() >> 11;
    #[allow(clippy::cast_precision_loss)] // 53 bits fit
    let fraction = bits as f64 / (1u64 << 53) as f64;
    fraction
}

/// Runs `operation` until it succeeds, fails for good, or has been tried often enough.
/// `operation` gets the number of the attempt, from 1.
///
/// # Errors
/// The last attempt's.
pub async fn retry<T, F>(options: &RetryOptions, mut operation: impl FnMut(u32) -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut failures = Failures::default();
    loop {
        let error = match operation(failures.count + 1).await {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        failures.add();
        let Some(wait) = options.wait(&failures, &error) else { return Err(error) };
        tokio::time::sleep(wait).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn failing(options: &RetryOptions, error: impl Fn() -> Error) -> (u32, u64) {
        let (mut tries, started) = (0, Instant::now());
        let failed = retry(options, |attempt| {
            tries = attempt;
            std::future::ready(Err::<(), _>(error()))
        });
        failed.await.unwrap_err();
        (tries, started.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_is_away_is_tried_for_a_minute_and_one_that_fails_so_many_times() {
        let options = RetryOptions::default();
        let refused = || Error::new(ErrorKind::Connection, "refused");
        let slow_down = || Error::new(ErrorKind::Throttled, "slow down").answered(503, Some("SlowDown"));
        let starting = || Error::new(ErrorKind::Server, "starting").answered(503, Some("ServiceUnavailable"));
        for away in [&refused as &dyn Fn() -> Error, &slow_down, &starting] {
            let (tries, seconds) = failing(&options, away).await;
            assert!(tries > 12 && (60..66).contains(&seconds), "{tries} tries in {seconds} s: {}", away());
            assert_eq!(failing(&options.at_first_contact(), away).await.0, 5);
            assert_eq!(failing(&RetryOptions { attempts: 1, ..options.clone() }, away).await.0, 1);
            let often = RetryOptions { attempts: 100, ..options.clone() };
            assert_eq!(failing(&often, away).await.0, 100, "both have to be used up");
        }
        let broken = || Error::new(ErrorKind::Server, "internal error").answered(500, Some("InternalError"));
        assert_eq!(failing(&options, broken).await.0, 5);
        let denied = || Error::new(ErrorKind::AccessDenied, "denied").answered(403, Some("AccessDenied"));
        assert_eq!(failing(&options, denied).await.0, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_is_given_the_time_that_it_asks_for_up_to_the_longest_wait() {
        let options = RetryOptions { attempts: 2, patience: Duration::ZERO, ..RetryOptions::default() };
        for (asked, given) in [(7, 7), (3600, 30)] {
            let busy = || Error::new(ErrorKind::Throttled, "busy").with_retry_after(Some(Duration::from_secs(asked)));
            assert_eq!(failing(&options, busy).await, (2, given));
        }
    }
}
