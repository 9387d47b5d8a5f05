//! Whether what arrived is what was sent: the same question for everybody, asked through a client that is not ours.
//!
//! ETags at the destination are digests of what that server received. Where one is not the source's own, because the
//! object was written in other parts or unpacked, it is computed from the source's bytes for the parts it tells of.

use std::{
    collections::{BTreeMap, HashMap},
    io::Read as _,
};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use futures::{StreamExt, TryStreamExt, stream};
use md5::{Digest, Md5};
use object_store::{ObjectStore, ObjectStoreExt, aws::AmazonS3, path::Path};

use super::{place::Place, stock::open};

const MIB: u64 = 1 << 20;

/// An object in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Bytes.
    pub(crate) size: u64,
    /// Without quotes.
    pub(crate) etag: String,
}

/// Everything at a place, by the rest of its key.
///
/// # Errors
/// The server's.
pub(crate) async fn listing(place: &Place) -> Result<BTreeMap<String, Listed>> {
    let (store, prefix) = (open(place)?, Path::from(&*place.prefix));
    let mut listing = BTreeMap::new();
    let mut entries = store.list(Some(&prefix));
    while let Some(entry) = entries.try_next().await.with_context(|| format!("list {place}"))? {
        let key = entry.location.as_ref().strip_prefix(prefix.as_ref()).unwrap_or(entry.location.as_ref());
        let etag = entry.e_tag.unwrap_or_default().trim_matches('"').to_owned();
        listing.insert(key.trim_start_matches('/').to_owned(), Listed { size: entry.size, etag });
    }
    Ok(listing)
}

/// What has to arrive.
pub(crate) struct Expected {
    source: AmazonS3,
    prefix: String,
    objects: BTreeMap<String, Listed>,
    unpacked: bool,
    /// ETags that were computed, by key and bytes of a part; 0 is the whole in one.
    computed: HashMap<(String, u64), Listed>,
}

impl Expected {
    /// Lists the source.
    ///
    /// # Errors
    /// The server's.
    pub(crate) async fn of(source: &Place, unpacked: bool) -> Result<Self> {
        let objects = listing(source).await?;
        let prefix = source.prefix.clone();
        Ok(Self { source: open(source)?, prefix, objects, unpacked, computed: HashMap::new() })
    }

    /// How many objects there are.
    pub(crate) fn count(&self) -> u64 {
        self.objects.len() as u64
    }

    /// Looks at a destination.
    ///
    /// # Errors
    /// An object is missing, is one too many, or is another.
    pub(crate) async fn arrived(&mut self, destination: &Place) -> Result<()> {
        let found = listing(destination).await?;
        ensure!(found.len() == self.objects.len(), "{} objects of {} arrived", found.len(), self.objects.len());
        let sources: Vec<_> = self.objects.iter().map(|(key, listed)| (key.clone(), listed.clone())).collect();
        for (key, sent) in sources {
            let target = if self.unpacked { key.trim_end_matches(".gz") } else { &key };
            let arrived = found.get(target).with_context(|| format!("{target} did not arrive"))?;
            if !self.unpacked && *arrived == sent {
                continue;
            }
            ensure!(self.is(&key, arrived).await?, "{target} is another: {arrived:?}, sent was {sent:?}");
        }
        Ok(())
    }

