//! S3, Ceph, OCI, MinIO and the like, spoken directly.
mod credentials;

/// An S3 bucket.
#[derive(Debug)]
pub struct S3Bucket;
/// The connection pool and signer that buckets share.
#[derive(Debug)]
pub struct S3Client;
