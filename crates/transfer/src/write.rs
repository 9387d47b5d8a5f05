//! What a new object is written with.

use transship_store::{Attributes, Condition, ObjectInfo, PutOptions, Tag};
use transship_types::{Entry, Key};

use crate::{Destination, Target};

/// A target that is ready to be written.
#[derive(Clone, Debug)]
pub(crate) struct Writer {
    pub(crate) destination: Destination,
    pub(crate) target: Target,
    pub(crate) condition: Condition,
}

impl Writer {
    pub(crate) fn key(&self) -> &Key {
        &self.target.key
    }

    /// Whether the object is known to get an ETag that is no MD5.
    pub(crate) fn is_encrypted_opaquely(&self) -> bool {
        self.destination.encryption.as_ref().is_some_and(|e| e.algorithm.starts_with("aws:kms"))
    }

    /// Content headers, metadata and tags of the source, as far as this destination keeps them.
    pub(crate) fn options(&self, source: &Entry, info: &ObjectInfo, tags: &[Tag]) -> PutOptions {
        let can = self.destination.bucket.capabilities();
        let attributes = if self.target.unpack { unpacked(&info.attributes) } else { info.attributes.clone() };
        PutOptions {
            attributes: if can.content_headers { attributes } else { Attributes::default() },
            metadata: if can.metadata { info.metadata.clone() } else { Default::default() },
            tags: if can.tags { tags.to_vec() } else { Vec::new() },
            source_time: self.target.newest_wins.then_some(source.last_modified),
            ..self.placement()
        }
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

    /// What the source has and this destination cannot keep.
    pub(crate) fn not_kept(&self, info: &ObjectInfo) -> Vec<&'static str> {
        let can = self.destination.bucket.capabilities();
        let headers = Attributes { content_type: None, ..info.attributes.clone() };
        let lost = [
            ("content headers", !can.content_headers && headers != Attributes::default()),
            ("metadata", !can.metadata && !info.metadata.is_empty()),
            ("tags", !can.tags && info.tag_count > 0),
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
