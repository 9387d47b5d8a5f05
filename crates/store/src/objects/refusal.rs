//! What a server said instead of doing it.

use std::{fmt, time::Duration};

use http::{HeaderMap, header};
use time::{OffsetDateTime, format_description::well_known::Rfc2822};

use crate::{Error, ErrorKind};

/// A reply that is no success, from Azure, GCS or their token endpoints. It travels through `object_store` as the
/// source of its error, so that status, code and `Retry-After` come out whole at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: Option<String>,
    message: Option<String>,
    detail: Option<String>,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(status: u16, headers: &HeaderMap, body: &[u8]) -> Self {
        let body = String::from_utf8_lossy(body);
        let (code, message, detail) = json(&body).unwrap_or_else(|| xml(&body));
        // A reply to HEAD has no body: Azure repeats the code in a header.
        let code = code.or_else(|| headers.get("x-ms-error-code")?.to_str().ok().map(str::to_owned));
        Self { status, code, message, detail, retry_after: retry_after(headers) }
    }

    pub(super) fn kind(&self) -> ErrorKind {
        if let Some(kind) = self.kind_of_authentication() {
            return kind;
        }
        self.code.as_deref().and_then(kind_of_code).unwrap_or(match self.status {
            401 => ErrorKind::Credentials,
            403 => ErrorKind::AccessDenied,
            404 => ErrorKind::NotFound,
            408 => ErrorKind::Timeout,
            304 | 412 => ErrorKind::PreconditionFailed,
            429 | 503 => ErrorKind::Throttled,
            501 => ErrorKind::Unsupported,
            500..=599 => ErrorKind::Server,
            _ => ErrorKind::InvalidRequest,
        })
    }

    /// Azure calls a wrong key, an expired signature and a skewed clock by the same code.
    fn kind_of_authentication(&self) -> Option<ErrorKind> {
        // The emulator has a code of its own.
        let unknown = self.message.as_deref().is_some_and(|said| said.contains("failed to authenticate"));
        if self.code.as_deref() != Some("AuthenticationFailed") && !unknown {
            return None;
        }
        let detail = self.detail.as_deref().unwrap_or_default();
        Some(if detail.contains("time frame") || detail.contains("expired") {
            ErrorKind::ExpiredToken
        } else if detail.contains("date header") {
            ErrorKind::ClockSkew
        } else {
            ErrorKind::Credentials
        })
    }

    pub(super) fn to_error(&self) -> Error {
        let kind = self.kind();
        let detail = match (explanation(kind), &self.message) {
            (Some(known), Some(said)) => format!("{known}: {said}"),
            (Some(known), None) => known.to_owned(),
            (None, Some(said)) => said.clone(),
            (None, None) => format!("the server answered {}", self.status),
        };
        Error::new(kind, detail).answered(self.status, self.code.as_deref()).with_retry_after(self.retry_after)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server answered {}", self.status)
    }
}

impl std::error::Error for Refusal {}

/// <https://learn.microsoft.com/en-us/rest/api/storageservices/blob-service-error-codes>,
/// <https://cloud.google.com/storage/docs/xml-api/reference-status>,
/// <https://www.rfc-editor.org/rfc/rfc6749#section-5.2>
fn kind_of_code(code: &str) -> Option<ErrorKind> {
    Some(match code {
        "ContainerNotFound" | "NoSuchBucket" | "ContainerDisabled" => ErrorKind::NoSuchBucket,
        "BlobNotFound" | "ResourceNotFound" | "NoSuchKey" => ErrorKind::NotFound,
        "NoSuchUpload" => ErrorKind::NoSuchUpload,
        "BlobAlreadyExists" | "ConditionNotMet" | "TargetConditionNotMet" | "SourceConditionNotMet" => {
            ErrorKind::PreconditionFailed
        }
        "NoAuthenticationInformation"
        | "InvalidAuthenticationInfo"
        | "invalid_client"
        | "invalid_grant"
        | "unauthorized_client"
        | "invalid_request"
        | "SignatureDoesNotMatch"
        | "InvalidSecurity" => ErrorKind::Credentials,
        "ExpiredToken" => ErrorKind::ExpiredToken,
        "RequestTimeTooSkewed" => ErrorKind::ClockSkew,
        "ServerBusy" | "SlowDown" => ErrorKind::Throttled,
        "OperationTimedOut" | "RequestTimeout" => ErrorKind::Timeout,
        "Md5Mismatch" | "BadDigest" => ErrorKind::DigestMismatch,
        "InternalError" | "ContainerBeingDeleted" => ErrorKind::Server,
        _ => return None,
    })
}

