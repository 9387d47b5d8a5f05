//! Copies that the server makes by itself: no bytes come through here.

use futures::{StreamExt, TryStreamExt, stream};
use transship_store::{Condition, CopySource, Error, ErrorKind, ObjectInfo, Part, PutOptions, Result};
use transship_types::{ETag, Entry, Strength};
use transship_verify::{PartDigests, part_sizes, same_content};

use crate::{
    Done,
    complete::{abort, complete},
    read::{Source, insist},
    write::Writer,
};

const PARTS_AT_ONCE: usize = 8;

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

/// Copies on the server, in the source's own parts where it has any, so that the ETags can be compared.
pub(crate) async fn copy(source: &Source, entry: &Entry, from: &CopySource, writer: &Writer) -> Result<Done> {
    let parts = entry.etag.as_ref().and_then(|e| e.parts());
    let bucket = &writer.destination.bucket;
    let etag = if parts.is_some() || entry.size > bucket.capabilities().max_copy {
        in_parts(source, entry, from, writer, part_size(source, entry, parts).await).await?
    } else {
        let options = writer.placement();
        let copy = insist(&source.retry, |_| bucket.copy(from, writer.key(), &options));
        source.unless_stopped(copy).await?.etag
    };
    let verified = match same_content(entry.etag.as_ref(), etag.as_ref()) {
        Some(true) if parts.is_some() => Strength::MultipartEtag,
        Some(true) => Strength::Md5,
        _ => {
            check_source(source, entry).await?;
            check_size(source, entry, writer).await?
        }
    };
    Ok(Done::Copied { verified, bytes: entry.size, etag, on_server: true })
}

/// The source's own part size: its first part tells, where the server can say; otherwise the likeliest.
async fn part_size(source: &Source, entry: &Entry, parts: Option<u32>) -> u64 {
    let Some(parts) = parts else { return LARGE_PART };
    let told = match &entry.etag {
        Some(etag) => source.first_part(etag).await.ok().map(|reply| reply.length),
        None => None,
    };
    told.filter(|length| *length > 0 && entry.size.div_ceil(*length) == u64::from(parts))
        .or_else(|| part_sizes(entry.size, parts).first().copied())
        .unwrap_or(LARGE_PART)
}

async fn in_parts(
    source: &Source,
    entry: &Entry,
    from: &CopySource,
    writer: &Writer,
    part_size: u64,
) -> Result<Option<transship_types::ETag>> {
    let bucket = &*writer.destination.bucket;
    // A multipart copy carries nothing along by itself.
    let info = check_source(source, entry).await?;
    let tags =
        if info.tag_count > 0 { insist(&source.retry, |_| source.bucket.tags(&source.key)).await? } else { Vec::new() };
    let options = writer.options(entry, &info, &tags);
    let upload = insist(&source.retry, |_| bucket.create_upload(writer.key(), &options)).await?;
    let ranges = (0u64..).map(|n| n * part_size).take_while(|start| *start < entry.size);
    let numbered: Vec<_> = (1u32..).zip(ranges).collect();
    let run = async {
        let mut parts: Vec<_> = stream::iter(numbered)
            .map(|(number, start)| {
                let (range, upload) = (start..(start + part_size).min(entry.size), &upload);
                async move { insist(&source.retry, |_| bucket.copy_part(from, range.clone(), upload, number)).await }
            })
            .buffer_unordered(PARTS_AT_ONCE)
            .try_collect()
            .await?;
        parts.sort_by_key(|p: &Part| p.number);
        // Some servers ignore the condition on the source, and parts of two objects would make a third one.
        if combined(&parts).as_ref() != entry.etag.as_ref() {
            check_source(source, entry).await?;
        }
        let condition = PutOptions { condition: options.condition.clone(), ..PutOptions::default() };
        complete(bucket, &source.retry, &upload, &parts, &condition, entry.etag.as_ref()).await
    };
    match source.unless_stopped(run).await {
        Ok(reply) => Ok(reply.etag),
        Err(error) => {
            abort(bucket, &source.retry, &upload).await;
            Err(error)
        }
    }
}

/// The ETag that these parts give an object, where their own are digests.
fn combined(parts: &[Part]) -> Option<ETag> {
    let digests = parts.iter().map(|part| part.etag.md5()).collect::<Option<Vec<_>>>()?;
    Some(PartDigests::combine(&digests))
}

/// Ranges of another object than the one that is known would make a piece of it.
async fn check_source(source: &Source, entry: &Entry) -> Result<ObjectInfo> {
    let info = insist(&source.retry, |_| source.bucket.head(&source.key)).await?;
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
