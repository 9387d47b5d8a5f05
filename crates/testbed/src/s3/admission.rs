//! What is looked at before a request reaches `s3s`: the region it was signed for, its clock, and the digest of a
//! DeleteObjects body, of which `s3s` shows its operations only the parsed form.

use super::checksums::{Algorithm, ObjectChecksums, hasher};
use super::receive::check_md5;
use super::refusal::Refusal;
use http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use md5::{Digest, Md5};
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

/// AWS refuses a request that is further from its own clock.
const MOST_SKEW: Duration = Duration::minutes(15);
const BUCKET_REGION: HeaderName = HeaderName::from_static("x-amz-bucket-region");

/// What a server says to a request that was signed for another region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WrongRegion {
    /// 400 `AuthorizationHeaderMalformed` with the right region in the document, as AWS answers.
    #[default]
    Refuse,
    /// 301 `PermanentRedirect` with `x-amz-bucket-region`, as AWS answers where the bucket is elsewhere.
    Redirect,
    /// 403 `AccessDenied` with `x-amz-bucket-region`: in the reply to a HEAD, nothing but this header tells.
    Deny,
    /// Nothing: every region will do, as on most other servers.
    Accept,
}

/// Compares the region of the credential scope.
pub(crate) fn check_region(
    mode: WrongRegion,
    region: &str,
    bucket: Option<&str>,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(), Refusal> {
    let signed_for = signed_region(uri, headers);
    let Some(wrong) = signed_for.filter(|signed| signed != region && mode != WrongRegion::Accept) else {
        return Ok(());
    };
    let refusal = match mode {
        WrongRegion::Redirect => Refusal::new(
            StatusCode::MOVED_PERMANENTLY,
            "PermanentRedirect",
            "The bucket you are attempting to access must be addressed using the specified endpoint.",
        )
        .element("Endpoint", format!("s3.{region}.amazonaws.com"))
        .element("Bucket", bucket.unwrap_or_default()),
        WrongRegion::Deny => Refusal::new(StatusCode::FORBIDDEN, "AccessDenied", "Access Denied"),
        _ => Refusal::new(
            StatusCode::BAD_REQUEST,
            "AuthorizationHeaderMalformed",
            format!("The authorization header is malformed; the region '{wrong}' is wrong; expecting '{region}'"),
        ),
    };
    Err(refusal.element("Region", region).header(BUCKET_REGION, region))
}

/// `access-key/date/region/service/aws4_request`, from the header or from a presigned address.
fn signed_region(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let scope = match headers.get(header::AUTHORIZATION) {
        Some(value) => value.to_str().ok()?.split_once("Credential=")?.1.split(',').next()?.to_owned(),
        None => query_value(uri, "X-Amz-Credential")?,
    };
    scope.trim().rsplit('/').nth(2).map(str::to_owned)
}

fn query_value(uri: &Uri, name: &str) -> Option<String> {
    let mut pairs = url::form_urlencoded::parse(uri.query()?.as_bytes());
    pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
}

/// Compares the time of signing with the server's clock. Presigned addresses have their own lifetime.
pub(crate) fn check_clock(headers: &HeaderMap, now: OffsetDateTime) -> Result<(), Refusal> {
    let format = format_description!("[year][month][day]T[hour][minute][second]Z");
    let text = headers.get("x-amz-date").and_then(|date| date.to_str().ok());
    let Some(signed) = text.and_then(|text| PrimitiveDateTime::parse(text, format).ok()) else { return Ok(()) };
    if (now - signed.assume_utc()).abs() <= MOST_SKEW {
        return Ok(());
    }
    let message = "The difference between the request time and the current time is too large.";
    let iso = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    Err(Refusal::new(StatusCode::FORBIDDEN, "RequestTimeTooSkewed", message)
        .element("RequestTime", text.unwrap_or_default())
        .element("ServerTime", now.format(iso).unwrap_or_default())
        .element("MaxAllowedSkewMilliseconds", MOST_SKEW.whole_milliseconds().to_string()))
}

/// A DeleteObjects body must come with its MD5 or a checksum
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>).
pub(crate) fn check_delete_body(headers: &HeaderMap, body: &[u8]) -> Result<(), Refusal> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    if text("x-amz-content-sha256").is_some_and(|hash| hash.starts_with("STREAMING-")) {
        return Ok(());
    }
    let md5 = text("content-md5");
    let promised: Vec<_> =
        Algorithm::ALL.into_iter().filter_map(|algorithm| Some((algorithm, text(algorithm.header())?))).collect();
    if md5.is_none() && promised.is_empty() {
        let message = "Missing required header for this request: Content-MD5 OR x-amz-checksum-*";
        return Err(Refusal::new(StatusCode::BAD_REQUEST, "InvalidRequest", message));
    }
    check_md5(md5.as_deref(), Md5::digest(body).into())?;
    let mut sums = hasher(&promised.iter().map(|(algorithm, _)| *algorithm).collect::<Vec<_>>());
    sums.update(body);
    Ok(ObjectChecksums::from(sums.finalize()).check(&promised)?)
}
