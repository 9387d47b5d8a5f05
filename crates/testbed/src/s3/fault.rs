//! Which requests something goes wrong for.

use super::effect::Effect;
use super::flow::Flow;
use super::operation::{Operation, Subject};
use http::Method;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// An effect and the requests it happens to: all, unless narrowed down.
#[derive(Debug, Clone)]
pub struct Fault {
    effect: Effect,
    operation: Option<Operation>,
    method: Option<Method>,
    bucket: Option<String>,
    key: Option<String>,
    skip: u64,
    times: u64,
}

impl Fault {
    /// An effect on every request.
    #[must_use]
    pub fn new(effect: Effect) -> Self {
        Self { effect, operation: None, method: None, bucket: None, key: None, skip: 0, times: u64::MAX }
    }

    /// An S3 error without `Retry-After`, on every request.
    pub fn answer(status: u16, code: impl Into<String>) -> Self {
        Self::new(Effect::Answer { status, code: code.into(), retry_after: None })
    }

    /// 503 `SlowDown` for what exceeds a rate: `per_second` requests a second, and `burst` at once. The requests of all
    /// clients that match count together, as they do where a server protects itself.
    #[must_use]
    pub fn above_rate(per_second: u32, burst: u32) -> Self {
        Self::new(Effect::AboveRate { per_second, burst })
    }

    /// Only for this operation.
    #[must_use]
    pub fn on(mut self, operation: Operation) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Only for this HTTP verb.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = Some(method);
        self
    }

    /// Only in this bucket.
    #[must_use]
    pub fn bucket(mut self, bucket: impl Into<String>) -> Self {
        self.bucket = Some(bucket.into());
        self
    }

    /// Only for exactly this key.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Spares the first `count` requests that would match.
    #[must_use]
    pub fn after(mut self, count: u64) -> Self {
        self.skip = count;
        self
    }

    /// Happens to so many requests, then no more.
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.times = count;
        self
    }

    fn matches(&self, method: &Method, subject: &Subject) -> bool {
        fn wanted<T: PartialEq>(wanted: Option<&T>, found: Option<&T>) -> bool {
            wanted.is_none() || wanted == found
        }
        wanted(self.operation.as_ref(), Some(&subject.operation))
            && wanted(self.method.as_ref(), Some(method))
            && wanted(self.bucket.as_ref(), subject.bucket.as_ref())
            && wanted(self.key.as_ref(), subject.key.as_ref())
    }
}

/// The faults of one server. A request suffers every fault that matches it, in the order of their registration.
#[derive(Debug, Default)]
pub struct Faults {
    registered: Mutex<Vec<(Fault, Arc<FaultHits>)>>,
    requests: AtomicU64,
    kill_at: Mutex<Option<u64>>,
    killed: AtomicBool,
}

/// Counts how often a fault has happened.
#[derive(Debug, Default)]
pub struct FaultHits {
    seen: AtomicU64,
    hits: AtomicU64,
    flow: Mutex<Option<Flow>>,
}

impl FaultHits {
    /// How many requests it has happened to.
    pub fn count(&self) -> u64 {
        self.hits.load(Ordering::SeqCst)
    }

    /// How many requests matched, and were spared: under a limit on their rate, those that were admitted.
    pub fn spared(&self) -> u64 {
        self.seen.load(Ordering::SeqCst).saturating_sub(self.count())
    }

    /// What becomes of a request that this effect is to happen to.
    fn befalls(&self, effect: &Effect) -> Option<Effect> {
        let Effect::AboveRate { per_second, burst } = *effect else { return Some(effect.clone()) };
        let mut flow = self.flow.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let admitted = flow.get_or_insert_with(|| Flow::new(per_second, burst, now)).admits(now);
        (!admitted).then(|| Effect::Answer { status: 503, code: "SlowDown".to_owned(), retry_after: None })
    }
}

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Vec<(Fault, Arc<FaultHits>)>> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a fault. The handle tells whether it happened: a test of a fault that never fired proves nothing.
    pub fn add(&self, fault: Fault) -> Arc<FaultHits> {
        let hits = Arc::new(FaultHits::default());
        self.lock().push((fault, hits.clone()));
        hits
    }

    /// Forgets all faults and brings a killed server back.
    pub fn clear(&self) {
        self.lock().clear();
        self.revive();
    }

    /// The `n`-th request from now, counting from 1, and everything after it, get no answer; connections are closed,
    /// replies under way are cut. As if the server had died.
    pub fn kill_at(&self, n: u64) {
        let at = self.requests.load(Ordering::SeqCst) + n.max(1);
        *self.kill_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(at);
    }

    /// Brings a killed server back, with everything it had stored.
    pub fn revive(&self) {
        *self.kill_at.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.killed.store(false, Ordering::SeqCst);
    }

    /// Whether the server plays dead.
    pub fn is_killed(&self) -> bool {
        self.killed.load(Ordering::SeqCst)
    }

    /// Counts a request; says whether the server lives to see it.
    pub(crate) fn survives(&self) -> bool {
        let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let kill_at = *self.kill_at.lock().unwrap_or_else(PoisonError::into_inner);
        if kill_at.is_some_and(|at| number >= at) {
            self.killed.store(true, Ordering::SeqCst);
        }
        !self.is_killed()
    }

    /// The effects that happen to this request.
    pub(crate) fn effects(&self, method: &Method, subject: &Subject) -> Vec<Effect> {
        let mut effects = Vec::new();
        for (fault, hits) in self.lock().iter().filter(|(fault, _)| fault.matches(method, subject)) {
            let seen = hits.seen.fetch_add(1, Ordering::SeqCst);
            if seen >= fault.skip
                && hits.count() < fault.times
                && let Some(effect) = hits.befalls(&fault.effect)
            {
                hits.hits.fetch_add(1, Ordering::SeqCst);
                effects.push(effect);
            }
        }
        effects
    }
}
