use std::sync::Arc;

use crate::{Bucket, BucketSpec, Error, Result};

/// Opens a bucket. Nothing is sent yet: [`Bucket::probe`] does that.
///
/// # Errors
/// `Configuration`, where the specification cannot work.
pub fn open(_spec: &BucketSpec) -> Result<Arc<dyn Bucket>> {
    Err(Error::unsupported("be opened"))
}
