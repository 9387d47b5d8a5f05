//! Whether a destination answers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use transship_store::{Error, ErrorKind, Result};

use crate::{Bandwidth, read::cancelled};

/// What is known of a destination's answers to what is written there.
///
/// While it is silent, one object at a time tries, and the others wait: so its return is noticed, and nobody uses up
/// attempts on it. After [`CopyOptions::longest_silence`](crate::CopyOptions) the others fail at once.
#[derive(Debug)]
pub(crate) struct Answers {
    location: String,
    longest_silence: Duration,
    /// Time in which bytes wait for this is no silence.
    bandwidth: Bandwidth,
    state: watch::Sender<State>,
    /// For the one that tries.
    turn: Arc<Semaphore>,
    not_tried: AtomicU64,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    heard: Option<Instant>,
    /// It was told that it holds up the others.
    told: bool,
    silent: Option<Silence>,
}

#[derive(Clone, Copy, Debug)]
struct Silence {
    began: Instant,
    /// For how long, in all, something had waited for bandwidth when it was noticed.
    waited: Duration,
    given_up: bool,
}

/// Permission to write at a destination.
pub(crate) struct Permission {
    _turn: Option<OwnedSemaphorePermit>,
}

impl Answers {
    pub(crate) fn of(location: &str, longest_silence: Duration, bandwidth: &Bandwidth) -> Self {
        Self {
            location: location.to_owned(),
            longest_silence,
            bandwidth: bandwidth.clone(),
            state: watch::Sender::default(),
            turn: Arc::new(Semaphore::new(1)),
            not_tried: AtomicU64::new(0),
        }
    }

    fn silence(&self) -> Option<Silence> {
        self.state.borrow().silent
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.silence().is_some()
    }

    pub(crate) fn is_given_up(&self) -> bool {
        self.silence().is_some_and(|silence| silence.given_up)
    }

    pub(crate) fn silent_for(&self) -> Duration {
        self.silence().map_or(Duration::ZERO, |silence| self.length_of(silence))
    }

    fn length_of(&self, Silence { began, waited, .. }: Silence) -> Duration {
        began.elapsed().saturating_sub(self.bandwidth.waited().saturating_sub(waited))
    }

    /// Takes note of what came of something that was begun at this time. Any answer is one, also a bad one.
    pub(crate) fn note<T>(&self, begun: Instant, result: &Result<T>) {
        match result {
            // What ends for reasons of our own is of no location, and the source's silence is not this one's.
            Err(error) if error.location() != self.location => {}
            Err(error) if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Connection) => self.unanswered(begun),
            _ => self.heard(),
        }
    }

    fn heard(&self) {
        let mut before = None;
        self.state.send_if_modified(|state| {
            (state.heard, before) = (Some(Instant::now()), state.silent.take());
            before.is_some()
        });
        if before.is_some_and(|silence| silence.given_up) {
            let (place, count) = (&self.location, self.not_tried.load(Ordering::Relaxed));
            tracing::warn!("{place} answers again; {count} objects were not tried there so far");
        }
    }

    /// It has held up others since `begun`, without an answer to anything.
    pub(crate) fn lags(&self, begun: Instant) {
        let mut news = false;
        self.state.send_if_modified(|state| {
            let heard = state.heard.is_some_and(|heard| heard > begun);
            news = !heard && !std::mem::replace(&mut state.told, true);
            false
        });
        // It may be slow, and nothing more: only a request that fails says that nothing moves at all.
        if news {
            let (place, seconds) = (&self.location, begun.elapsed().as_secs_f32());
            tracing::warn!("{place} has not answered for {seconds:.1} s: the other destinations go on without it");
        }
    }

    /// Nothing was heard since `begun`, and the request failed for it.
    fn unanswered(&self, begun: Instant) {
        let (mut given_up, waited) = (false, self.bandwidth.waited());
        self.state.send_if_modified(|state| {
            if state.heard.is_some_and(|heard| heard > begun) {
                return false;
            }
            let news = state.silent.is_none();
            let silence = state.silent.get_or_insert(Silence { began: begun, waited, given_up: false });
            given_up = !silence.given_up && self.length_of(*silence) >= self.longest_silence;
            silence.given_up |= given_up;
            news || given_up
        });
        if given_up {
            let (place, since) = (&self.location, self.since());
            tracing::warn!("{place} has not answered since {since}: objects fail there at once, but for one at a time");
        }
    }

    /// Waits for permission to write: at once where it answers, for one at a time while it is silent.
    ///
    /// # Errors
    /// It has been silent for too long, or the run is being stopped.
    pub(crate) async fn admit(&self, cancel: &CancellationToken) -> Result<Permission> {
        let mut news = self.state.subscribe();
        loop {
            let Some(silence) = news.borrow_and_update().silent else { return Ok(Permission { _turn: None }) };
            if let Ok(turn) = Arc::clone(&self.turn).try_acquire_owned() {
                return Ok(Permission { _turn: Some(turn) });
            }
            if silence.given_up {
                return Err(self.not_tried());
            }
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(cancelled()),
                _ = news.changed() => {}
                turn = Arc::clone(&self.turn).acquire_owned() => return Ok(Permission { _turn: turn.ok() }),
            }
        }
    }

    /// The error of an object that is not tried here.
    pub(crate) fn not_tried(&self) -> Error {
        self.not_tried.fetch_add(1, Ordering::Relaxed);
        let words = format!("has not answered since {}: this object was not tried", self.since());
        Error::new(ErrorKind::Timeout, words).during("write", &self.location, None)
    }

    fn since(&self) -> String {
        let time = OffsetDateTime::now_utc() - self.silent_for();
        time.replace_nanosecond(0).unwrap_or(time).format(&Rfc3339).unwrap_or_default()
    }
}
