//! The end of a multipart upload, good or bad.

use transship_store::{Bucket, Error, ErrorKind, Part, PutOptions, PutReply, Result, RetryOptions, Upload, retry};
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
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        if attempt > 1 && error.kind() == ErrorKind::NoSuchUpload {
            return look(bucket, upload, expected, error).await;
        }
        let Some(wait) = policy.wait(attempt, &error) else { return Err(exhausted(error)) };
        tracing::debug!(%error, attempt, ?wait, "completing the upload again");
        tokio::time::sleep(wait).await;
        attempt += 1;
    }
}

async fn look(bucket: &dyn Bucket, upload: &Upload, expected: Option<&ETag>, error: Error) -> Result<PutReply> {
    match bucket.head(&upload.key).await {
        Ok(info) if info.etag.is_some() && info.etag.as_ref() == expected => {
            Ok(PutReply { etag: info.etag, digests: info.digests, opaque_etag: info.opaque_etag })
        }
        _ => Err(error.with_class(ErrorClass::Transient)),
    }
}

/// Drops an upload's parts; what cannot be dropped is said, not fatal.
pub(crate) async fn abort(bucket: &dyn Bucket, policy: &RetryOptions, upload: &Upload) {
    if let Err(error) = retry(policy, |_| bucket.abort_upload(upload)).await {
        tracing::warn!(%error, upload = upload.id, "an unfinished upload was left behind");
    }
}
