use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use transship_types::ErrorClass;

use crate::{Error, ErrorKind, Result};

/// A place that is out is told of so often at most: thousands of objects may be waiting for it.
const TOLD_AGAIN: Duration = Duration::from_secs(30);

/// A connection that is refused fails at once: what is over after so long needs no word of its own, whether it came back
/// or all tries were in vain and the error says so.
const BEARABLE: Duration = Duration::from_secs(2);

/// When to try again, and how long to wait in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryOptions {
    /// Attempts in all, the first included (at least 1).
    pub attempts: u32,
    /// The first wait; each further one is twice as long. A random part of it, between half and all, is waited.
    pub first_wait: Duration,
    /// The longest wait, also where a server asks for more in `Retry-After`.
    pub longest_wait: Duration,
}

impl Default for RetryOptions {
    fn default() -> Self {
        Self { attempts: 5, first_wait: Duration::from_millis(200), longest_wait: Duration::from_secs(30) }
    }
}

impl RetryOptions {
    /// How long to wait after failure number `attempt` (from 1), or `None` where it must not be tried again.
    /// Whoever waits tries again, so the log says that: as a warning where the store has not answered for a while, for
    /// nobody would know otherwise what takes so long.
    pub fn wait(&self, attempt: u32, error: &Error) -> Option<Duration> {
        if error.class() != ErrorClass::Transient || attempt >= self.attempts {
            return None;
        }
        let backoff = self.first_wait.saturating_mul(1 << (attempt - 1).min(16)).min(self.longest_wait);
        let jittered = backoff.mul_f64(0.5 + 0.5 * random());
        let wait = error.retry_after().map_or(jittered, |asked| asked.min(self.longest_wait).max(jittered));
        announce(error, wait);
        Some(wait)
    }
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
    let mut attempt = 1;
    loop {
        match operation(attempt).await {
            Ok(value) => return Ok(value),
            Err(error) => match options.wait(attempt, &error) {
                None => return Err(error),
                Some(wait) => {
                    tokio::time::sleep(wait).await;
                    attempt += 1;
                }
            },
        }
    }
}
