//! What a bucket learns from refusals: its region, and how far this machine's clock is off.

use std::sync::{
    Arc, PoisonError, RwLock,
    atomic::{AtomicI64, Ordering},
};

use http::header;
use time::OffsetDateTime;

use super::{credentials::Keys, failure::Refusal, headers};

/// A difference between clocks that servers accept; AWS allows 15 minutes.
const TOLERATED_SKEW: i64 = 60;

/// What every request is signed with. Many are under way when the first refusal comes.
#[derive(Debug)]
pub(super) struct Learned {
    region: RwLock<String>,
    /// The user gave the region: it is not put right.
    region_given: bool,
    /// The server's clock minus this machine's, in seconds.
    clock: AtomicI64,
}

/// What one request was signed with.
#[derive(Debug)]
pub(super) struct Terms {
    /// `None`: it was not signed.
    pub(super) keys: Option<Arc<Keys>>,
    pub(super) region: String,
    clock: i64,
}

impl Terms {
    pub(super) fn time(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + time::Duration::seconds(self.clock)
    }
}

impl Learned {
    /// `given`: the user's word; `found`: that of a profile.
    pub(super) fn new(given: Option<&str>, found: Option<&str>) -> Self {
        let region = given.or(found).unwrap_or("us-east-1").to_owned();
        Self { region: RwLock::new(region), region_given: given.is_some(), clock: AtomicI64::new(0) }
    }

    pub(super) fn terms(&self, keys: Option<Arc<Keys>>) -> Terms {
        Terms { keys, region: self.region(), clock: self.clock.load(Ordering::Relaxed) }
    }

    /// True where the refused request should have been signed for another region, whoever found that out.
    pub(super) fn region_from(&self, refusal: &Refusal, terms: &Terms, location: &str) -> bool {
        if self.region_given {
            return false;
        }
        if let Some(told) = refusal.region().filter(|told| *told != self.region()) {
            tracing::debug!(location, region = told, "the bucket is in another region");
            *self.region.write().unwrap_or_else(PoisonError::into_inner) = told;
        }
        self.region() != terms.region
    }

    /// True where the refused request should have been signed at another time, whoever found that out.
    pub(super) fn clock_from(&self, refusal: &Refusal, terms: &Terms, location: &str) -> bool {
        let server = refusal.body.as_ref().and_then(|b| b.server_time);
        let dated = || headers::text(&refusal.headers, header::DATE).and_then(|d| headers::http_date(&d));
        let differ = |a: i64, b: i64| (a - b).abs() > TOLERATED_SKEW;
        if let Some(server) = server.or_else(dated) {
            let offset = (server - OffsetDateTime::now_utc()).whole_seconds();
            let news = self
                .clock
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |known| differ(offset, known).then_some(offset));
            if news.is_ok() {
                tracing::warn!(location, seconds = offset, "this machine's clock is wrong: signing with the server's");
            }
        }
        differ(self.clock.load(Ordering::Relaxed), terms.clock)
    }

    fn region(&self) -> String {
        self.region.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
