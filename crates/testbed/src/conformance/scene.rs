use std::{fmt::Debug, sync::Arc};

use anyhow::{Context, Result, bail, ensure};
use bytes::Bytes;
use futures::TryStreamExt;
use md5::{Digest as _, Md5};
use transship_store::{Body, Bucket, Error, ErrorKind, GetOptions, ListRequest, PutOptions, PutReply};
use transship_types::{Algorithm, Digest, Entry, Key};

use super::profile::{Door, Doors};

/// Where one case plays: a bucket, and a prefix in it that no other case uses.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) bucket: Arc<dyn Bucket>,
    /// Ends in `/`.
    pub(super) prefix: String,
    doors: Doors,
}

impl Scene {
    pub(super) fn new(bucket: Arc<dyn Bucket>, prefix: String, doors: Doors) -> Self {
        Self { bucket, prefix, doors }
    }

    /// Cases that ask for a door are chosen only where it is there.
    pub(super) fn door(&self, door: Door) -> Result<Arc<dyn Bucket>> {
        self.doors.get(door).cloned().with_context(|| format!("no such door: {door:?}"))
    }

    pub(super) fn key(&self, name: &str) -> Key {
        Key::from(format!("{}{name}", self.prefix))
    }

    pub(super) async fn put(&self, name: &str, bytes: impl Into<Bytes>) -> Result<PutReply> {
        self.put_with(name, bytes, &PutOptions::default()).await
    }

    pub(super) async fn put_with(&self, name: &str, bytes: impl Into<Bytes>, options: &PutOptions) -> Result<PutReply> {
        Ok(self.bucket.put(&self.key(name), Body::bytes(bytes), options).await?)
    }

    pub(super) async fn read(&self, name: &str) -> Result<Bytes> {
        read(&*self.bucket, &self.key(name), &GetOptions::default()).await
    }

    /// The names under the scene's prefix, in the listing's order.
    pub(super) async fn names(&self) -> Result<Vec<String>> {
        let request = ListRequest { prefix: self.prefix.clone(), ..ListRequest::default() };
        let entries = list(&*self.bucket, &request).await?;
        let name = |entry: Entry| entry.key.strip_prefix(&self.prefix).map(|key| key.as_str().to_owned());
        entries.into_iter().map(|entry| name(entry).context("listed outside of the prefix")).collect()
    }

    /// Nothing is under the scene's prefix.
    pub(super) async fn is_empty(&self) -> Result<()> {
        let names = self.names().await?;
        ensure!(names.is_empty(), "something was left: {names:?}");
        Ok(())
    }
}

/// All entries of a listing, from all of its pages.
pub(super) async fn list(bucket: &dyn Bucket, request: &ListRequest) -> Result<Vec<Entry>> {
    let (mut entries, mut cursor) = (Vec::new(), None);
    loop {
        let page = bucket.list_page(request, cursor).await?;
        entries.extend(page.entries);
        cursor = page.next;
        if cursor.is_none() {
            return Ok(entries);
        }
    }
}

/// The bytes of an object; as many as the reply announced.
pub(super) async fn read(bucket: &dyn Bucket, key: &Key, options: &GetOptions) -> Result<Bytes> {
    let reply = bucket.get(key, options).await?;
    let chunks: Vec<Bytes> = reply.body.try_collect().await?;
    let bytes = chunks.concat();
    ensure!(bytes.len() as u64 == reply.length, "announced {} bytes, sent {}", reply.length, bytes.len());
    Ok(bytes.into())
}

/// The operation was refused as `kind`, with the class that the kind has.
pub(super) fn refused<T: Debug>(result: transship_store::Result<T>, kind: ErrorKind) -> Result<Error> {
    match result {
        Ok(value) => bail!("expected {kind:?}, but it went through: {value:?}"),
        Err(error) if error.kind() != kind => {
            let got = error.kind();
            Err(anyhow::Error::new(error).context(format!("expected {kind:?}, got {got:?}")))
        }
        Err(error) => {
            ensure!(error.class() == kind.class(), "{kind:?} is {:?}, but: {error}", kind.class());
            Ok(error)
        }
    }
}

/// Bytes that look random and are the same every time.
pub(super) fn noise(seed: u64, length: usize) -> Bytes {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

pub(super) fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}

/// The digest that belongs to `bytes`.
pub(super) fn digest(algorithm: Algorithm, bytes: &[u8]) -> Result<Digest> {
    use crc_fast::{CrcAlgorithm, checksum};
    let crc32 = |which| u32::try_from(checksum(which, bytes)).map(|crc| crc.to_be_bytes().to_vec());
    let bytes = match algorithm {
        Algorithm::Md5 => md5(bytes).to_vec(),
        Algorithm::Sha256 => sha2::Sha256::digest(bytes).to_vec(),
        Algorithm::Crc32 => crc32(CrcAlgorithm::Crc32IsoHdlc)?,
        Algorithm::Crc32c => crc32(CrcAlgorithm::Crc32Iscsi)?,
        Algorithm::Crc64nvme => checksum(CrcAlgorithm::Crc64Nvme, bytes).to_be_bytes().to_vec(),
        other => bail!("no digest {other:?} here"),
    };
    Ok(Digest { algorithm, bytes })
}

/// 5 MiB: the least that a part other than the last may have at S3.
pub(super) const MIB_5: usize = 5 << 20;
