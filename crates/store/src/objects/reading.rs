//! Looking at objects and reading them.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Seek, SeekFrom},
    ops::Range,
};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{
    Attribute, Attributes as TheirAttributes, GetOptions as TheirGetOptions, GetRange, GetResult, GetResultPayload,
    ObjectMeta, ObjectStore, path::Path,
};
use time::OffsetDateTime;
use transship_types::ETag;

use super::{
    digest::TrustedDigests,
    failure::{explain, io_error},
};
use crate::{
    Attributes, ByteStream, Error, ErrorKind, GetOptions, GetReply, ObjectInfo, Result,
    s3::{SOURCE_TIME, parse_source_time},
};

/// How much of a file is read at once, in bytes.
const FILE_CHUNK: u64 = 256 << 10;

pub(super) async fn head(store: &dyn ObjectStore, path: &Path) -> Result<ObjectInfo> {
    let options = TheirGetOptions { head: true, ..TheirGetOptions::default() };
    let found = store.get_opts(path, options).await.map_err(|e| explain(&e))?;
    Ok(info(&found))
}

pub(super) async fn get(store: &dyn ObjectStore, path: &Path, options: &GetOptions) -> Result<GetReply> {
    if options.part_number.is_some() {
        return Err(Error::unsupported("read a single part"));
    }
    let theirs = TheirGetOptions {
        range: options.range.clone().map(GetRange::Bounded),
        if_match: options.if_match.as_ref().map(ETag::quoted),
        ..TheirGetOptions::default()
    };
    let found = store.get_opts(path, theirs).await.map_err(|e| explain(&e))?;
    let info = info(&found);
    let range = found.range.clone();
    let length = range.end.saturating_sub(range.start);
    let body = match found.payload {
        GetResultPayload::File(file, _) => file_body(file, range),
        GetResultPayload::Stream(stream) => stream.map_err(|e| explain(&e)).boxed(),
    };
    Ok(GetReply { info, length, body: whole(body, length) })
}

pub(super) fn last_modified(meta: &ObjectMeta) -> OffsetDateTime {
    let (seconds, nanos) = (meta.last_modified.timestamp(), meta.last_modified.timestamp_subsec_nanos());
    OffsetDateTime::from_unix_timestamp(seconds)
        .map_or(OffsetDateTime::UNIX_EPOCH, |time| time + time::Duration::nanoseconds(i64::from(nanos)))
}

fn info(found: &GetResult) -> ObjectInfo {
    let (attributes, metadata, storage_class) = described(&found.attributes);
    ObjectInfo {
        size: found.meta.size,
        etag: found.meta.e_tag.as_deref().map(ETag::new),
        last_modified: last_modified(&found.meta),
        modified_at_source: metadata.get(SOURCE_TIME).and_then(|text| parse_source_time(text)),
        attributes,
        metadata,
        digests: TrustedDigests::from_extensions(&found.extensions),
        tag_count: 0,
        storage_class,
        opaque_etag: false,
        parts: None,
    }
}

fn described(theirs: &TheirAttributes) -> (Attributes, BTreeMap<String, String>, Option<String>) {
    let (mut ours, mut metadata, mut storage_class) = (Attributes::default(), BTreeMap::new(), None);
    for (name, value) in theirs {
        let value = value.to_string();
        match name {
            Attribute::ContentType => ours.content_type = Some(value),
            Attribute::ContentEncoding => ours.content_encoding = Some(value),
            Attribute::ContentDisposition => ours.content_disposition = Some(value),
            Attribute::ContentLanguage => ours.content_language = Some(value),
            Attribute::CacheControl => ours.cache_control = Some(value),
            Attribute::StorageClass => storage_class = Some(value),
            Attribute::Metadata(name) => {
                metadata.insert(name.to_ascii_lowercase(), value);
            }
            _ => {}
        }
    }
    (ours, metadata, storage_class)
}

/// A body that is an error where it does not hold `length` bytes.
pub(super) fn whole(body: ByteStream, length: u64) -> ByteStream {
    stream::try_unfold((body, 0), move |(mut body, got)| async move {
        match body.try_next().await? {
            Some(chunk) => {
                let got = got + chunk.len() as u64;
                if got > length { Err(Error::truncated(length, got)) } else { Ok(Some((chunk, (body, got)))) }
            }
            None if got < length => Err(Error::truncated(length, got)),
            None => Ok(None),
        }
    })
    .boxed()
}

/// A file's bytes. A file that was written to meanwhile is an error at the end: its bytes may be of two versions.
pub(super) fn file_body(file: File, range: Range<u64>) -> ByteStream {
    let start = (file, range, None);
    stream::try_unfold(start, |(file, range, seen)| async move {
        if range.is_empty() && seen.is_some() {
            return Ok(None);
        }
        let read = tokio::task::spawn_blocking(move || read_on(file, range, seen));
        read.await.map_err(|e| Error::new(ErrorKind::Io, "reading was interrupted").caused_by(e))?
    })
    .boxed()
}

/// Length and time of the file when its reading began, and how many names it had: one that is replaced by another loses its
/// own.
type Seen = (u64, Option<std::time::SystemTime>, u64);
type ReadOn = Option<(Bytes, (File, Range<u64>, Option<Seen>))>;

#[cfg(unix)]
fn names(found: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(found)
}

#[cfg(not(unix))]
fn names(_: &std::fs::Metadata) -> u64 {
    1
}

fn read_on(mut file: File, range: Range<u64>, seen: Option<Seen>) -> Result<ReadOn> {
    let failed = |e: std::io::Error| io_error("cannot read the file", &e);
    let seen_now = |found: std::fs::Metadata| (found.len(), found.modified().ok(), names(&found));
    let now = |file: &File| file.metadata().map(seen_now).map_err(failed);
    let seen = match seen {
        Some(seen) => seen,
        None => {
            file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
            now(&file)?
        }
    };
    let wanted = FILE_CHUNK.min(range.end - range.start);
    let mut chunk = Vec::with_capacity(usize::try_from(wanted).unwrap_or_default());
    let read = (&mut file).take(wanted).read_to_end(&mut chunk).map_err(failed)? as u64;
    let over = read < wanted || range.start + read == range.end;
    if over && now(&file)? != seen {
        return Err(Error::new(ErrorKind::PreconditionFailed, "the file changed while it was read"));
    }
    if read == 0 {
        return Ok(None);
    }
    Ok(Some((chunk.into(), (file, range.start + read..range.end, Some(seen)))))
}
