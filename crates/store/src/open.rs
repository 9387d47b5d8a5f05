use std::sync::Arc;

use crate::{Bucket, BucketSpec, ObjectStoreBucket, Result, S3Bucket};

/// Opens a bucket. Nothing is sent yet: [`Bucket::probe`] does that.
///
/// # Errors
/// `Configuration`, where the specification cannot work.
pub fn open(spec: &BucketSpec) -> Result<Arc<dyn Bucket>> {
    Ok(match spec {
        BucketSpec::S3(spec) => Arc::new(S3Bucket::open(spec)?),
        BucketSpec::Azure(spec) => Arc::new(ObjectStoreBucket::azure(spec)?),
        BucketSpec::Gcs(spec) => Arc::new(ObjectStoreBucket::gcs(spec)?),
        BucketSpec::Local(spec) => Arc::new(ObjectStoreBucket::local(spec)?),
        BucketSpec::Memory(name) => Arc::new(ObjectStoreBucket::memory(name)),
    })
}
