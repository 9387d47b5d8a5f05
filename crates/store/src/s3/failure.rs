//! From what went wrong on the wire to an [`Error`].

use std::{error::Error as StdError, time::Duration};

use http::{HeaderMap, StatusCode, header};

use super::{headers, xml};
use crate::{Error, ErrorKind, proxy::ProxyError};
use transship_types::ErrorClass;

/// What a reply that is no success says.
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<xml::ErrorBody>,
    /// The request named a key: a 404 without a body means the object.
    pub(super) about_key: bool,
    /// The region that the request was signed for.
    pub(super) signed_for: String,
}

impl Refusal {
    pub(super) fn code(&self) -> Option<&str> {
        self.body.as_ref().map(|b| b.code.as_str()).filter(|c| !c.is_empty())
    }

    /// The region that the server says the bucket is in.
    pub(super) fn region(&self) -> Option<String> {
        headers::text(&self.headers, "x-amz-bucket-region").or_else(|| self.body.as_ref()?.region.clone())
    }

    fn names_another_region(&self) -> bool {
        self.region().is_some_and(|region| region != self.signed_for)
    }

    pub(super) fn kind(&self) -> ErrorKind {
        self.code().and_then(kind_of_code).unwrap_or_else(|| self.kind_of_status())
    }

    fn kind_of_status(&self) -> ErrorKind {
        match self.status.as_u16() {
            400 | 403 if self.body.is_none() && self.names_another_region() => ErrorKind::WrongRegion,
            301 | 307 | 308 => ErrorKind::WrongRegion,
            401 => ErrorKind::Credentials,
            403 => ErrorKind::AccessDenied,
            404 if self.about_key => ErrorKind::NotFound,
            404 => ErrorKind::NoSuchBucket,
            408 => ErrorKind::Timeout,
            412 => ErrorKind::PreconditionFailed,
            429 => ErrorKind::Throttled,
            501 => ErrorKind::Unsupported,
            503 => ErrorKind::Throttled,
            500..=599 => ErrorKind::Server,
            _ => ErrorKind::InvalidRequest,
        }
    }

    pub(super) fn into_error(self) -> Error {
        let kind = self.kind();
        let said = self.body.as_ref().map(|b| one_line(&b.message)).filter(|m| !m.is_empty());
        let detail = match (said, explanation(kind)) {
            (Some(said), Some(known)) => format!("{known}: {said}"),
            (Some(said), None) => said,
            (None, Some(known)) => known.to_owned(),
            (None, None) => format!("the server answered {}", self.status),
        };
        let retry_after = retry_after(&self.headers);
        let error = Error::new(kind, detail).answered(self.status.as_u16(), self.code()).with_retry_after(retry_after);
        // A conflict between two writers clears up by itself.
        if self.code() == Some("OperationAborted") { error.with_class(ErrorClass::Transient) } else { error }
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>, and what other servers add to it.
/// What a code of S3 means.
pub(super) fn kind_of_code(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "NoSuchKey" => ErrorKind::NotFound,
        "NoSuchBucket" | "InvalidBucketName" => ErrorKind::NoSuchBucket,
        "NoSuchUpload" => ErrorKind::NoSuchUpload,
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" | "NotSignedUp" => ErrorKind::AccessDenied,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "InvalidToken"
        | "InvalidSecurity"
        | "InvalidClientTokenId" => ErrorKind::Credentials,
        "ExpiredToken" | "TokenRefreshRequired" | "ExpiredTokenException" => ErrorKind::ExpiredToken,
        "RequestTimeTooSkewed" => ErrorKind::ClockSkew,
        "AuthorizationHeaderMalformed"
        | "PermanentRedirect"
        | "TemporaryRedirect"
        | "Redirect"
        | "IllegalLocationConstraintException" => ErrorKind::WrongRegion,
        "PreconditionFailed" | "ConditionalRequestConflict" | "NotModified" => ErrorKind::PreconditionFailed,
        "SlowDown"
        | "SlowDownRead"
        | "SlowDownWrite"
        | "TooManyRequests"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "BandwidthLimitExceeded" => ErrorKind::Throttled,
        "RequestTimeout" => ErrorKind::Timeout,
        "BadDigest" | "XAmzContentChecksumMismatch" | "InvalidDigest" | "XAmzContentSHA256Mismatch" => {
            ErrorKind::DigestMismatch
        }
        "IncompleteBody" => ErrorKind::Truncated,
        "InternalError" | "ServiceUnavailable" | "OperationAborted" => ErrorKind::Server,
        "NotImplemented" => ErrorKind::Unsupported,
        "InvalidObjectState" => ErrorKind::InvalidRequest,
        _ => return None,
    })
}

