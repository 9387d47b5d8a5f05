//! From what the two servers say to a verdict.

use bytes::Bytes;
use futures::TryStreamExt;
use transship_store::{Bucket, Error, ErrorKind, GetOptions, ObjectInfo, PutReply, Result, retry};
use transship_types::{Algorithm, Digest, ETag, Strength};
use transship_verify::{Hasher, same_content};

use crate::{
    read::{Source, insist},
    write::Writer,
};

/// The source's own ETag, where it can be a digest.
pub(crate) fn source_etag(source: &dyn Bucket, info: &ObjectInfo) -> Option<ETag> {
    let comparable = source.capabilities().etag_may_be_md5 && !info.opaque_etag;
    info.etag.clone().filter(|_| comparable)
}

/// The destination's ETag, where it can be a digest.
fn written_etag<'a>(writer: &Writer, reply: &'a PutReply) -> Option<&'a ETag> {
    let comparable = writer.destination.bucket.capabilities().etag_may_be_md5 && !reply.opaque_etag;
    reply.etag.as_ref().filter(|_| comparable)
}

/// Both servers computed the same digest over the bytes that they hold.
pub(crate) fn servers_agree(theirs: Option<&ETag>, writer: &Writer, reply: &PutReply) -> Option<Strength> {
    let ours = written_etag(writer, reply);
    if same_content(theirs, ours) != Some(true) {
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

async fn digest_of(body: impl futures::Stream<Item = Result<Bytes>>) -> Result<Digest> {
    let hash = |mut hasher: Hasher, chunk: Bytes| async move {
        hasher.update(&chunk);
        Ok(hasher)
    };
    Ok(body.try_fold(Hasher::md5(), hash).await?.finish())
}

/// Reads back what was written and compares it with `expected`.
///
/// # Errors
/// `DigestMismatch`, where other bytes are there: the wrong object was taken away again. `Conflict`, where somebody
/// else wrote there meanwhile, whose object stays.
pub(crate) async fn reread(source: &Source, writer: &Writer, reply: &PutReply, expected: &Digest) -> Result<Strength> {
    let (ours, found) = match read_back(source, writer, reply.etag.as_ref()).await {
        // Not the ETag that the server told: its word is wrong, or the object is not ours.
        Err(error) if error.kind() == ErrorKind::PreconditionFailed => {
            (Err(error), read_back(source, writer, None).await?)
        }
        found => (Ok(()), found?),
    };
    if found == *expected {
        return Ok(Strength::Reread);
    }
    ours?;
    let bucket = &writer.destination.bucket;
    let taken_back = match take_back(source, writer).await {
        Ok(()) => "it was deleted again".to_owned(),
        Err(error) => format!("it could not be deleted: {error}"),
    };
    let detail = format!("the destination holds other bytes than were sent ({found}, sent {expected}): {taken_back}");
    Err(Error::new(ErrorKind::DigestMismatch, detail).during("verify", bucket.location(), Some(writer.key())))
}

async fn read_back(source: &Source, writer: &Writer, etag: Option<&ETag>) -> Result<Digest> {
    let options = &GetOptions { if_match: etag.cloned(), ..GetOptions::default() };
    let bucket = &writer.destination.bucket;
    insist(&source.retry, |_| async move { digest_of(bucket.get(writer.key(), options).await?.body).await }).await
}

/// A wrong object must not be taken for a good one.
async fn take_back(source: &Source, writer: &Writer) -> Result<()> {
    let (bucket, key) = (&writer.destination.bucket, writer.key());
    let delete = |_| async move {
        let deleted = bucket.delete(std::slice::from_ref(key)).await?;
        deleted.into_iter().try_for_each(|deleted| deleted.result)
    };
    let deleted = retry(&source.retry, delete).await;
    if let Err(error) = &deleted {
        tracing::error!(%error, %key, "a wrong copy could not be deleted");
    }
    deleted
}