fn explanation(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::NotFound => "there is no such object",
        ErrorKind::NoSuchBucket => "there is no such bucket",
        ErrorKind::AccessDenied => "access denied",
        ErrorKind::Credentials => "the server does not accept the credentials",
        ErrorKind::ExpiredToken => "the credentials have expired",
        ErrorKind::ClockSkew => "this machine's clock and the server's differ by too much",
        ErrorKind::PreconditionFailed => "the object is not what was expected",
        ErrorKind::Throttled => "the server asks to slow down",
        ErrorKind::DigestMismatch => "the server received other bytes than were sent",
        _ => return None,
    })
}

type Said = (Option<String>, Option<String>, Option<String>);

fn xml(body: &str) -> Said {
    let detail = element(body, "AuthenticationErrorDetail").or_else(|| element(body, "Details"));
    (element(body, "Code"), element(body, "Message").map(|m| first_line(&m)), detail)
}

/// `{"error": "invalid_client", "error_description": "..."}` or `{"error": {"code": 403, "message": "..."}}`
fn json(body: &str) -> Option<Said> {
    let said: serde_json::Value = serde_json::from_str(body).ok()?;
    let error = said.get("error")?;
    let text = |value: Option<&serde_json::Value>| value?.as_str().map(str::to_owned);
    let message = text(said.get("error_description")).or_else(|| text(error.get("message")));
    Some((text(Some(error)).or_else(|| text(error.get("status"))), message.map(|m| first_line(&m)), None))
}

fn element(body: &str, name: &str) -> Option<String> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let text = quick_xml::escape::unescape(text).ok()?.trim().to_owned();
    Some(text).filter(|t| !t.is_empty())
}

/// Azure goes on with request ids and times.
fn first_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let clean: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    clean.trim().trim_end_matches('.').to_owned()
}

/// Seconds, or a date. <https://www.rfc-editor.org/rfc/rfc9110#field.retry-after>
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let wait = text(header::RETRY_AFTER)?;
    if let Ok(seconds) = wait.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text| OffsetDateTime::parse(text, &Rfc2822).ok();
    (date(wait)? - date(text(header::DATE)?)?).try_into().ok()
}

#[cfg(test)]
mod tests {
    use transship_types::ErrorClass;

    use super::*;

    fn refusal(status: u16, body: &str) -> Error {
        Refusal::new(status, &HeaderMap::new(), body.as_bytes()).to_error()
    }

    #[test]
    fn a_refusal_becomes_one_line_with_status_and_code() {
        let body = "\u{feff}<?xml version=\"1.0\"?><Error><Code>ContainerNotFound</Code><Message>The specified \
                    container does not exist.\nRequestId:1\nTime:2</Message></Error>";
        let error = refusal(404, body);
        assert_eq!(error.kind(), ErrorKind::NoSuchBucket);
        let line = "there is no such bucket: The specified container does not exist (404 ContainerNotFound)";
        assert_eq!(error.to_string(), line);
    }

    #[test]
    fn kinds_follow_codes_then_status() {
        let authentication = |detail: &str| {
            format!("<Code>AuthenticationFailed</Code><AuthenticationErrorDetail>{detail}</AuthenticationErrorDetail>")
        };
        for (status, body, kind) in [
            (403, authentication("The MAC signature is not the same"), ErrorKind::Credentials),
            (403, authentication("Signature not valid in the specified time frame"), ErrorKind::ExpiredToken),
            (403, authentication("Request date header too old: x"), ErrorKind::ClockSkew),
            (403, "<Code>AuthorizationPermissionMismatch</Code>".into(), ErrorKind::AccessDenied),
            (409, "<Code>BlobAlreadyExists</Code>".into(), ErrorKind::PreconditionFailed),
            (409, "<Code>BlobArchived</Code>".into(), ErrorKind::InvalidRequest),
            (400, r#"{"error":"invalid_grant","error_description":"no"}"#.into(), ErrorKind::Credentials),
            (403, r#"{"error":{"code":403,"message":"no"}}"#.into(), ErrorKind::AccessDenied),
            (500, "<Code>OperationTimedOut</Code>".into(), ErrorKind::Timeout),
            (503, String::new(), ErrorKind::Throttled),
            (502, "<html>".into(), ErrorKind::Server),
        ] {
            assert_eq!(refusal(status, &body).kind(), kind, "{status} {body}");
        }
        assert_eq!(refusal(412, "").class(), ErrorClass::Conflict);
        assert_eq!(refusal(429, "").class(), ErrorClass::Transient);
        assert_eq!(refusal(404, "").class(), ErrorClass::Permanent);
    }

    #[test]
    fn the_wait_is_read_in_seconds_and_as_a_date() {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("7"));
        assert_eq!(Refusal::new(503, &headers, b"").to_error().retry_after(), Some(Duration::from_secs(7)));
        headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("Fri, 31 Dec 1999 23:59:59 GMT"));
        headers.insert(header::DATE, header::HeaderValue::from_static("Fri, 31 Dec 1999 23:59:50 GMT"));
        assert_eq!(Refusal::new(503, &headers, b"").to_error().retry_after(), Some(Duration::from_secs(9)));
    }
}
