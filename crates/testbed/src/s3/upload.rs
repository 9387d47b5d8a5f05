//! A multipart upload in progress, and what completing it makes of the parts.

use super::checksums::{Algorithm, ObjectChecksums, checksum_fields, of_parts};
use super::content::Content;
use super::object::{Attributes, StoredObject, kms_etag, multipart_etag};
use md5::{Digest, Md5};
use s3s::dto::{CompleteMultipartUploadInput, CompletedPart};
use s3s::{S3Result, s3_error};
use std::collections::BTreeMap;
use time::OffsetDateTime;

/// Part numbers go from 1 to this
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>).
pub(crate) const LAST_PART_NUMBER: i32 = 10_000;

#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) initiated: OffsetDateTime,
    pub(crate) attributes: Attributes,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) composite: bool,
    pub(crate) parts: BTreeMap<i32, Part>,
}

#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) content: Content,
    pub(crate) md5: [u8; 16],
    pub(crate) etag: String,
    pub(crate) checksums: ObjectChecksums,
    pub(crate) modified: OffsetDateTime,
}

/// A multipart upload that is neither completed nor aborted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// Key it was started for.
    pub key: String,
    /// Upload id.
    pub upload_id: String,
    /// Parts that have arrived, in order: number and size in bytes.
    pub parts: Vec<(i32, u64)>,
}

impl Upload {
    pub(crate) fn summary(&self, key: &str, upload_id: &str) -> UnfinishedUpload {
        let parts = self.parts.iter().map(|(number, part)| (*number, part.content.size())).collect();
        UnfinishedUpload { key: key.to_owned(), upload_id: upload_id.to_owned(), parts }
    }

    /// The object that the named parts make.
    ///
    /// # Errors
    /// `MalformedXML`, `InvalidPartOrder`, `InvalidPart`, `EntityTooSmall`, `BadDigest`, `InvalidRequest`.
    pub(crate) fn assemble(&self, input: &CompleteMultipartUploadInput, min_part_size: u64) -> S3Result<StoredObject> {
        let named = input.multipart_upload.as_ref().and_then(|upload| upload.parts.as_deref()).unwrap_or_default();
        let parts = self.named_parts(named)?;
        let too_small = parts.iter().rev().skip(1).any(|part| part.content.size() < min_part_size);
        if too_small {
            let message = "Your proposed upload is smaller than the minimum allowed object size.";
            return Err(s3_error!(EntityTooSmall, "{message}"));
        }
        let content = Content::joined(parts.iter().map(|part| &part.content));
        if input.mpu_object_size.is_some_and(|size| u64::try_from(size) != Ok(content.size())) {
            return Err(s3_error!(InvalidRequest, "The object's size is not x-amz-mp-object-size."));
        }
        let digests: Vec<[u8; 16]> = parts.iter().map(|part| part.md5).collect();
        let etag = match self.attributes.is_kms() {
            true => format!("{}-{}", kms_etag(Md5::digest(digests.concat()).into()), digests.len()),
            false => multipart_etag(&digests),
        };
        let mut object = StoredObject::from_content(content).with_etag(etag).with_attributes(self.attributes.clone());
        object.part_sizes = parts.iter().map(|part| part.content.size()).collect();
        object.checksums = self.checksums_of(&parts);
        object.checksums.check(&checksum_fields!(from input))?;
        Ok(object)
    }

    fn named_parts<'a>(&'a self, named: &[CompletedPart]) -> S3Result<Vec<&'a Part>> {
        if named.is_empty() {
            return Err(s3_error!(MalformedXML, "You must specify at least one part"));
        }
        let numbers: Vec<i32> = named.iter().filter_map(|part| part.part_number).collect();
        if numbers.len() != named.len() || !numbers.is_sorted_by(|a, b| a < b) {
            return Err(s3_error!(InvalidPartOrder, "The list of parts was not in ascending order."));
        }
        let find = |named: &CompletedPart| {
            let part = self.parts.get(&named.part_number?)?;
            let same = named.e_tag.as_ref().is_some_and(|etag| etag.value() == part.etag);
            (same && part.checksums.check(&checksum_fields!(from named)).is_ok()).then_some(part)
        };
        let message = "One or more of the specified parts could not be found, or its ETag does not match.";
        named.iter().map(find).collect::<Option<_>>().ok_or_else(|| s3_error!(InvalidPart, "{message}"))
    }

    fn checksums_of(&self, parts: &[&Part]) -> ObjectChecksums {
        let sums: Vec<_> = parts.iter().map(|part| (part.checksums.clone(), part.content.size())).collect();
        let whole = self.algorithm.and_then(|algorithm| {
            let value = of_parts(algorithm, self.composite, &sums)?;
            Some(ObjectChecksums::one(algorithm, value, self.composite))
        });
        whole.unwrap_or_default()
    }
}
