//! What a new object is written with.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use transship_store::{Attributes, Bucket, Condition, ObjectInfo, PutOptions, Result, Tag};
use transship_types::{Entry, Key};

use crate::{Destination, Done, Target, lag::Ends, pass::Landed, proof, site::Site};

/// User metadata in which the source's ETag travels where the new object's own is another one. A name that every store
/// takes.
const SOURCE_ETAG: &str = "sourceetag";

/// A target that is ready to be written.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub(crate) destination: Destination,
    pub(crate) target: Target,
    pub(crate) condition: Condition,
    pub(crate) site: Arc<Site>,
    /// The object that was written last has not got its tags.
    pub(crate) tags_lost: Arc<AtomicBool>,
    /// How far the object is at all its targets.
    pub(crate) ends: Arc<Ends>,
    /// Fires when cleaning up must end, some time after the copy was stopped.
    pub(crate) last: CancellationToken,
}

impl Writer {
    pub(crate) fn key(&self) -> &Key {
        &self.target.key
    }

    /// The bytes are at hand; from now on it is for the destination to take them.
    pub(crate) fn begins(&self) -> Instant {
        self.ends.begins();
        Instant::now()
    }

    /// An attempt has ended.
    pub(crate) fn ended<T>(&self, begun: Instant, result: &Result<T>) {
        self.site.answers.note(begun, result);
        self.ends.lands(self.target.destination);
    }

    /// An attempt has ended with this outcome.
    pub(crate) fn lands(&self, begun: Instant, result: Result<Done>) -> Landed {
        self.ended(begun, &result);
        result.into()
    }

    /// Whether the object is known to get an ETag that is no MD5.
    pub(crate) fn is_encrypted_opaquely(&self) -> bool {
        self.destination.encryption.as_ref().is_some_and(|e| e.algorithm.starts_with("aws:kms"))
    }

    /// Whether new objects and parts get an ETag that is their MD5, as far as can be known beforehand.
    pub(crate) fn tells_md5s(&self) -> bool {
        self.destination.bucket.capabilities().etag_may_be_md5 && !self.is_encrypted_opaquely()
    }

    /// Content headers, metadata and tags of the source, as far as this destination keeps them.
    pub(crate) fn options(&self, source: &Entry, info: &ObjectInfo, tags: &[Tag]) -> PutOptions {
        let can = self.destination.bucket.capabilities();
        let attributes = if self.target.unpack { unpacked(&info.attributes) } else { info.attributes.clone() };
        PutOptions {
            attributes: if can.content_headers { attributes } else { Attributes::default() },
            metadata: if can.metadata { self.metadata(info) } else { Default::default() },
            tags: if can.tags { tags.to_vec() } else { Vec::new() },
            source_time: self.source_time(source, info),
            ..self.placement()
        }
    }

    fn source_time(&self, source: &Entry, info: &ObjectInfo) -> Option<OffsetDateTime> {
        if self.target.newest_wins {
            return Some(source.last_modified);
        }
        // What the source was copied from is older than the copy.
        self.destination.keep_time.then(|| info.modified_at_source.unwrap_or(source.last_modified))
    }

    fn metadata(&self, info: &ObjectInfo) -> BTreeMap<String, String> {
        let mut metadata = info.metadata.clone();
        if self.target.unpack {
            metadata.remove(SOURCE_ETAG);
        }
        metadata
    }

    /// Storage class, encryption, ACL and condition alone.
    pub(crate) fn placement(&self) -> PutOptions {
        PutOptions {
            storage_class: self.destination.storage_class.clone(),
            encryption: self.destination.encryption.clone(),
            acl: self.destination.acl.clone(),
            condition: self.condition.clone(),
            ..PutOptions::default()
        }
    }

    /// Metadata for an object that is split, so that its ETag cannot be compared with the source's any more.
    pub(crate) fn note_of_source(&self, source: &dyn Bucket, info: &ObjectInfo) -> Option<(String, String)> {
        let can = self.destination.bucket.capabilities();
        let etag = proof::source_etag(source, info).filter(|e| e.md5().is_some() || e.multipart().is_some())?;
        (can.metadata && can.etag_may_be_md5).then(|| (SOURCE_ETAG.to_owned(), etag.as_str().to_owned()))
    }

    /// What the source has and this destination cannot keep.
    pub(crate) fn not_kept(&self, info: &ObjectInfo) -> Vec<&'static str> {
        let can = self.destination.bucket.capabilities();
        let headers = Attributes { content_type: None, ..info.attributes.clone() };
        let lost = [
            ("content headers", !can.content_headers && headers != Attributes::default()),
            ("metadata", !can.metadata && !info.metadata.is_empty()),
            ("tags", !can.tags && info.tag_count > 0 || self.tags_lost.load(Ordering::Relaxed)),
        ];
        lost.into_iter().filter_map(|(what, is)| is.then_some(what)).collect()
    }
}

/// Headers that speak of the gzip around the content are wrong once it is gone.
fn unpacked(packed: &Attributes) -> Attributes {
    let gzip_type = |t: &String| {
        let essence = t.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        matches!(essence.as_str(), "application/gzip" | "application/x-gzip")
    };
    Attributes {
        content_type: packed.content_type.clone().filter(|t| !gzip_type(t)),
        content_encoding: packed.content_encoding.clone().filter(|e| !e.eq_ignore_ascii_case("gzip")),
        ..packed.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_about_gzip_do_not_outlive_it() {
        let packed = Attributes {
            content_type: Some("application/x-gzip; charset=binary".into()),
            content_encoding: Some("gzip".into()),
            cache_control: Some("no-store".into()),
            ..Attributes::default()
        };
        let kept = Attributes { cache_control: Some("no-store".into()), ..Attributes::default() };
        assert_eq!(unpacked(&packed), kept);
        let csv = Attributes { content_type: Some("text/csv".into()), ..Attributes::default() };
        assert_eq!(unpacked(&csv), csv);
    }
}
