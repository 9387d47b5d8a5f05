//! Copies that the server makes by itself: no bytes come through here.

use std::sync::atomic::{AtomicU32, Ordering};

use futures::{StreamExt, TryStreamExt, stream};
use transship_store::{Bucket, Condition, CopySource, Error, ErrorKind, ObjectInfo, Part, Result};
use transship_types::{ETag, Entry, Strength};
use transship_verify::{PartDigests, part_sizes, same_content};

use crate::{
    Done,
    read::{Source, insist},
    tags,
    upload::{OpenUpload, PARTS_AT_ONCE},
    write::Writer,
};

/// Part size of objects beyond the limit of a single copy, whose own part size is unknown, in bytes.
const LARGE_PART: u64 = 512 << 20;

/// What the server needs to copy by itself, where it can.
pub(crate) fn copy_source(source: &Source, entry: &Entry, writer: &Writer) -> Option<CopySource> {
    if writer.target.unpack || writer.target.newest_wins {
        return None;
    }
    let mut from = source.bucket.copy_source(&source.key)?;
    let to = writer.destination.bucket.copy_source(writer.key())?;
    let able = writer.destination.bucket.capabilities().max_copy > 0;
    from.if_match = entry.etag.clone();
    (able && from.realm == to.realm).then_some(from)
}

/// One copy by the server.
pub(crate) struct ServerCopy<'a> {
    pub(crate) source: &'a Source,
    pub(crate) entry: &'a Entry,
    pub(crate) from: &'a CopySource,
    pub(crate) writer: &'a Writer,
    /// How often it was asked for, or, of a copy in parts, the part that was asked for most often.
    pub(crate) asked: &'a AtomicU32,
}

impl ServerCopy<'_> {
    /// Copies in the source's own parts where it has any, so that the ETags can be compared.
    ///
    /// The ETag of a copy in parts is made of digests that the server computed over the parts as it wrote them. That of
    /// a copy in one request may be a digest of what was written (AWS) or a mere copy of the source's ETag (Ceph RGW):
    /// nobody can tell, so it is the server's own word, which [`Done::Copied::on_server`] says.
    pub(crate) async fn run(&self) -> Result<Done> {
        let Self { source, entry, writer, .. } = self;
        let parts = entry.etag.as_ref().and_then(|e| e.parts());
        let split = parts.is_none() && entry.size > self.bucket().capabilities().max_copy;
        let (etag, agree) = if parts.is_some() || split {
            self.in_parts(self.part_size(parts).await, split).await?
        } else {
            let options = writer.placement();
            let copy = self.insist(|| self.bucket().copy(self.from, writer.key(), &options));
            (source.unless_stopped(copy).await?.etag, true)
        };
        let verified = match same_content(entry.etag.as_ref(), etag.as_ref()) {
            Some(true) if agree && parts.is_some() => Strength::MultipartEtag,
            Some(true) if agree => Strength::Md5,
            _ => {
                check_source(source, entry).await?;
                check_size(source, entry, writer).await?
            }
        };
        Ok(Done::Copied { verified, bytes: entry.size, etag, on_server: true, split, doubt: None })
    }

    fn bucket(&self) -> &dyn Bucket {
        &*self.writer.destination.bucket
    }

    /// Repeats a request to copy as often as it may be, and counts.
    async fn insist<T, F: Future<Output = Result<T>>>(&self, request: impl Fn() -> F) -> Result<T> {
        let counted = |attempt| {
            self.asked.fetch_max(attempt, Ordering::Relaxed);
            request()
        };
        insist(&self.source.retry, counted).await
    }

    /// The source's own part size: its first part tells, where the server can say; otherwise the likeliest.
    async fn part_size(&self, parts: Option<u32>) -> u64 {
        let (Some(parts), Some(etag)) = (parts, &self.entry.etag) else { return LARGE_PART };
        let told = self.source.part_length(1, etag).await;
        told.filter(|length| *length > 0 && self.entry.size.div_ceil(*length) == u64::from(parts))
            .or_else(|| part_sizes(self.entry.size, parts).first().copied())
            .unwrap_or(LARGE_PART)
    }

    /// The copy's ETag, and whether the parts' own ETags make the source's.
    async fn in_parts(&self, part_size: u64, split: bool) -> Result<(Option<ETag>, bool)> {
        let Self { source, entry, writer, .. } = *self;
        // A multipart copy carries nothing along by itself.
        let info = check_source(source, entry).await?;
        let tags = tags::of_source(source, &info, std::slice::from_ref(writer)).await?;
        let mut options = writer.options(entry, &info, &tags);
        if split {
            options.metadata.extend(writer.note_of_source(&*source.bucket, &info));
        }
        let upload = OpenUpload::start(writer, &source.retry, &options).await?;
        let run = async {
            let parts = self.parts(&upload, part_size).await?;
            // Some servers ignore the condition on the source, and parts of two objects would make a third one.
            let agree = combined(&parts).is_some_and(|etag| entry.etag.as_ref() == Some(&etag));
            if !agree {
                check_source(source, entry).await?;
            }
            Ok((upload.complete(&parts, &options.condition, entry.etag.as_ref()).await?.etag, agree))
        };
        match source.unless_stopped(run).await {
            Ok(copied) => Ok(copied),
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }

    async fn parts(&self, upload: &OpenUpload<'_>, part_size: u64) -> Result<Vec<Part>> {
        let size = self.entry.size;
        let ranges = (0u64..).map(|n| n * part_size).take_while(|start| *start < size);
        let numbered: Vec<_> = (1u32..).zip(ranges).collect();
        let copies = stream::iter(numbered).map(|(number, start)| async move {
            let range = start..(start + part_size).min(size);
            self.insist(|| self.bucket().copy_part(self.from, range.clone(), &upload.upload, number)).await
        });
        let mut parts: Vec<Part> = copies.buffer_unordered(PARTS_AT_ONCE).try_collect().await?;
        parts.sort_by_key(|part| part.number);
        Ok(parts)
    }
}