    /// Whether the object's bytes have this ETag, in parts of some usual size.
    async fn is(&mut self, key: &str, arrived: &Listed) -> Result<bool> {
        for part in likely_parts(arrived)? {
            let known = (key.to_owned(), part);
            if !self.computed.contains_key(&known) {
                let listed = self.digested(key, part).await?;
                self.computed.insert(known.clone(), listed);
            }
            if self.computed.get(&known) == Some(arrived) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn digested(&self, key: &str, part: u64) -> Result<Listed> {
        let reply = self.source.get(&Path::from(format!("{}/{key}", self.prefix))).await?;
        let mut bytes = reply.into_stream().boxed();
        if self.unpacked {
            let packed: Vec<Bytes> = bytes.try_collect().await?;
            let mut text = Vec::new();
            MultiGzDecoder::new(&packed.concat()[..]).read_to_end(&mut text)?;
            bytes = stream::iter([Ok(Bytes::from(text))]).boxed();
        }
        let mut parts = Parts::of(part);
        while let Some(chunk) = bytes.try_next().await? {
            parts.update(&chunk);
        }
        Ok(parts.finish())
    }
}

/// Sizes that the parts behind an ETag may have had: whole MiB that make so many parts of the object; 0 for no parts.
fn likely_parts(listed: &Listed) -> Result<Vec<u64>> {
    let Some((_, count)) = listed.etag.split_once('-') else { return Ok(vec![0]) };
    let count: u64 = count.parse().with_context(|| format!("an ETag of another form: {}", listed.etag))?;
    if count == 0 {
        bail!("an ETag of no parts");
    }
    let fits = |part: &u64| listed.size.div_ceil(*part).max(1) == count;
    let least = (listed.size / count / MIB).max(1);
    let most = if count == 1 { least + 1 } else { listed.size / (count - 1) / MIB + 1 };
    let mut sizes: Vec<_> = (least..=most).map(|mib| mib * MIB).filter(fits).collect();
    // A power of two is the likeliest.
    sizes.sort_by_key(|size| !size.is_power_of_two());
    Ok(sizes)
}

/// The ETag of bytes that come bit by bit.
struct Parts {
    length: u64,
    left: u64,
    size: u64,
    part: Md5,
    digests: Vec<u8>,
}

impl Parts {
    fn of(length: u64) -> Self {
        Self { length, left: length, size: 0, part: Md5::new(), digests: Vec::new() }
    }

    fn update(&mut self, mut bytes: &[u8]) {
        self.size += bytes.len() as u64;
        while self.length > 0 && bytes.len() as u64 > self.left {
            let (end, rest) = bytes.split_at(usize::try_from(self.left).unwrap_or(bytes.len()));
            self.part.update(end);
            self.digests.extend_from_slice(&std::mem::take(&mut self.part).finalize());
            (self.left, bytes) = (self.length, rest);
        }
        self.part.update(bytes);
        self.left = self.left.saturating_sub(bytes.len() as u64);
    }

    fn finish(mut self) -> Listed {
        let last = self.part.finalize();
        if self.length == 0 {
            return Listed { size: self.size, etag: hex::encode(last) };
        }
        self.digests.extend_from_slice(&last);
        let etag = format!("{}-{}", hex::encode(Md5::digest(&self.digests)), self.digests.len() / 16);
        Listed { size: self.size, etag }
    }
}

#[cfg(test)]
mod tests {
    use transship_testbed::s3::StoredObject;

    use super::*;

    #[test]
    fn an_etag_is_that_of_the_parts_however_the_bytes_come() {
        let bytes: Vec<u8> = (0..5_000_000_u32).map(|n| (n % 251) as u8).collect();
        let parts = bytes.chunks(2 << 20).map(|part| Bytes::from(part.to_vec())).collect();
        let expected = StoredObject::in_parts(parts);
        for chunk in [1 << 16, (2 << 20) - 1, 2 << 20, 5_000_000] {
            let mut found = Parts::of(2 << 20);
            bytes.chunks(chunk).for_each(|chunk| found.update(chunk));
            assert_eq!(found.finish(), Listed { size: 5_000_000, etag: expected.etag().to_owned() }, "{chunk}");
        }
    }

    #[test]
    fn part_sizes_follow_from_size_and_number() {
        let sizes = |size: u64, etag: &str| likely_parts(&Listed { size: size * MIB, etag: etag.to_owned() }).unwrap();
        assert_eq!(sizes(64, "x-8"), [8 * MIB, 9 * MIB]);
        assert_eq!(sizes(64, "x-13"), [5 * MIB]);
        assert_eq!(sizes(64, "x"), [0]);
        assert_eq!(sizes(8192, "x-128"), [64 * MIB]);
    }
}
