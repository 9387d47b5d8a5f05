use std::sync::Arc;

use transship_store::Bucket;
use transship_types::Key;

/// A bucket, and the prefix below which keys count. Ranges are relative to the prefix.
#[derive(Clone, Debug)]
pub struct Side {
    /// The bucket.
    pub bucket: Arc<dyn Bucket>,
    /// What every key starts with. It need not end in `/`.
    pub prefix: String,
}

impl Side {
    /// Everything in a bucket.
    pub fn new(bucket: Arc<dyn Bucket>) -> Self {
        Self { bucket, prefix: String::new() }
    }

    /// A key without the prefix. The whole key where it does not start with it.
    pub fn relative<'k>(&self, key: &'k Key) -> &'k str {
        key.as_str().strip_prefix(&self.prefix).unwrap_or(key.as_str())
    }
}