/// The ETag that these parts give an object, where their own are digests.
fn combined(parts: &[Part]) -> Option<ETag> {
    let digests = parts.iter().map(|part| part.etag.md5()).collect::<Option<Vec<_>>>()?;
    Some(PartDigests::combine(&digests))
}

/// Ranges of another object than the one that is known would make a piece of it.
async fn check_source(source: &Source, entry: &Entry) -> Result<ObjectInfo> {
    let look = insist(&source.retry, |_| source.bucket.head(&source.key));
    let info = source.unless_stopped(look).await?;
    if info.size == entry.size && info.etag == entry.etag {
        return Ok(info);
    }
    let error = Error::new(ErrorKind::PreconditionFailed, "the source has changed meanwhile");
    Err(error.during("copy from", source.bucket.location(), Some(&source.key)))
}

/// The servers' ETags cannot be compared: at least the size must be right.
async fn check_size(source: &Source, entry: &Entry, writer: &Writer) -> Result<Strength> {
    let bucket = &writer.destination.bucket;
    let found = insist(&source.retry, |_| bucket.head(writer.key())).await?.size;
    if found == entry.size {
        return Ok(Strength::Size);
    }
    let detail = format!("the server's copy has {found} bytes, the source has {}", entry.size);
    Err(Error::new(ErrorKind::Truncated, detail).during("verify", bucket.location(), Some(writer.key())))
}

/// Whether the bytes should come through here after all.
pub(crate) fn should_stream_instead(error: &Error, condition: &Condition) -> bool {
    let refused = matches!(error.kind(), ErrorKind::AccessDenied | ErrorKind::Unsupported | ErrorKind::InvalidRequest);
    let changed = error.kind() == ErrorKind::PreconditionFailed && *condition == Condition::Always;
    refused || changed
}
