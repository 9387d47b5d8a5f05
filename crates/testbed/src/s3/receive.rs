//! Takes in a request's body: digests it, checks what the client promised about it, keeps it or drops it.

use super::checksums::{Algorithm, ObjectChecksums, hasher};
use super::content::Content;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode};
use md5::{Digest, Md5};
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, S3Result, StdError, TrailingHeaders, s3_error};

/// What a client said about a body it sends.
pub(crate) struct Promise {
    content_md5: Option<String>,
    sums: Vec<(Algorithm, String)>,
    trailing: Option<Algorithm>,
    wanted: Vec<Algorithm>,
}

impl Promise {
    /// `sums` are those sent as headers, `wanted` one more that is to be computed.
    pub(crate) fn new(
        headers: &HeaderMap,
        content_md5: Option<String>,
        sums: Vec<(Algorithm, String)>,
        wanted: Option<Algorithm>,
    ) -> Self {
        let trailing = headers.get("x-amz-trailer").and_then(|name| Algorithm::named(name.to_str().ok()?));
        let mut all: Vec<Algorithm> =
            sums.iter().map(|(algorithm, _)| *algorithm).chain(trailing).chain(wanted).collect();
        all.sort();
        all.dedup();
        Self { content_md5, sums, trailing, wanted: all }
    }
}

/// Whether bodies are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    Bytes,
    Digests,
}

/// A body that has arrived whole and is what was promised.
pub(crate) struct Received {
    pub(crate) content: Content,
    pub(crate) md5: [u8; 16],
    pub(crate) checksums: ObjectChecksums,
}

/// Reads the body to its end.
///
/// # Errors
/// `BadDigest`, `InvalidDigest`, `XAmzContentSHA256Mismatch`, `SignatureDoesNotMatch`, `IncompleteBody`.
pub(crate) async fn receive(
    body: Option<StreamingBlob>,
    promise: Promise,
    trailers: Option<TrailingHeaders>,
    keep: Keep,
) -> S3Result<Received> {
    let mut md5 = Md5::new();
    let mut sums = hasher(&promise.wanted);
    let mut chunks = Vec::new();
    let mut size = 0;
    if let Some(mut body) = body {
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(broken_body)?;
            md5.update(&chunk);
            sums.update(&chunk);
            size += chunk.len() as u64;
            if keep == Keep::Bytes {
                chunks.push(chunk);
            }
        }
    }
    let md5: [u8; 16] = md5.finalize().into();
    let checksums = ObjectChecksums::from(sums.finalize());
    check_md5(promise.content_md5.as_deref(), md5)?;
    checksums.check(&promise.sums)?;
    if let (Some(algorithm), Some(trailers)) = (promise.trailing, trailers) {
        let sent = trailers.read(|trailers| trailers.get(algorithm.header()).cloned()).flatten();
        let sent = sent.and_then(|value| value.to_str().ok().map(str::to_owned));
        let sent = sent.ok_or_else(|| bad_request("MalformedTrailerError", "The announced trailer did not arrive."))?;
        checksums.check(&[(algorithm, sent)])?;
    }
    let content = if keep == Keep::Bytes { Content::held(chunks) } else { Content::dropped(size) };
    Ok(Received { content, md5, checksums })
}

/// Compares a `Content-MD5` header with the digest of the body.
pub(crate) fn check_md5(promised: Option<&str>, md5: [u8; 16]) -> S3Result {
    let Some(promised) = promised else { return Ok(()) };
    let promised = BASE64.decode(promised).ok().filter(|sum| sum.len() == 16);
    let promised = promised.ok_or_else(|| s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid."))?;
    if promised != md5 {
        return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
    }
    Ok(())
}

/// What S3 calls the failure of a body's stream. `s3s` keeps its stream errors private, so their texts decide.
fn broken_body(error: StdError) -> S3Error {
    let text = error.to_string();
    if text.contains("Sha256Mismatch") {
        let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
        return bad_request("XAmzContentSHA256Mismatch", message);
    }
    if text.contains("SignatureMismatch") {
        return s3_error!(SignatureDoesNotMatch, "The signature of a chunk does not match.");
    }
    s3_error!(IncompleteBody, "The body ended early: {text}")
}

/// An S3 error whose code `s3s` does not know.
fn bad_request(code: &'static str, message: &'static str) -> S3Error {
    let mut error = S3Error::with_message(S3ErrorCode::Custom(code.into()), message);
    error.set_status_code(StatusCode::BAD_REQUEST);
    error
}
