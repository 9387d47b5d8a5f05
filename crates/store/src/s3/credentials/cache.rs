//! Keys that are fetched, kept while they are good, and fetched again before they expire.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration as StdDuration, Instant},
};

use futures::{FutureExt, future::BoxFuture};
use time::{Duration, OffsetDateTime};

use super::{
    Keys,
    plan::{self, Plan, Source},
    profiles::Profiles,
    sts::Sts,
    variables::Variables,
    wire::Wire,
};
use crate::{Error, ErrorKind, Result};
use transship_types::ErrorClass;

/// Keys are replaced this long before they expire, or half-way through their life where that is later.
const AHEAD: Duration = Duration::minutes(5);

/// After a failure to replace keys that are still good, and after a server refused the newest keys there are.
const PAUSE: StdDuration = StdDuration::from_secs(10);

/// The chain over some variables, and the keys that it gave last.
#[derive(Debug)]
pub(super) struct Chain {
    variables: Variables,
    wire: Wire,
    state: Mutex<State>,
    /// Held while keys are being fetched: one at a time.
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    /// How often keys have been fetched: tells a waiter whether somebody else did it meanwhile.
    fetches: u64,
    failure: Option<Failure>,
    /// Until then, keys that are still good are not replaced.
    paused_until: Option<Instant>,
    /// The newest keys there are were refused then.
    refused: Option<Instant>,
}

#[derive(Clone, Debug)]
struct Held {
    keys: Arc<Keys>,
    renew_at: Option<OffsetDateTime>,
}

/// What a failed fetch tells those who waited for it.
#[derive(Clone, Debug)]
struct Failure {
    kind: ErrorKind,
    class: ErrorClass,
    line: String,
}

enum Freshness {
    Fresh(Arc<Keys>),
    /// Good still, but not for long.
    Ageing(Arc<Keys>),
    Stale,
}

impl Chain {
    pub(super) fn new(variables: Variables, wire: Wire) -> Self {
        Self { variables, wire, state: Mutex::default(), fetching: tokio::sync::Mutex::new(()) }
    }

    pub(super) fn variables(&self) -> &Variables {
        &self.variables
    }

    /// Keys that are good now.
    pub(super) async fn keys(&self) -> Result<Arc<Keys>> {
        match self.freshness() {
            Freshness::Fresh(keys) => Ok(keys),
            Freshness::Ageing(keys) => Ok(self.replace(keys).await),
            Freshness::Stale => {
                let seen = self.state().fetches;
                let _one = self.fetching.lock().await;
                if self.state().fetches == seen {
                    return self.fetch().await;
                }
                match self.freshness() {
                    Freshness::Fresh(keys) | Freshness::Ageing(keys) => Ok(keys),
                    Freshness::Stale => match self.last_failure() {
                        Some(failure) => Err(failure.into()),
                        None => self.fetch().await,
                    },
                }
            }
        }
    }

