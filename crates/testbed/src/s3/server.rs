//! The handle on a running server.

use super::builder::S3ServerBuilder;
use super::fault::Faults;
use super::keys::AccessKeys;
use super::log::{LoggedRequest, RequestLog};
use super::operation::Operation;
use super::store::Store;
use http::Method;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// A running server; stops when dropped. What it holds is reached through [`Store`], to which it dereferences.
pub struct S3Server {
    pub(super) address: SocketAddr,
    pub(super) region: String,
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) authority_pem: Option<String>,
    pub(super) keys: AccessKeys,
    pub(super) store: Arc<Store>,
    pub(super) faults: Arc<Faults>,
    pub(super) log: Arc<RequestLog>,
    pub(super) task: JoinHandle<()>,
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Deref for S3Server {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

impl S3Server {
    /// A server on `127.0.0.1`, a free port, in `us-east-1`.
    #[must_use]
    pub fn builder() -> S3ServerBuilder {
        S3ServerBuilder::new()
    }

    /// `http://127.0.0.1:PORT`, or `https://`. Under a base domain, buckets are hosts below it on the same port.
    #[must_use]
    pub fn endpoint(&self) -> String {
        let scheme = if self.authority_pem.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The region requests must be signed for.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The first access key.
    #[must_use]
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// Its secret.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }

    /// The certificate to trust, as PEM; `None` without TLS.
    #[must_use]
    pub fn authority_pem(&self) -> Option<&str> {
        self.authority_pem.as_deref()
    }

    /// What it holds, for use in a [`Before`](super::Effect::Before) fault or another task.
    #[must_use]
    pub fn store(&self) -> Arc<Store> {
        self.store.clone()
    }

    /// Accepts one more temporary key.
    pub fn add_session_key(&self, access_key: &str, secret_key: &str, session_token: &str) {
        self.keys.add(access_key, secret_key, Some(session_token));
    }

    /// Makes a temporary key answer `ExpiredToken` from now on.
    pub fn expire_session(&self, access_key: &str) {
        self.keys.expire(access_key);
    }

    /// What goes wrong.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Every request since the start or the last [`clear_requests`](Self::clear_requests), in order of arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.log.requests()
    }

    /// The requests of one operation.
    #[must_use]
    pub fn requests_of(&self, operation: Operation) -> Vec<LoggedRequest> {
        self.requests().into_iter().filter(|request| request.operation == operation).collect()
    }

    /// How many requests of each operation there were.
    #[must_use]
    pub fn counts(&self) -> BTreeMap<Operation, u64> {
        self.log.counts()
    }

    /// How many requests read or copied an object without saying which version of it.
    #[must_use]
    pub fn unpinned(&self) -> u64 {
        self.log.unpinned()
    }

    /// How many requests of one operation there were.
    #[must_use]
    pub fn count(&self, operation: Operation) -> u64 {
        self.counts().get(&operation).copied().unwrap_or(0)
    }

    /// How many requests with one HTTP verb are in the log.
    #[must_use]
    pub fn count_of_method(&self, method: &Method) -> usize {
        self.requests().iter().filter(|request| request.method == method).count()
    }

    /// The most requests that were being worked on at the same time, replies included.
    #[must_use]
    pub fn most_in_flight(&self) -> usize {
        self.log.most_in_flight()
    }

    /// Empties the request log and its counts.
    pub fn clear_requests(&self) {
        self.log.clear();
    }
}
