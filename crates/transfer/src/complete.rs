//! The end of a multipart upload, good or bad.

use transship_store::{Bucket, ErrorKind, Part, PutOptions, PutReply, Result, RetryOptions, Upload, retry};
use transship_types::{ETag, ErrorClass};

use crate::read::exhausted;

/// Completes an upload. When the reply was lost, a later attempt finds no upload any more: then the object itself
/// tells whether it is the expected one, and if it does not, only a whole new attempt can.
pub(crate) async fn complete(
    bucket: &dyn Bucket,
    policy: &RetryOptions,
    upload: &Upload,
    parts: &[Part],
    options: &PutOptions,
    expected: Option<&ETag>,
) -> Result<PutReply> {
    let mut attempt = 1;
    loop {
        let error = match bucket.complete_upload(upload, parts, options).await {
            Ok(reply) if reply.etag.is_some() => return Ok(reply),
            // Ceph RGW 16 leaves it out. A look is cheaper than reading the object again.
            Ok(reply) => return Ok(look(bucket, upload, expected).await.unwrap_or(reply)),
            Err(error) => error,
        };
        let gone = error.kind() == ErrorKind::NoSuchUpload;
        match policy.wait(attempt, &error).filter(|_| !gone) {
            Some(wait) => {
                tracing::debug!(%error, attempt, ?wait, "completing the upload again");
                tokio::time::sleep(wait).await;
                attempt += 1;
            }
            None if attempt == 1 => return Err(exhausted(error)),
            // Not every server says in these words that the upload is gone: the object decides.
            None => match look(bucket, upload, expected).await {
                Some(reply) => {
                    // An equal object may have been there before; then the upload still is.
                    abort(bucket, policy, upload).await;
                    return Ok(reply);
                }
                None if gone => return Err(error.with_class(ErrorClass::Transient)),
                None => return Err(exhausted(error)),
            },
        }
    }
}

/// The object, where it is the expected one.
async fn look(bucket: &dyn Bucket, upload: &Upload, expected: Option<&ETag>) -> Option<PutReply> {
    let info = bucket.head(&upload.key).await.ok()?;
    let expected = info.etag.is_some() && info.etag.as_ref() == expected;
    expected.then_some(PutReply { etag: info.etag, digests: info.digests, opaque_etag: info.opaque_etag })
}

/// Drops an upload's parts; what cannot be dropped is said, not fatal.
pub(crate) async fn abort(bucket: &dyn Bucket, policy: &RetryOptions, upload: &Upload) {
    if let Err(error) = retry(policy, |_| bucket.abort_upload(upload)).await {
        tracing::warn!(%error, upload = upload.id, "an unfinished upload was left behind");
    }
}
