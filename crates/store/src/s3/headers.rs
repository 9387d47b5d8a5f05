//! An object's headers, both ways.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use md5::Md5;
use time::{OffsetDateTime, format_description::well_known::Rfc2822};
use transship_types::{Algorithm, Digest, ETag};

use super::encode;
use crate::{Attributes, Condition, Error, ErrorKind, ObjectInfo, PutOptions, PutReply, Result};

/// User metadata in which the time of the source object travels: seconds since the epoch with a fraction, the name
/// and form that rclone uses.
pub(crate) const SOURCE_TIME: &str = "mtime";

const CHECKSUMS: [(&str, Algorithm); 5] = [
    ("x-amz-checksum-crc64nvme", Algorithm::Crc64nvme),
    ("x-amz-checksum-crc32c", Algorithm::Crc32c),
    ("x-amz-checksum-crc32", Algorithm::Crc32),
    ("x-amz-checksum-sha256", Algorithm::Sha256),
    ("x-amz-checksum-sha1", Algorithm::Sha1),
];

pub(super) fn text(headers: &HeaderMap, name: impl http::header::AsHeaderName) -> Option<String> {
    headers.get(name).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned())
}

pub(super) fn http_date(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc2822).ok()
}

/// What GET and HEAD tell. `size` is the whole object's.
pub(super) fn object_info(headers: &HeaderMap, size: u64) -> ObjectInfo {
    let attributes = Attributes {
        content_type: text(headers, header::CONTENT_TYPE),
        content_encoding: text(headers, header::CONTENT_ENCODING).filter(|e| e != "aws-chunked" && !e.is_empty()),
        content_disposition: text(headers, header::CONTENT_DISPOSITION),
        content_language: text(headers, header::CONTENT_LANGUAGE),
        cache_control: text(headers, header::CACHE_CONTROL),
        expires: text(headers, header::EXPIRES),
    };
    let metadata: std::collections::BTreeMap<_, _> = headers
        .iter()
        .filter_map(|(name, value)| {
            let name = name.as_str().strip_prefix("x-amz-meta-")?;
            Some((name.to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        })
        .collect();
    ObjectInfo {
        size,
        etag: etag(headers),
        last_modified: text(headers, header::LAST_MODIFIED)
            .and_then(|t| http_date(&t))
            .unwrap_or(OffsetDateTime::UNIX_EPOCH),
        modified_at_source: metadata.get(SOURCE_TIME).and_then(|t| parse_source_time(t)),
        attributes,
        metadata,
        digests: digests(headers),
        tag_count: text(headers, "x-amz-tagging-count").and_then(|n| n.parse().ok()).unwrap_or(0),
        storage_class: text(headers, "x-amz-storage-class"),
        opaque_etag: opaque_etag(headers),
        parts: text(headers, "x-amz-mp-parts-count").and_then(|n| n.parse().ok()),
    }
}

/// What PUT and CompleteMultipartUpload tell in headers.
pub(super) fn put_reply(headers: &HeaderMap) -> PutReply {
    PutReply { etag: etag(headers), digests: digests(headers), opaque_etag: opaque_etag(headers) }
}

fn etag(headers: &HeaderMap) -> Option<ETag> {
    text(headers, header::ETAG).filter(|e| !e.is_empty()).map(|e| ETag::new(&e))
}

/// With KMS or a customer's key the ETag is no MD5.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html>
pub(super) fn opaque_etag(headers: &HeaderMap) -> bool {
    if !any_begins_with("x-amz-server-side-encryption", headers) {
        return false;
    }
    let sse = text(headers, "x-amz-server-side-encryption").unwrap_or_default();
    sse.starts_with("aws:kms") || headers.contains_key("x-amz-server-side-encryption-customer-algorithm")
}

/// Whole-object checksums; a composite one (`...-N`) is a checksum of checksums.
pub(super) fn digests(headers: &HeaderMap) -> Vec<Digest> {
    let composite = || text(headers, "x-amz-checksum-type").is_some_and(|t| t.eq_ignore_ascii_case("COMPOSITE"));
    if !any_begins_with("x-amz-checksum-", headers) || composite() {
        return Vec::new();
    }
    let decode = |(name, algorithm): &(&str, Algorithm)| {
        let bytes = BASE64_STANDARD.decode(headers.get(*name)?.as_bytes()).ok()?;
        Some(Digest { algorithm: *algorithm, bytes })
    };
    CHECKSUMS.iter().filter_map(decode).collect()
}

/// A walk through the few headers there are costs less than looking for a name, which is parsed and hashed.
fn any_begins_with(prefix: &str, headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().starts_with(prefix))
}

/// The header in which a digest of the body travels.
pub(super) fn digest_header(digest: &Digest) -> (HeaderName, String) {
    let name = CHECKSUMS.iter().find(|(_, a)| *a == digest.algorithm).map_or("content-md5", |(n, _)| n);
    (HeaderName::from_static(name), BASE64_STANDARD.encode(&digest.bytes))
}

/// The digest of a document that must have one. Every S3 dialect accepts Content-MD5 here; OCI no newer checksum than
/// CRC32C.
pub(super) fn content_md5(document: &[u8]) -> Result<HeaderValue> {
    value("the digest", &BASE64_STANDARD.encode(<Md5 as md5::Digest>::digest(document)))
}

/// A caller's value as a header's: refused where HTTP cannot carry it.
pub(super) fn value(what: &str, text: &str) -> Result<HeaderValue> {
    HeaderValue::from_bytes(text.as_bytes())
        .map_err(|_| Error::new(ErrorKind::InvalidRequest, format!("{what} {text:?} cannot travel in a header")))
}

/// Content headers, metadata, tags, storage class, encryption and ACL of a new object.
pub(super) fn for_new_object(options: &PutOptions) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let a = &options.attributes;
    for (name, content) in [
        (header::CONTENT_TYPE, &a.content_type),
        (header::CONTENT_ENCODING, &a.content_encoding),
        (header::CONTENT_DISPOSITION, &a.content_disposition),
        (header::CONTENT_LANGUAGE, &a.content_language),
        (header::CACHE_CONTROL, &a.cache_control),
        (header::EXPIRES, &a.expires),
    ] {
        if let Some(content) = content {
            let value = value(name.as_str(), content)?;
            headers.insert(name, value);
        }
    }
    for (name, content) in &options.metadata {
        insert_metadata(&mut headers, name, content)?;
    }
    if let Some(time) = options.source_time {
        insert_metadata(&mut headers, SOURCE_TIME, &format_source_time(time))?;
    }
    if !options.tags.is_empty() {
        let pairs: Vec<_> =
            options.tags.iter().map(|(k, v)| format!("{}={}", encode::query(k), encode::query(v))).collect();
        headers.insert("x-amz-tagging", value("the tags", &pairs.join("&"))?);
    }
    placement(options, &mut headers)?;
    Ok(headers)
}

