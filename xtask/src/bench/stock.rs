//! What a source holds, and a client that is not ours to write and read it with.

use anyhow::{Context, Result};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{
    ClientOptions, MultipartUpload, ObjectStoreExt, PutPayload,
    aws::{AmazonS3, AmazonS3Builder},
    path::Path,
};
use serde::{Deserialize, Serialize};

use super::{
    end::{ACCESS_KEY, SECRET_KEY},
    place::Place,
};

/// Requests under way at once.
pub(crate) const AT_ONCE: usize = 64;

/// The objects of a source.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stock {
    /// Objects of one size, each written in one part.
    Alike { count: u64, size: u64 },
    /// Objects of one size, each written in parts.
    Parts { count: u64, size: u64, part: u64 },
    /// Sizes from one byte to the largest, as many below 2 KiB as between 2 KiB and 4 MiB: log-uniform.
    Mixed { count: u64, largest: u64 },
    /// gzip archives of about this size.
    Archives { count: u64, size: u64 },
    /// Objects that the testbed's server lists without holding them, the same in both buckets. Keys have 42 characters and
    /// so many more.
    Numbered {
        count: u64,
        #[serde(default)]
        padding: usize,
        /// Bytes of each; all hold the same.
        size: u64,
    },
}

impl Stock {
    /// How many objects there are.
    pub(crate) fn count(self) -> u64 {
        match self {
            Self::Alike { count, .. }
            | Self::Parts { count, .. }
            | Self::Mixed { count, .. }
            | Self::Archives { count, .. }
            | Self::Numbered { count, .. } => count,
        }
    }

    /// The key of an object below the source's prefix.
    pub(crate) fn key(self, n: u64) -> String {
        let ending = if matches!(self, Self::Archives { .. }) { ".csv.gz" } else { "" };
        format!("{:03}/{n:08}{ending}", n % 100)
    }

    /// The bytes of an object. Archives have no size of their own: that of the text in them counts.
    pub(crate) fn size(self, n: u64) -> u64 {
        match self {
            Self::Alike { size, .. } | Self::Parts { size, .. } | Self::Archives { size, .. } => size,
            Self::Mixed { largest, .. } => log_uniform(n, largest),
            Self::Numbered { size, .. } => size,
        }
    }
}

/// Between one and `largest`, decided by the number.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // far below 2^53
fn log_uniform(n: u64, largest: u64) -> u64 {
    let random = (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let random = (random ^ (random >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let fraction = (random >> 11) as f64 / (1_u64 << 53) as f64;
    ((largest as f64).powf(fraction) as u64).clamp(1, largest)
}

/// A client of a bucket.
///
/// # Errors
/// It cannot be built.
pub(crate) fn open(place: &Place) -> Result<AmazonS3> {
    // Our reqwest brings no TLS of its own. A second call finds the first one's choice.
    rustls::crypto::ring::default_provider().install_default().ok();
    // The whole time of a request counts by default, and a large object on a busy machine takes longer.
    let options = ClientOptions::new().with_allow_http(true).with_timeout_disabled();
    let store = AmazonS3Builder::new()
        .with_endpoint(&place.endpoint)
        .with_region("us-east-1")
        .with_bucket_name(&place.bucket)
        .with_access_key_id(ACCESS_KEY)
        .with_secret_access_key(SECRET_KEY)
        .with_unsigned_payload(true)
        .with_client_options(options)
        .build()?;
    Ok(store)
}

/// Writes the objects through the front door, as any server takes them.
///
/// # Errors
/// The server's.
pub(crate) async fn write(stock: Stock, place: &Place) -> Result<()> {
    let store = &open(place)?;
    let at_once = if stock.size(0) > 1 << 20 { 4 } else { AT_ONCE };
    let puts = (0..stock.count()).map(|n| async move {
        let key = Path::from(format!("{}/{}", place.prefix, stock.key(n)));
        let bytes = content(n, usize::try_from(stock.size(n)).unwrap_or(usize::MAX));
        match stock {
            Stock::Parts { part, .. } => in_parts(store, &key, bytes, usize::try_from(part)?).await,
            _ => Ok(store.put(&key, PutPayload::from(bytes)).await.map(drop)?),
        }
    });
    stream::iter(puts).buffer_unordered(at_once).try_collect::<()>().await.context("write the source's objects")
}

async fn in_parts(store: &AmazonS3, key: &Path, bytes: Bytes, part: usize) -> Result<()> {
    let mut upload = store.put_multipart(key).await?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let next = rest.split_to(part.min(rest.len()));
        upload.put_part(next.into()).await?;
    }
    upload.complete().await?;
    Ok(())
}

/// Bytes that neither repeat nor compress (xorshift64*).
fn content(seed: u64, size: usize) -> Bytes {
    let mut state = (seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(size);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_objects_are_alike() {
        let all: std::collections::BTreeSet<_> = (0..1000).map(|n| content(n, 64)).collect();
        assert_eq!((all.len(), all.first().map(Bytes::len)), (1000, Some(64)));
    }

    #[test]
    fn sizes_are_spread_evenly_over_the_orders_of_magnitude() {
        let stock = Stock::Mixed { count: 4000, largest: 16 << 20 };
        let sizes: Vec<_> = (0..4000).map(|n| stock.size(n)).collect();
        for power in 0..6 {
            let within = sizes.iter().filter(|size| (1 << (4 * power)..1 << (4 * power + 4)).contains(*size)).count();
            assert!((560..780).contains(&within), "{within} of 4000 from 2^{}", 4 * power);
        }
    }
}
