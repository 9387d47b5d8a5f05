use std::sync::Arc;

use crate::{Bucket, BucketSpec, ObjectStoreBucket, Result, S3Bucket, congestion::AdaptiveBucket};

/// Opens a bucket. Nothing is sent yet: [`Bucket::probe`] does that.
///
/// What is behind a network gets as many requests at once, and a second, as it can take, however many callers there are:
/// others wait. That is decided for each bucket that is opened, apart for reads, writes, copies, listings and deletions, so the
/// same one is to be used for all that is done there. Requests still fail where the store refuses them. One that was begun
/// must be polled to its end or dropped, because others may wait for it: a stream of requests that is left alone while
/// another one is waited for belongs on a task.
///
/// # Errors
/// `Configuration`, where the specification cannot work.
pub fn open(spec: &BucketSpec) -> Result<Arc<dyn Bucket>> {
    let remote: Arc<dyn Bucket> = match spec {
        BucketSpec::S3(spec) => Arc::new(S3Bucket::open(spec)?),
        BucketSpec::Azure(spec) => Arc::new(ObjectStoreBucket::azure(spec)?),
        BucketSpec::Gcs(spec) => Arc::new(ObjectStoreBucket::gcs(spec)?),
        BucketSpec::Local(spec) => return Ok(Arc::new(ObjectStoreBucket::local(spec)?)),
        BucketSpec::Memory(name) => return Ok(Arc::new(ObjectStoreBucket::memory(name))),
    };
    Ok(Arc::new(AdaptiveBucket::over(remote)))
}
