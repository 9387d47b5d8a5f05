//! The S3 bucket against the in-memory server, request by request.

// Lints spare tests, but not what tests share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../objects/canned.rs"]
mod canned;
mod deletions;
mod forwarder;
mod proxied;
mod refused;
mod signed_payloads;
mod silent;
mod unanswered;

use std::sync::Arc;

use transship_store::{Bucket, S3Bucket, S3Credentials, S3Spec};
use transship_testbed::s3::S3Server;
use transship_types::Secret;

const BUCKET: &str = "data";

/// A spec with the server's keys, its region left to be found out.
fn spec(server: &S3Server) -> S3Spec {
    let credentials = S3Credentials::Static {
        access_key_id: server.access_key().to_owned(),
        secret_access_key: Secret::new(server.secret_key()),
        session_token: None,
    };
    S3Spec { endpoint: Some(server.endpoint()), ..S3Spec::new(BUCKET, credentials) }
}

/// Sends what it is given, however much that is.
fn opened(spec: S3Spec) -> Arc<dyn Bucket> {
    Arc::new(S3Bucket::open(&spec).unwrap())
}
