//! What the servers hold, through a client that is not ours.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{
    ClientOptions, ObjectStore, ObjectStoreExt, PutPayload,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};

use super::end::{ACCESS_KEY, BUCKET, SECRET_KEY};

/// Requests under way at once.
pub(crate) const AT_ONCE: usize = 64;

/// Size and ETag by key below a prefix.
pub(crate) type Listing = BTreeMap<String, (u64, Option<String>)>;

/// A client of the bucket at an endpoint.
///
/// # Errors
/// It cannot be built.
pub(crate) fn open(endpoint: &str) -> Result<AmazonS3> {
    // Our reqwest brings no TLS of its own. A second call finds the first one's choice.
    rustls::crypto::ring::default_provider().install_default().ok();
    let store = AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_region("us-east-1")
        .with_bucket_name(BUCKET)
        .with_access_key_id(ACCESS_KEY)
        .with_secret_access_key(SECRET_KEY)
        .with_unsigned_payload(true)
        .with_client_options(ClientOptions::new().with_allow_http(true))
        .build()?;
    Ok(store)
}

/// Writes `objects` different objects of `size` bytes below `prefix`.
///
/// # Errors
/// The server's.
pub(crate) async fn fill(store: &AmazonS3, prefix: &str, objects: u64, size: usize) -> Result<()> {
    let puts = (0..objects).map(|n| async move {
        let key = Path::from(format!("{prefix}/{:03}/{n:08}", n % 100));
        store.put(&key, PutPayload::from(content(n, size))).await.map(drop)
    });
    stream::iter(puts).buffer_unordered(AT_ONCE).try_collect::<()>().await.context("write the source's objects")
}

/// Bytes that neither repeat nor compress (xorshift64*).
fn content(seed: u64, size: usize) -> Vec<u8> {
    let mut state = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// Everything below `prefix`, by the rest of its key.
///
/// # Errors
/// The server's.
pub(crate) async fn listing(store: &AmazonS3, prefix: &str) -> Result<Listing> {
    let prefix = Path::from(prefix);
    let mut listing = Listing::new();
    let mut entries = store.list(Some(&prefix));
    while let Some(entry) = entries.try_next().await.with_context(|| format!("list {prefix}"))? {
        let key = entry.location.as_ref().strip_prefix(prefix.as_ref()).unwrap_or(entry.location.as_ref());
        listing.insert(key.to_owned(), (entry.size, entry.e_tag));
    }
    Ok(listing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_objects_are_alike() {
        let all: std::collections::BTreeSet<_> = (0..1000).map(|n| content(n, 64)).collect();
        assert_eq!((all.len(), all.first().map(Vec::len)), (1000, Some(64)));
    }
}
