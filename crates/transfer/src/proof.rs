//! From what the two servers say to a verdict.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt};
use transship_store::{Bucket, Error, ErrorKind, GetOptions, ObjectInfo, PutReply, Result};
use transship_types::{Algorithm, Digest, Key, Strength};
use transship_verify::{Claim, ETagHasher, Hasher, same_content};

use crate::{read::Source, write::Writer};

/// The source's own ETag, where it can be a digest.
pub(crate) fn source_etag(source: &dyn Bucket, info: &ObjectInfo) -> Option<transship_types::ETag> {
    let comparable = source.capabilities().etag_may_be_md5 && !info.opaque_etag;
    info.etag.clone().filter(|_| comparable)
}

/// The destination's ETag, where it can be a digest.
fn written_etag<'a>(writer: &Writer, reply: &'a PutReply) -> Option<&'a transship_types::ETag> {
    let comparable = writer.destination.bucket.capabilities().etag_may_be_md5 && !reply.opaque_etag;
    reply.etag.as_ref().filter(|_| comparable)
}

/// Both servers computed the same digest over the bytes that they hold.
pub(crate) fn servers_agree(source: &Source, info: &ObjectInfo, writer: &Writer, reply: &PutReply) -> Option<Strength> {
    let theirs = source_etag(&*source.bucket, info);
    let ours = written_etag(writer, reply);
    if same_content(theirs.as_ref(), ours) != Some(true) {
        return None;
    }
    Some(if ours.is_some_and(|e| e.md5().is_some()) { Strength::Md5 } else { Strength::MultipartEtag })
}

/// The destination computed the digest of the bytes that were sent.
pub(crate) fn destination_agrees(writer: &Writer, reply: &PutReply, sent: &Digest) -> Option<Strength> {
    let etag = written_etag(writer, reply).and_then(|e| e.md5());
    if sent.algorithm == Algorithm::Md5 && etag.is_some_and(|e| e[..] == sent.bytes[..]) {
        return Some(Strength::Md5);
    }
    None
}

/// Checks the bytes that were read against the source's own digest.
///
/// # Errors
/// `DigestMismatch`, where a second reading gives other bytes than the first one.
pub(crate) async fn source_agrees(source: &Source, info: &ObjectInfo, hasher: ETagHasher) -> Result<Digest> {
    let (claim, md5) = hasher.finish_with_md5();
    let whole = source_etag(&*source.bucket, info).is_some_and(|e| e.md5().is_some());
    if claim == Claim::Unproven && whole {
        // Some servers give ETags that only look like an MD5. Reading twice tells them from damage on the way.
        tracing::debug!(key = %source.key, "the source's ETag is not the MD5 of what was read: reading again");
        let again = digest_of_source(source, info).await?;
        if again != md5 {
            let detail = "two readings of the source gave different bytes";
            return Err(Error::new(ErrorKind::DigestMismatch, detail).during(
                "read",
                source.bucket.location(),
                Some(&source.key),
            ));
        }
    }
    Ok(md5)
}

/// Reads the source again and hashes it.
pub(crate) async fn digest_of_source(source: &Source, info: &ObjectInfo) -> Result<Digest> {
    source.reads.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let mut body = source.range(0..info.size, info.etag.as_ref()).await?;
    let mut hasher = Hasher::md5();
    while let Some(chunk) = body.try_next().await? {
        hasher.update(&chunk);
    }
    Ok(hasher.finish())
}

/// Reads back what was written and compares it with `expected`.
///
/// # Errors
/// `DigestMismatch`, where other bytes are there: the wrong object was taken away again.
pub(crate) async fn reread(source: &Source, writer: &Writer, reply: &PutReply, expected: &Digest) -> Result<Strength> {
    let bucket = &writer.destination.bucket;
    let options = GetOptions { if_match: reply.etag.clone(), ..GetOptions::default() };
    let read = || async {
        let mut body = bucket.get(writer.key(), &options).await?.body;
        let mut hasher = Hasher::md5();
        while let Some(chunk) = body.next().await {
            hasher.update(&chunk?);
        }
        Ok(hasher.finish())
    };
    let found = transship_store::retry(&source.retry, |_| read()).await?;
    if found == *expected {
        return Ok(Strength::Reread);
    }
    take_back(bucket, writer.key()).await;
    let detail = format!("the destination holds other bytes than were sent ({found}, sent {expected}): deleted again");
    Err(Error::new(ErrorKind::DigestMismatch, detail).during("verify", bucket.location(), Some(writer.key())))
}

/// A wrong object must not be taken for a good one.
async fn take_back(bucket: &Arc<dyn Bucket>, key: &Key) {
    if let Err(error) = bucket.delete(std::slice::from_ref(key)).await {
        tracing::error!(%error, key = %key, "a wrong copy could not be deleted");
    }
}