/// Storage class, encryption and ACL: what a server-side copy must say again.
pub(super) fn placement(options: &PutOptions, headers: &mut HeaderMap) -> Result<()> {
    let encryption = options.encryption.as_ref();
    for (name, content) in [
        ("x-amz-storage-class", options.storage_class.as_deref()),
        ("x-amz-acl", options.acl.as_deref()),
        ("x-amz-server-side-encryption", encryption.map(|e| e.algorithm.as_str())),
        ("x-amz-server-side-encryption-aws-kms-key-id", encryption.and_then(|e| e.kms_key_id.as_deref())),
    ] {
        if let Some(content) = content {
            headers.insert(name, value(name, content)?);
        }
    }
    Ok(())
}

/// `If-None-Match` or `If-Match` of a conditional write.
pub(super) fn condition(condition: &Condition, headers: &mut HeaderMap) -> Result<()> {
    match condition {
        Condition::Always => {}
        Condition::IfAbsent => {
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("*"));
        }
        Condition::IfMatch(etag) => {
            headers.insert(header::IF_MATCH, value("the ETag", &etag.quoted())?);
        }
    }
    Ok(())
}

fn insert_metadata(headers: &mut HeaderMap, name: &str, content: &str) -> Result<()> {
    let header = HeaderName::try_from(format!("x-amz-meta-{name}")).map_err(|_| {
        Error::new(ErrorKind::InvalidRequest, format!("the metadata name {name:?} cannot travel in a header"))
    })?;
    headers.insert(header, value("the metadata value", content)?);
    Ok(())
}

/// Seconds since the epoch, with nanoseconds where there are any.
pub(crate) fn format_source_time(time: OffsetDateTime) -> String {
    let (seconds, nanos) = (time.unix_timestamp(), time.nanosecond());
    if nanos == 0 { seconds.to_string() } else { format!("{seconds}.{nanos:09}").trim_end_matches('0').to_owned() }
}

/// The inverse of [`format_source_time`]; `None` where the text is something else.
pub(crate) fn parse_source_time(text: &str) -> Option<OffsetDateTime> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanos: i64 = format!("{fraction:0<9}").parse().ok()?;
    let whole = OffsetDateTime::from_unix_timestamp(seconds.parse().ok()?).ok()?;
    whole.checked_add(time::Duration::nanoseconds(nanos))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_source_time_survives_to_the_nanosecond() {
        for time in [
            datetime!(2020-01-02 03:04:05.000000009 UTC),
            datetime!(2020-01-02 03:04:05.5 UTC),
            datetime!(1999-01-01 0:00 UTC),
        ] {
            assert_eq!(parse_source_time(&format_source_time(time)), Some(time));
        }
        for bad in ["", ".", "x", "1.", "1.x", "1.0000000001", "99999999999999999999"] {
            assert_eq!(parse_source_time(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_composite_checksum_is_no_digest_of_the_object() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-checksum-crc32", HeaderValue::from_static("NhCmhg==-3"));
        headers.insert("x-amz-checksum-crc64nvme", HeaderValue::from_static("AAAAAAAAAAE="));
        assert_eq!(digests(&headers).len(), 1);
        headers.insert("x-amz-checksum-type", HeaderValue::from_static("COMPOSITE"));
        assert_eq!(digests(&headers), []);
    }

    #[test]
    fn what_http_cannot_carry_is_refused_by_name() {
        let mut options = PutOptions::default();
        options.metadata.insert("näme".into(), "x".into());
        assert!(for_new_object(&options).unwrap_err().to_string().contains("näme"));
        options.metadata = [("a".to_owned(), "line\nbreak".to_owned())].into();
        assert_eq!(for_new_object(&options).unwrap_err().kind(), ErrorKind::InvalidRequest);
    }
}
