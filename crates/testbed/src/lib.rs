//! In-memory S3 server with fault hooks, real servers and conformance suites, for tests.

pub mod conformance;
pub mod s3;
pub mod servers;
pub mod smtp;
