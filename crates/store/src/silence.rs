//! A limit on silence in place of one on the whole request: what moves may take as long as it needs.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout_at};

/// The most of a body that is handed over at once: small enough that a slow line takes it within the limit on silence.
pub(crate) const STEP: usize = 64 << 10;

/// No byte for this long.
#[derive(Debug, thiserror::Error)]
#[error("no byte for {} s", .0.as_secs_f32())]
pub(crate) struct Silence(pub(crate) Duration);

/// When a request's body last moved; nothing while the next bytes of it are waited for, which is not the server's fault.
#[derive(Clone, Debug)]
pub(crate) struct Moved(Arc<Mutex<Option<Instant>>>);

impl Moved {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(Instant::now()))))
    }

    pub(crate) fn now(&self) {
        self.set(Some(Instant::now()));
    }

    /// The body has no bytes to give: whoever brings them has a limit of its own.
    pub(crate) fn waits_for_bytes(&self) {
        self.set(None);
    }

    fn set(&self, at: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    fn last(&self) -> Instant {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or_else(Instant::now)
    }
}

/// Waits for `future`, unless nothing moves for `limit`.
pub(crate) async fn unless_silent<F: Future>(moved: &Moved, limit: Duration, future: F) -> Result<F::Output, Silence> {
    let mut future = pin!(future);
    loop {
        let deadline = moved.last() + limit;
        match timeout_at(deadline, &mut future).await {
            Ok(output) => return Ok(output),
            Err(_) if moved.last() + limit > deadline => {}
            Err(_) => return Err(Silence(limit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn only_silence_ends_a_request() {
        let moved = Moved::new();
        let slow = async {
            for _ in 0..10 {
                sleep(Duration::from_secs(50)).await;
                moved.now();
            }
        };
        unless_silent(&moved, LIMIT, slow).await.unwrap();
        let error = unless_silent(&moved, LIMIT, pending::<()>()).await.unwrap_err();
        assert_eq!(error.to_string(), "no byte for 60 s");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_begins_with_the_last_byte_and_not_while_bytes_are_waited_for() {
        let (moved, started) = (Moved::new(), Instant::now());
        let body = async {
            moved.waits_for_bytes();
            sleep(Duration::from_secs(300)).await;
            moved.now();
            pending::<()>().await;
        };
        unless_silent(&moved, LIMIT, body).await.unwrap_err();
        // The clock is the test's own: it is exact.
        assert_eq!(started.elapsed().as_secs(), 360);
    }
}