    /// Whoever comes first fetches new keys; all others, and all after a failure, go on with the `old` ones.
    async fn replace(&self, old: Arc<Keys>) -> Arc<Keys> {
        let Ok(_one) = self.fetching.try_lock() else { return old };
        if let Freshness::Fresh(keys) = self.freshness() {
            return keys;
        }
        self.fetch().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the AWS keys cannot be renewed yet; the old ones are still good");
            self.state().paused_until = Some(Instant::now() + PAUSE);
            old
        })
    }

    /// Fetches new keys because a server says that `used` have expired; true where others can now be had.
    pub(super) async fn refresh(&self, used: &Keys) -> bool {
        let _one = self.fetching.lock().await;
        {
            let mut state = self.state();
            match &state.held {
                Some(held) if !held.keys.sign_like(used) => return true,
                _ if state.refused.is_some_and(|at| at.elapsed() < PAUSE) => return false,
                _ => state.held = None,
            }
        }
        match self.fetch().await {
            Ok(new) if new.sign_like(used) => {
                self.state().refused = Some(Instant::now());
                false
            }
            Ok(_) => true,
            Err(error) => {
                // Whoever asks for keys next meets the same failure, and reports it.
                tracing::debug!(%error, "the refused AWS keys cannot be replaced");
                true
            }
        }
    }

    /// Walks the chain afresh: profile files are read again, since other programs renew keys in them.
    async fn fetch(&self) -> Result<Arc<Keys>> {
        let fetched = self.walk().await;
        let mut state = self.state();
        state.fetches += 1;
        match fetched {
            Ok(keys) => {
                let now = OffsetDateTime::now_utc();
                let renew_at = keys.expires.map(|expires| renew_at(now, expires));
                let keys = Arc::new(keys);
                state.held = Some(Held { keys: Arc::clone(&keys), renew_at });
                (state.failure, state.paused_until, state.refused) = (None, None, None);
                Ok(keys)
            }
            Err(error) => {
                state.failure = Some(Failure { kind: error.kind(), class: error.class(), line: error.to_string() });
                Err(error)
            }
        }
    }

    async fn walk(&self) -> Result<Keys> {
        let variables = self.variables.clone();
        let planned = tokio::task::spawn_blocking(move || plan::plan(&variables, &Profiles::load(&variables)?)).await;
        let Plan { source, is_last_resort, mut looked_at, sts } =
            planned.map_err(|e| Error::new(ErrorKind::Io, "the AWS profiles could not be read").caused_by(e))??;
        let Some(source) = source else { return Err(nothing_found(&looked_at)) };
        let keys = match source.fetch(&sts, &self.wire).await {
            Ok(keys) => keys,
            Err(error) if is_last_resort && self.state().held.is_none() => {
                looked_at.push(error.to_string());
                return Err(nothing_found(&looked_at).caused_by(error));
            }
            Err(error) => return Err(error),
        };
        match keys.expires {
            Some(expires) if expires <= OffsetDateTime::now_utc() => {
                let detail = format!("the AWS key {} expired at {expires}", keys.access_key_id);
                Err(Error::new(ErrorKind::ExpiredToken, detail))
            }
            _ => Ok(keys),
        }
    }

    fn freshness(&self) -> Freshness {
        let state = self.state();
        let Some(held) = &state.held else { return Freshness::Stale };
        let now = OffsetDateTime::now_utc();
        if held.keys.expires.is_some_and(|expires| expires <= now) {
            Freshness::Stale
        } else if held.renew_at.is_some_and(|at| at <= now) && state.paused_until.is_none_or(|at| at <= Instant::now())
        {
            Freshness::Ageing(Arc::clone(&held.keys))
        } else {
            Freshness::Fresh(Arc::clone(&held.keys))
        }
    }

    fn last_failure(&self) -> Option<Failure> {
        self.state().failure.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    /// Asks the source for keys. A role asks its base first.
    fn fetch<'a>(&'a self, sts: &'a Sts, wire: &'a Wire) -> BoxFuture<'a, Result<Keys>> {
        async move {
            match self {
                Self::Keys(keys) => Ok(keys.clone()),
                Self::Role(role, base) => sts.assume_role(role, &base.fetch(sts, wire).await?, wire).await,
                Self::WebIdentity(identity) => identity.fetch(sts, wire).await,
                Self::Process(process) => process.fetch().await,
                Self::Container(container) => container.fetch(wire).await,
                Self::Instance(instance) => instance.fetch(wire).await,
            }
        }
        .boxed()
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::new(failure.kind, failure.line).with_class(failure.class)
    }
}

fn nothing_found(looked_at: &[String]) -> Error {
    Error::new(ErrorKind::Credentials, format!("no AWS credentials: {}", looked_at.join("; ")))
}

fn renew_at(now: OffsetDateTime, expires: OffsetDateTime) -> OffsetDateTime {
    (expires - AHEAD).max(now + (expires - now) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_renewed_five_minutes_ahead_and_short_lived_ones_half_way() {
        let now = OffsetDateTime::UNIX_EPOCH;
        for (minutes, renewed) in [(60, 55), (10, 5), (8, 4), (2, 1)] {
            assert_eq!(renew_at(now, now + Duration::minutes(minutes)), now + Duration::minutes(renewed));
        }
    }
}
