use std::time::Duration;

use serde::{Deserialize, Serialize};
use transship_types::ErrorClass;

use crate::{Error, Result};

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
    pub fn wait(&self, attempt: u32, error: &Error) -> Option<Duration> {
        if error.class() != ErrorClass::Transient || attempt >= self.attempts {
            return None;
        }
        let backoff = self.first_wait.saturating_mul(1 << (attempt - 1).min(16)).min(self.longest_wait);
        let jittered = backoff.mul_f64(0.5 + 0.5 * random());
        Some(error.retry_after().map_or(jittered, |asked| asked.min(self.longest_wait).max(jittered)))
    }
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
                    tracing::debug!(%error, attempt, ?wait, "trying again");
                    tokio::time::sleep(wait).await;
                    attempt += 1;
                }
            },
        }
    }
}
