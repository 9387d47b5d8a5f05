//! Where the parts of a source's object begin and end.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use transship_store::{ByteStream, Error, ErrorKind, GetReply, ObjectInfo, Result};
use transship_types::ETag;
use transship_verify::part_sizes;

use crate::{
    layout::Layout,
    read::{Source, insist},
};

/// A multipart source whose boundaries are known.
pub(crate) struct Parts {
    pub(crate) info: ObjectInfo,
    pub(crate) part_size: u64,
    /// What the server told of them.
    pub(crate) layout: Layout,
    /// The first part's bytes, where the question after the boundaries brought them.
    first: Mutex<Option<ByteStream>>,
}

/// Finds the boundaries of a multipart source: its first part tells, where the server can say; otherwise the
/// likeliest size for that many parts. `None`: they are not known, or the object is not what it was.
pub(crate) async fn find(source: &Source, listed: &ETag, size: u64) -> Result<Option<Parts>> {
    let Some(parts) = listed.parts() else { return Ok(None) };
    let reply = match source.first_part(listed).await {
        Ok(reply) => reply,
        Err(error) if is_no_answer(&error) => return Ok(guessed(source, listed, size, parts).await),
        Err(error) if error.kind() == ErrorKind::PreconditionFailed => return Ok(None),
        Err(error) => return Err(error),
    };
    let GetReply { info, length: part_size, .. } = &reply;
    let fits = *part_size > 0 && size.div_ceil(*part_size) == u64::from(parts);
    if !fits || info.size != size || info.opaque_etag {
        return Ok(None);
    }
    let (info, part_size) = (info.clone(), *part_size);
    let first = Mutex::new(Some(source.resuming(reply, 0..part_size)));
    Ok(Some(Parts { info, part_size, layout: Layout::LikeTheFirst(part_size), first }))
}

/// The server does not know what is asked, which says nothing of the object.
fn is_no_answer(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unsupported | ErrorKind::InvalidRequest)
}

/// The likeliest boundaries. Wrong ones cost a reading more, and no harm: the ETags will differ.
async fn guessed(source: &Source, listed: &ETag, size: u64, parts: u32) -> Option<Parts> {
    let part_size = part_sizes(size, parts).first().copied()?;
    let info = insist(&source.retry, |_| source.bucket.head(&source.key)).await.ok()?;
    let same = info.etag.as_ref() == Some(listed) && info.size == size && !info.opaque_etag;
    same.then_some(Parts { info, part_size, layout: Layout::Unknown, first: Mutex::new(None) })
}

impl Parts {
    /// Each part's number and its bytes.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = (u32, Range<u64>)> + Send + use<> {
        let (size, step) = (self.info.size, self.part_size);
        (1u32..).zip((0..size.div_ceil(step)).map(move |n| n * step..((n + 1) * step).min(size)))
    }

    /// Reads a part.
    pub(crate) async fn open(&self, source: &Source, range: &Range<u64>) -> Result<ByteStream> {
        let first =
            if range.start == 0 { self.first.lock().unwrap_or_else(PoisonError::into_inner).take() } else { None };
        match first {
            Some(stream) => Ok(stream),
            None => source.range(range.clone(), self.info.etag.as_ref()).await,
        }
    }
}