fn explanation(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::NotFound => "there is no such object",
        ErrorKind::NoSuchBucket => "there is no such bucket",
        ErrorKind::AccessDenied => "access denied",
        ErrorKind::Credentials => "the server does not accept the credentials",
        ErrorKind::ExpiredToken => "the session token has expired",
        ErrorKind::ClockSkew => "this machine's clock and the server's differ by too much",
        ErrorKind::WrongRegion => "the bucket is in another region",
        ErrorKind::PreconditionFailed => "the object has changed meanwhile",
        ErrorKind::Throttled => "the server asks to slow down",
        ErrorKind::DigestMismatch => "the server received other bytes than were sent",
        _ => return None,
    })
}

/// Seconds, or a date. <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers::text(headers, header::RETRY_AFTER)?;
    if let Ok(seconds) = text.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = headers::http_date(&text)?;
    let now = headers::text(headers, header::DATE).and_then(|d| headers::http_date(&d))?;
    (date - now).try_into().ok()
}

/// A request that got no reply.
pub(super) fn no_reply(error: &hyper_util::client::legacy::Error) -> Error {
    if let Some(proxy) = find::<ProxyError>(error) {
        return proxy.to_error();
    }
    let innermost = innermost(error);
    if let Some(tls) = find::<rustls::Error>(error) {
        return Error::new(ErrorKind::Connection, tls_detail(tls)).with_class(ErrorClass::Permanent);
    }
    let detail = if error.is_connect() {
        format!("cannot connect: {innermost}")
    } else {
        format!("the connection broke: {innermost}")
    };
    Error::new(ErrorKind::Connection, detail)
}

/// rustls describes some of its errors only as a programmer would.
fn tls_detail(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(rustls::CertificateError::Expired) => {
            "TLS failed: the server's certificate has expired".to_owned()
        }
        rustls::Error::InvalidCertificate(
            rustls::CertificateError::NotValidForName | rustls::CertificateError::NotValidForNameContext { .. },
        ) => "TLS failed: the server's certificate is for another name".to_owned(),
        rustls::Error::InvalidCertificate(_) => {
            "TLS failed: the server's certificate is not trusted; a CA bundle names further authorities".to_owned()
        }
        rustls::Error::InvalidMessage(_) => "TLS failed: the server does not speak TLS here; is it http?".to_owned(),
        other => format!("TLS failed: {}", one_line(&other.to_string())),
    }
}

fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    if let Some(found) = error.downcast_ref::<T>() {
        return Some(found);
    }
    // An io::Error hides the error that it wraps from `source`; connectors wrap them several deep.
    let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    let inner = wrapped.map(|inner| inner as &(dyn StdError + 'static)).or_else(|| error.source());
    inner.and_then(find)
}

fn innermost(error: &dyn StdError) -> String {
    let (mut text, mut current) = (error.to_string(), error.source());
    while let Some(error) = current {
        text = error.to_string();
        current = error.source();
    }
    one_line(&text)
}

/// A server's words, fit for one line of a log.
fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    clean.trim().trim_end_matches('.').to_owned()
}
