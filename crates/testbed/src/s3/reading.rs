//! GetObject and HeadObject: conditions, ranges, parts.

use super::attributes::{ReadConditions, attributes_into, tag_count};
use super::backend::Backend;
use super::checksums::checksum_fields;
use super::content::Content;
use super::object::StoredObject;
use bytes::Bytes;
use futures::Stream;
use s3s::dto::*;
use s3s::stream::{ByteStream, RemainingLength};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Response, S3Result, StdError, s3_error};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The piece of an object that a request asked for.
struct Window {
    bytes: std::ops::Range<u64>,
    whole: bool,
    parts: Option<i32>,
}

impl Backend {
    pub(crate) async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input;
        let object = self.store.with_bucket(&input.bucket, |bucket| bucket.object(&input.key))?;
        let conditions = ReadConditions {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            modified_since: input.if_modified_since.as_ref(),
            unmodified_since: input.if_unmodified_since.as_ref(),
        };
        conditions.check(&object, not_modified)?;
        let window = window(&object, input.range, input.part_number)?;
        if !object.content.is_readable() {
            return Err(s3_error!(InvalidObjectState, "This server keeps the digests of bodies, not their bytes."));
        }
        let mut output = GetObjectOutput::default();
        attributes_into!(output, object);
        output.body = Some(body(&object, &window));
        output.content_length = Some(length(&window));
        output.content_range = content_range(&object, &window);
        output.parts_count = window.parts;
        output.tag_count = tag_count(&object.attributes);
        if input.checksum_mode.is_some() && window.whole {
            checksum_fields!(into output, object.checksums);
            output.checksum_type = object.checksums.kind();
        }
        Ok(S3Response::new(output))
    }

    pub(crate) async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = request.input;
        let object = self.store.with_bucket(&input.bucket, |bucket| bucket.object(&input.key))?;
        let conditions = ReadConditions {
            if_match: input.if_match.as_ref(),
            if_none_match: input.if_none_match.as_ref(),
            modified_since: input.if_modified_since.as_ref(),
            unmodified_since: input.if_unmodified_since.as_ref(),
        };
        conditions.check(&object, not_modified)?;
        let window = window(&object, input.range, input.part_number)?;
        let mut output = HeadObjectOutput::default();
        attributes_into!(output, object);
        output.content_length = Some(length(&window));
        output.content_range = content_range(&object, &window);
        output.parts_count = window.parts;
        if input.checksum_mode.is_some() && window.whole {
            checksum_fields!(into output, object.checksums);
            output.checksum_type = object.checksums.kind();
        }
        let mut response = S3Response::new(output);
        if let Some(count) = tag_count(&object.attributes) {
            response.headers.insert("x-amz-tagging-count", count.into());
        }
        Ok(response)
    }
}

fn not_modified() -> S3Error {
    S3Error::new(S3ErrorCode::NotModified)
}

fn window(object: &StoredObject, range: Option<Range>, part: Option<i32>) -> S3Result<Window> {
    let size = object.size();
    match (range, part) {
        (Some(_), Some(_)) => Err(s3_error!(InvalidRequest, "Cannot specify both Range header and partNumber")),
        (None, None) => Ok(Window { bytes: 0..size, whole: true, parts: None }),
        (Some(range), None) => {
            let invalid = |_| s3_error!(InvalidRange, "The requested range is not satisfiable");
            Ok(Window { bytes: range.check(size).map_err(invalid)?, whole: false, parts: None })
        }
        (None, Some(number)) => part_window(object, number),
    }
}

fn part_window(object: &StoredObject, number: i32) -> S3Result<Window> {
    let index = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
    let parts = i32::try_from(object.part_sizes.len()).ok().filter(|parts| *parts > 0);
    if parts.is_none() && index == Some(0) {
        return Ok(Window { bytes: 0..object.size(), whole: false, parts: None });
    }
    let part = index.and_then(|index| Some((index, object.part_sizes.get(index)?)));
    let Some((index, part_size)) = part else {
        return Err(s3_error!(InvalidRange, "The requested partnumber is not satisfiable"));
    };
    let start: u64 = object.part_sizes[..index].iter().sum();
    Ok(Window { bytes: start..start + part_size, whole: false, parts })
}

fn length(window: &Window) -> i64 {
    (window.bytes.end - window.bytes.start) as i64
}

fn content_range(object: &StoredObject, window: &Window) -> Option<String> {
    // An empty object has no first and last byte to name.
    let last = window.bytes.end.checked_sub(1)?;
    (!window.whole).then(|| format!("bytes {}-{last}/{}", window.bytes.start, object.size()))
}

fn body(object: &Arc<StoredObject>, window: &Window) -> StreamingBlob {
    let content = match window.whole {
        true => object.content.clone(),
        false => object.content.slice(window.bytes.clone()),
    };
    match content.single_chunk() {
        Some(chunk) => StreamingBlob::new(s3s::Body::from(chunk)),
        None => StreamingBlob::new(ContentStream::new(content)),
    }
}

/// Streams an object's chunks, and knows how many bytes are left.
struct ContentStream {
    chunks: Box<dyn Iterator<Item = Bytes> + Send + Sync>,
    left: u64,
}

impl ContentStream {
    fn new(content: Content) -> Self {
        Self { left: content.size(), chunks: Box::new(content.chunks()) }
    }
}

impl Stream for ContentStream {
    type Item = Result<Bytes, StdError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let chunk = self.chunks.next();
        self.left -= chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        Poll::Ready(chunk.map(Ok))
    }
}

impl ByteStream for ContentStream {
    fn remaining_length(&self) -> RemainingLength {
        RemainingLength::new_exact(usize::try_from(self.left).unwrap_or(usize::MAX))
    }
}
