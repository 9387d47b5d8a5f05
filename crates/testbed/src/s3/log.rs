//! What went over the wire: one entry a request.

use super::operation::{Operation, Subject};
use http::{HeaderMap, Method};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// How much the log keeps. Benchmarks keep counts: entries cost memory that grows with the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogDetail {
    /// An entry for each request, with its headers.
    #[default]
    Requests,
    /// Only how many requests of each operation there were.
    Counts,
}

/// One request, as it was on the wire.
#[derive(Debug, Clone)]
pub struct LoggedRequest {
    /// Counts from 0 since the server started; clearing the log does not reset it.
    pub sequence: u64,
    /// HTTP verb.
    pub method: Method,
    /// Path and query exactly as received, nothing decoded or folded.
    pub target: String,
    /// What S3 calls it.
    pub operation: Operation,
    /// Bucket, from path or host.
    pub bucket: Option<String>,
    /// Key, decoded once.
    pub key: Option<String>,
    /// Headers by lower-case name, but for `Authorization` and `x-amz-security-token`. Repeated ones joined by `, `.
    pub headers: BTreeMap<String, String>,
    /// Status of the reply; `None` where the connection was dropped instead, or while it is being worked on.
    pub status: Option<u16>,
    /// Bytes of the request's body that arrived.
    pub bytes_in: u64,
    /// Bytes of the reply's body that were handed to the connection.
    pub bytes_out: u64,
    /// When it arrived, since the server started.
    pub arrived: Duration,
    /// When its reply began, since the server started.
    pub answered: Option<Duration>,
}

impl LoggedRequest {
    /// The value of a request header; the name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// An entry while its request is being worked on.
#[derive(Debug)]
pub(crate) struct Entry {
    request: LoggedRequest,
    started: Instant,
    status: AtomicU16,
    answered: OnceLock<Duration>,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
}

impl Entry {
    pub(crate) fn sequence(&self) -> u64 {
        self.request.sequence
    }

    pub(crate) fn answered(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
        self.answered.get_or_init(|| self.started.elapsed());
    }

    fn snapshot(&self) -> LoggedRequest {
        LoggedRequest {
            status: Some(self.status.load(Ordering::SeqCst)).filter(|status| *status != 0),
            bytes_in: self.bytes_in.load(Ordering::SeqCst),
            bytes_out: self.bytes_out.load(Ordering::SeqCst),
            answered: self.answered.get().copied(),
            ..self.request.clone()
        }
    }
}

/// The log of one server.
#[derive(Debug)]
pub(crate) struct RequestLog {
    detail: LogDetail,
    started: Instant,
    sequence: AtomicU64,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    state: Mutex<LogState>,
}

#[derive(Debug, Default)]
struct LogState {
    entries: Vec<Arc<Entry>>,
    counts: BTreeMap<Operation, u64>,
    unpinned: u64,
}

impl RequestLog {
    pub(crate) fn new(detail: LogDetail) -> Self {
        Self {
            detail,
            started: Instant::now(),
            sequence: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
            state: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the entry of a request that has just arrived.
    pub(crate) fn arrived(&self, method: &Method, target: &str, subject: &Subject, headers: &HeaderMap) -> Arc<Entry> {
        let keep = self.detail == LogDetail::Requests;
        let request = LoggedRequest {
            sequence: self.sequence.fetch_add(1, Ordering::SeqCst),
            method: method.clone(),
            target: if keep { target.to_owned() } else { String::new() },
            operation: subject.operation,
            bucket: subject.bucket.clone().filter(|_| keep),
            key: subject.key.clone().filter(|_| keep),
            headers: if keep { of_interest(headers) } else { BTreeMap::new() },
            status: None,
            bytes_in: 0,
            bytes_out: 0,
            arrived: self.started.elapsed(),
            answered: None,
        };
        let (status, bytes_in, bytes_out) = (AtomicU16::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let entry =
            Arc::new(Entry { request, started: self.started, status, answered: OnceLock::new(), bytes_in, bytes_out });
        let mut state = self.lock();
        *state.counts.entry(subject.operation).or_default() += 1;
        state.unpinned += u64::from(is_unpinned(subject.operation, headers));
        if keep {
            state.entries.push(entry.clone());
        }
        entry
    }

    pub(crate) fn requests(&self) -> Vec<LoggedRequest> {
        self.lock().entries.iter().map(|entry| entry.snapshot()).collect()
    }

    pub(crate) fn counts(&self) -> BTreeMap<Operation, u64> {
        self.lock().counts.clone()
    }

    pub(crate) fn unpinned(&self) -> u64 {
        self.lock().unpinned
    }

    pub(crate) fn clear(&self) {
        *self.lock() = LogState::default();
        self.most_in_flight.store(self.in_flight.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.most_in_flight.load(Ordering::SeqCst)
    }

    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>) -> InFlight {
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        InFlight(self.clone())
    }
}

/// A request between its arrival and the end of its reply.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<RequestLog>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Whether it reads or copies an object, whatever version of it is there.
fn is_unpinned(operation: Operation, headers: &HeaderMap) -> bool {
    match operation {
        Operation::GetObject => !headers.contains_key("if-match"),
        Operation::CopyObject | Operation::UploadPartCopy => !headers.contains_key("x-amz-copy-source-if-match"),
        _ => false,
    }
}

fn of_interest(headers: &HeaderMap) -> BTreeMap<String, String> {
    let mut kept = BTreeMap::<String, String>::new();
    for (name, value) in headers {
        if name == "authorization" || name == "x-amz-security-token" {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        match kept.get_mut(name.as_str()) {
            Some(known) => {
                known.push_str(", ");
                known.push_str(&value);
            }
            None => {
                kept.insert(name.as_str().to_owned(), value.into_owned());
            }
        }
    }
    kept
}
