//! Between the wire's fields and an object's attributes.

use super::object::{Attributes, StoredObject};
use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, S3Result, s3_error};
use time::OffsetDateTime;

/// AWS's limit (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html>).
const MOST_TAGS: usize = 10;
/// What S3 answers for an object that was given no content type.
pub(crate) const DEFAULT_CONTENT_TYPE: &str = "binary/octet-stream";

/// Takes the attribute fields, which PutObject, CopyObject and CreateMultipartUpload share, out of a request.
macro_rules! attributes_from {
    ($input:expr) => {
        $crate::s3::object::Attributes {
            content_type: $input.content_type.clone(),
            content_encoding: $input.content_encoding.clone().and_then($crate::s3::attributes::stored_encoding),
            content_disposition: $input.content_disposition.clone(),
            content_language: $input.content_language.clone(),
            cache_control: $input.cache_control.clone(),
            expires: $input.expires.clone().map(Into::into),
            metadata: $input.metadata.clone().unwrap_or_default().into_iter().collect(),
            tags: $crate::s3::attributes::parse_tags($input.tagging.as_deref())?,
            storage_class: $input.storage_class.as_ref().map(|class| class.as_str().to_owned()),
            encryption: $input.server_side_encryption.as_ref().map(|kind| kind.as_str().to_owned()),
            kms_key: $input.ssekms_key_id.clone(),
        }
    };
}
pub(crate) use attributes_from;

/// Puts an object's attributes into the reply of GetObject or HeadObject, which share their fields.
macro_rules! attributes_into {
    ($output:expr, $object:expr) => {{
        let attributes = &$object.attributes;
        let fallback = $crate::s3::attributes::DEFAULT_CONTENT_TYPE.to_owned();
        $output.content_type = Some(attributes.content_type.clone().unwrap_or(fallback));
        $output.content_encoding = attributes.content_encoding.clone();
        $output.content_disposition = attributes.content_disposition.clone();
        $output.content_language = attributes.content_language.clone();
        $output.cache_control = attributes.cache_control.clone();
        $output.expires = attributes.expires.map(Into::into);
        $output.metadata = Some(attributes.metadata.clone().into_iter().collect());
        $output.storage_class = attributes.storage_class.clone().filter(|class| class != "STANDARD").map(Into::into);
        $output.server_side_encryption = attributes.encryption.clone().map(Into::into);
        $output.ssekms_key_id = attributes.kms_key.clone();
        $output.last_modified = Some($object.modified().into());
        $output.e_tag = Some(s3s::dto::ETag::Strong($object.etag().to_owned()));
        $output.accept_ranges = Some("bytes".to_owned());
    }};
}
pub(crate) use attributes_into;

/// `aws-chunked` says how the request travelled and is not kept, as on AWS.
pub(crate) fn stored_encoding(encoding: String) -> Option<String> {
    let kept: Vec<&str> = encoding.split(',').map(str::trim).filter(|part| *part != "aws-chunked").collect();
    (!kept.is_empty()).then(|| kept.join(","))
}

/// Reads an `x-amz-tagging` header: `name=value&name=value`, form-encoded.
///
/// # Errors
/// `InvalidTag`, as [`check_tags`] says.
pub(crate) fn parse_tags(header: Option<&str>) -> S3Result<Vec<(String, String)>> {
    let tags: Vec<(String, String)> = url::form_urlencoded::parse(header.unwrap_or_default().as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    check_tags(&tags)?;
    Ok(tags)
}

/// # Errors
/// `InvalidTag` for an empty name, one given twice, or more than ten.
pub(crate) fn check_tags(tags: &[(String, String)]) -> S3Result {
    let mut names: Vec<&str> = tags.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() != tags.len() || names.contains(&"") {
        return Err(s3_error!(InvalidTag, "Cannot provide multiple Tags with the same key, or one without"));
    }
    if tags.len() > MOST_TAGS {
        return Err(s3_error!(InvalidTag, "Object tags cannot be greater than {MOST_TAGS}"));
    }
    Ok(())
}

/// Whether an ETag of ours satisfies an `If-Match` or `If-None-Match` value.
pub(crate) fn matches(condition: &ETagCondition, object: &StoredObject) -> bool {
    match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(ETag::Strong(etag) | ETag::Weak(etag)) => etag == object.etag(),
    }
}

/// The conditions of a read, in the order of RFC 9110, section 13.2.2.
pub(crate) struct ReadConditions<'a> {
    pub(crate) if_match: Option<&'a ETagCondition>,
    pub(crate) if_none_match: Option<&'a ETagCondition>,
    pub(crate) modified_since: Option<&'a Timestamp>,
    pub(crate) unmodified_since: Option<&'a Timestamp>,
}

impl ReadConditions<'_> {
    /// # Errors
    /// `PreconditionFailed`, or what `unchanged` makes where the reader has it already.
    pub(crate) fn check(&self, object: &StoredObject, unchanged: fn() -> S3Error) -> S3Result {
        let after = |time: &Timestamp| seconds(object.modified()) > seconds(OffsetDateTime::from(time.clone()));
        let failed = match (self.if_match, self.unmodified_since) {
            (Some(condition), _) => !matches(condition, object),
            (None, Some(time)) => after(time),
            (None, None) => false,
        };
        if failed {
            return Err(precondition_failed());
        }
        let known = match (self.if_none_match, self.modified_since) {
            (Some(condition), _) => matches(condition, object),
            (None, Some(time)) => !after(time),
            (None, None) => false,
        };
        if known { Err(unchanged()) } else { Ok(()) }
    }
}

fn seconds(time: OffsetDateTime) -> i64 {
    time.unix_timestamp()
}

pub(crate) fn precondition_failed() -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}

/// The conditions of a write, against what is at the key now.
///
/// # Errors
/// `PreconditionFailed`; `NoSuchKey` for `If-Match` where nothing is.
pub(crate) fn check_write(
    existing: Option<&StoredObject>,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result {
    match (if_match, existing) {
        (Some(_), None) => return Err(s3_error!(NoSuchKey, "The specified key does not exist.")),
        (Some(condition), Some(object)) if !matches(condition, object) => return Err(precondition_failed()),
        _ => {}
    }
    match (if_none_match, existing) {
        (Some(condition), Some(object)) if matches(condition, object) => Err(precondition_failed()),
        _ => Ok(()),
    }
}

/// Adds the tag count, which `s3s` knows only for GetObject.
pub(crate) fn tag_count(attributes: &Attributes) -> Option<i32> {
    i32::try_from(attributes.tags.len()).ok().filter(|count| *count > 0)
}
