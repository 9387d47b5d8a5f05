//! Where the parts of a source object begin and end.

use futures::{StreamExt, TryStreamExt, stream};
use transship_store::ObjectInfo;
use transship_types::ETag;
use transship_verify::ETagHasher;

use crate::{proof, read::Source, upload::PARTS_AT_ONCE};

/// What is known of the boundaries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Nothing, or there are none.
    Unknown,
    /// The first part has this length, and the others may have it too.
    LikeTheFirst(u64),
    /// The length of every part.
    Exact(Vec<u64>),
}

impl Layout {
    /// Asks for the first part's length, and only where the others cannot be like it, for each one's. One look costs
    /// less than hashing everything for one more likely size, or than reading it twice.
    pub(crate) async fn of(source: &Source, info: &ObjectInfo) -> Self {
        let Some((etag, parts)) = in_parts(source, info).filter(|(_, parts)| *parts > 1) else {
            return Self::exact(source, info).await;
        };
        match source.part_length(1, &etag).await {
            None => Self::Unknown,
            Some(first) if first > 0 && info.size.div_ceil(first) == u64::from(parts) => Self::LikeTheFirst(first),
            Some(_) => Self::exact(source, info).await,
        }
    }

    /// Asks for each part's length, where there are several.
    pub(crate) async fn exact(source: &Source, info: &ObjectInfo) -> Self {
        let Some((etag, parts)) = in_parts(source, info) else { return Self::Unknown };
        if parts == 1 {
            return Self::Exact(vec![info.size]);
        }
        let length = async |number| source.part_length(number, &etag).await.ok_or(());
        let lengths: Result<Vec<u64>, ()> =
            stream::iter(1..=parts).map(length).buffered(PARTS_AT_ONCE).try_collect().await;
        match lengths {
            Ok(lengths) if lengths.iter().sum::<u64>() == info.size => Self::Exact(lengths),
            _ => Self::Unknown,
        }
    }

    /// Whether both may be of one object.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::LikeTheFirst(first), Self::Exact(lengths)) => lengths.iter().rev().skip(1).all(|l| l == first),
            _ => self == other,
        }
    }

    /// Checks an object in these parts while it is read for the first time.
    pub(crate) fn hasher(&self, etag: Option<&ETag>, size: u64) -> ETagHasher {
        match self {
            Self::Unknown => ETagHasher::new(etag, size),
            known => known.thorough_hasher(etag, size),
        }
    }

    /// Checks an object in these parts, whatever it costs.
    pub(crate) fn thorough_hasher(&self, etag: Option<&ETag>, size: u64) -> ETagHasher {
        match self {
            Self::Unknown => ETagHasher::exhaustive(etag, size),
            Self::LikeTheFirst(first) => ETagHasher::in_parts(etag, &[*first]),
            Self::Exact(lengths) => ETagHasher::in_parts(etag, lengths),
        }
    }
}

/// The ETag of an object in parts, and how many there are.
fn in_parts(source: &Source, info: &ObjectInfo) -> Option<(ETag, u32)> {
    let etag = proof::source_etag(&*source.bucket, info)?;
    let (_, parts) = etag.multipart()?;
    Some((etag, parts))
}
