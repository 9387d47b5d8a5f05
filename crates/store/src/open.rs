use std::sync::Arc;

use crate::{Bucket, BucketSpec, Result, S3Bucket};

/// Opens a bucket. Nothing is sent yet: [`Bucket::probe`] does that.
///
/// # Errors
/// `Configuration`, where the specification cannot work.
pub fn open(spec: &BucketSpec) -> Result<Arc<dyn Bucket>> {
    Ok(match spec {
        BucketSpec::S3(spec) => Arc::new(S3Bucket::open(spec)?),
        _ => return Err(crate::Error::unsupported("be opened")),
    })
}
