//! An upload in parts, from its start to its end, good or bad.

use std::time::Duration;

use transship_store::{
    Condition, Error, ErrorKind, Failures, Part, PutOptions, PutReply, Result, RetryOptions, Tag, Upload, retry,
};
use transship_types::{ETag, ErrorClass, Key};

use crate::{
    read::{cancelled, exhausted, insist},
    tags,
    write::Writer,
};

/// Parts of one object under way at once, at most.
pub(crate) const PARTS_AT_ONCE: usize = 8;

/// What was begun at a destination and neither completed nor aborted: it is under way, or could not be cleaned up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// The bucket that holds the parts, for people.
    pub location: String,
    /// The object to be.
    pub key: Key,
    /// The server's name for an upload in parts; empty where a body is being written to a file.
    pub upload_id: String,
}

/// An upload that was started, and has to be ended.
pub(crate) struct OpenUpload<'a> {
    pub(crate) upload: Upload,
    writer: &'a Writer,
    retry: &'a RetryOptions,
    tags: Vec<Tag>,
}

impl<'a> OpenUpload<'a> {
    /// Starts an upload. Must not be dropped half-way: nobody could abort an upload whose name never arrived.
    ///
    /// A copy that was stopped waits for that name only for so long.
    pub(crate) async fn start(writer: &'a Writer, retry: &'a RetryOptions, options: &PutOptions) -> Result<Self> {
        let bucket = &writer.destination.bucket;
        let Some(upload) = at_last(writer, insist(retry, |_| bucket.create_upload(writer.key(), options))).await else {
            let (place, key) = (bucket.location(), writer.key());
            tracing::warn!("{place} did not say whether an upload of {key} was started: it may be left behind there");
            return Err(cancelled());
        };
        let upload = upload?;
        writer.site.opened(Unfinished {
            location: bucket.location().to_owned(),
            key: upload.key.clone(),
            upload_id: upload.id.clone(),
        });
        Ok(Self { upload, writer, retry, tags: options.tags.clone() })
    }

    /// Makes the object visible, with its tags.
    pub(crate) async fn complete(
        &self,
        parts: &[Part],
        condition: &Condition,
        expected: Option<&ETag>,
    ) -> Result<PutReply> {
        let reply = self.insist_on_completing(parts, condition, expected).await?;
        tags::see_to(self.writer, self.retry, &self.tags).await;
        Ok(reply)
    }

    async fn insist_on_completing(
        &self,
        parts: &[Part],
        condition: &Condition,
        expected: Option<&ETag>,
    ) -> Result<PutReply> {
        let bucket = &self.writer.destination.bucket;
        let options = PutOptions { condition: condition.clone(), ..PutOptions::default() };
        let mut failures = Failures::default();
        loop {
            let error = match bucket.complete_upload(&self.upload, parts, &options).await {
                Ok(reply) => {
                    self.ended();
                    // Ceph RGW 16 leaves the ETag out. A look is cheaper than reading the object again.
                    let told = reply.etag.is_some();
                    return Ok(if told { reply } else { self.look(expected).await.unwrap_or(reply) });
                }
                Err(error) => error,
            };
            let gone = error.kind() == ErrorKind::NoSuchUpload;
            failures.add();
            match if gone { None } else { self.retry.wait(&failures, &error) } {
                Some(wait) => tokio::time::sleep(wait).await,
                None if failures.count() == 1 => return Err(exhausted(error)),
                None => return self.after_lost_reply(error, expected).await,
            }
        }
    }

    /// When the reply was lost, a later attempt finds no upload any more, and not every server says so in these words:
    /// the object itself tells whether it is the expected one. If it does not, only a whole new attempt can.
    async fn after_lost_reply(&self, error: Error, expected: Option<&ETag>) -> Result<PutReply> {
        match self.look(expected).await {
            Some(reply) => {
                // An equal object may have been there before; then the upload still is.
                self.abort().await;
                Ok(reply)
            }
            None if error.kind() == ErrorKind::NoSuchUpload => Err(error.with_class(ErrorClass::Transient)),
            None => Err(exhausted(error)),
        }
    }

    /// The object, where it is the expected one.
    async fn look(&self, expected: Option<&ETag>) -> Option<PutReply> {
        let info = self.writer.destination.bucket.head(&self.upload.key).await.ok()?;
        let expected = info.etag.is_some() && info.etag.as_ref() == expected;
        expected.then_some(PutReply { etag: info.etag, digests: info.digests, opaque_etag: info.opaque_etag })
    }

    /// Drops the parts; what cannot be dropped is said, not fatal.
    pub(crate) async fn abort(&self) {
        let bucket = &self.writer.destination.bucket;
        let (place, Upload { key, id, .. }) = (bucket.location(), &self.upload);
        match at_last(self.writer, retry(self.retry, |_| bucket.abort_upload(&self.upload))).await {
            Some(Ok(())) => self.ended(),
            Some(Err(error)) => tracing::warn!("left behind: the unfinished upload {id} of {key} in {place}: {error}"),
            None => tracing::warn!("left behind: the unfinished upload {id} of {key} in {place}: no answer in time"),
        }
    }

    fn ended(&self) {
        self.writer.site.ended(&self.upload);
    }
}

/// Who starts to clean up only when the time for that is over gets so much all the same: a store that is well needs less.
const LAST_MOMENT: Duration = Duration::from_secs(1);

/// Does what must be done even after the copy was stopped, as long as there is time for it.
async fn at_last<T>(writer: &Writer, work: impl Future<Output = T>) -> Option<T> {
    let over = async {
        writer.last.cancelled().await;
        tokio::time::sleep(LAST_MOMENT).await;
    };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = over => None,
    }
}
