//! From what the two servers say to a verdict.

use std::{fmt, pin::pin};

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use transship_store::{Bucket, Error, ErrorKind, GetOptions, ObjectInfo, PutReply, Result, retry};
use transship_types::{Algorithm, Digest, ETag, Strength};
use transship_verify::{Claim, ETagHasher, PartDigests, same_content};

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

/// What is known of bytes that were sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    /// Their MD5, where it was computed.
    md5: Option<Digest>,
    /// The `md5-N` ETag that they give in parts, where they went so and were hashed.
    etag: Option<ETag>,
    /// Bytes of each part.
    lengths: Vec<u64>,
}

impl Sent {
    pub(crate) fn whole(md5: Digest, bytes: u64) -> Self {
        Self { md5: Some(md5), etag: None, lengths: vec![bytes] }
    }

    pub(crate) fn in_parts(md5: Option<Digest>, parts: &[[u8; 16]], lengths: Vec<u64>) -> Self {
        let etag = (!parts.is_empty()).then(|| PartDigests::combine(parts));
        Self { md5, etag, lengths }
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.lengths.iter().sum()
    }

    /// What the new object's ETag must be, where it was written in parts.
    pub(crate) fn etag(&self) -> Option<&ETag> {
        self.etag.as_ref()
    }

    /// Whether these are the bytes, and what they are called.
    async fn is(&self, body: impl Stream<Item = Result<Bytes>>) -> Result<(bool, String)> {
        let mut hasher = match (&self.md5, &self.etag) {
            (None, Some(etag)) => ETagHasher::in_parts(Some(etag), &self.lengths),
            _ => ETagHasher::new(None, 0),
        };
        let mut body = pin!(body);
        while let Some(chunk) = body.try_next().await? {
            hasher.update(&chunk);
        }
        let (claim, found) = hasher.finish_with_md5();
        let same = self.md5.as_ref().map_or(claim == Claim::Proven, |md5| *md5 == found);
        Ok((same, found.to_string()))
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.md5, &self.etag) {
            (Some(md5), _) => md5.fmt(f),
            (None, Some(etag)) => write!(f, "parts with the ETag {}", etag.as_str()),
            (None, None) => write!(f, "{} bytes", self.bytes()),
        }
    }
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
pub(crate) fn destination_agrees(writer: &Writer, reply: &PutReply, sent: &Sent) -> Option<Strength> {
    let etag = written_etag(writer, reply)?;
    if sent.etag.as_ref() == Some(etag) {
        return Some(Strength::MultipartEtag);
    }
    let md5 = sent.md5.as_ref().filter(|md5| md5.algorithm == Algorithm::Md5)?;
    etag.md5().is_some_and(|etag| etag[..] == md5.bytes[..]).then_some(Strength::Md5)
}

/// Reads back what was written and compares it with what was `sent`.
///
/// # Errors
/// `DigestMismatch`, where other bytes are there: the wrong object was taken away again. `Conflict`, where somebody
/// else wrote there meanwhile, whose object stays.
pub(crate) async fn reread(source: &Source, writer: &Writer, reply: &PutReply, sent: &Sent) -> Result<Strength> {
    let (ours, (is_sent, found)) = match read_back(source, writer, sent, reply.etag.as_ref()).await {
        // Not the ETag that the server told: its word is wrong, or the object is not ours.
        Err(error) if error.kind() == ErrorKind::PreconditionFailed => {
            (Err(error), read_back(source, writer, sent, None).await?)
        }
        found => (Ok(()), found?),
    };
    if is_sent {
        return Ok(Strength::Reread);
    }
    ours?;
    let bucket = &writer.destination.bucket;
    let taken_back = match take_back(source, writer).await {
        Ok(()) => "it was deleted again".to_owned(),
        Err(error) => format!("it could not be deleted: {error}"),
    };
    let detail = format!("the destination holds other bytes than were sent ({found}, sent {sent}): {taken_back}");
    Err(Error::new(ErrorKind::DigestMismatch, detail).during("verify", bucket.location(), Some(writer.key())))
}

async fn read_back(source: &Source, writer: &Writer, sent: &Sent, etag: Option<&ETag>) -> Result<(bool, String)> {
    let options = &GetOptions { if_match: etag.cloned(), ..GetOptions::default() };
    let bucket = &writer.destination.bucket;
    insist(&source.retry, |_| async move { sent.is(bucket.get(writer.key(), options).await?.body).await }).await
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
