//! What takes more than one request, or more than `object_store`.

use object_store::{CopyMode, CopyOptions, PutMultipartOptions, path::Path};
use time::OffsetDateTime;
use transship_types::Key;

use super::{ObjectStoreBucket, digest, failure::explain, reading, reading::Times, writing};
use crate::{Body, Condition, CopySource, Error, ErrorKind, Part, PutOptions, PutReply, Result, Upload, body::Content};

impl ObjectStoreBucket {
    pub(super) async fn write(&self, key: &Key, body: Body, options: &PutOptions) -> Result<PutReply> {
        let path = self.path(key)?;
        let attributes = writing::attributes(options, &self.capabilities, self.rules)?;
        let store = self.backing.for_writing()?;
        let streams = self.capabilities.streams_bodies && matches!(body.content, Content::Stream(_));
        let written = if streams && options.condition == Condition::Always {
            writing::stream(&*store, &path, body, options).await
        } else {
            writing::put(&*store, &path, body, options, attributes, self.rules).await
        };
        let reply = written.map_err(|e| self.unwritten(key, e))?;
        self.settle(key, &path, options.source_time, reply).await
    }

    /// Gives a file its time, which is part of its ETag.
    pub(super) async fn settle(
        &self,
        key: &Key,
        path: &Path,
        source_time: Option<OffsetDateTime>,
        reply: PutReply,
    ) -> Result<PutReply> {
        let (Some(directory), Some(time)) = (self.backing.directory(), source_time) else { return Ok(reply) };
        directory.set_time(key.as_str(), time);
        let etag = reading::head(&*self.backing.for_reading()?, path, Times::File).await?.etag;
        Ok(PutReply { etag, ..reply })
    }

    pub(super) async fn start_upload(&self, key: &Key, options: &PutOptions) -> Result<Upload> {
        let path = self.path(key)?;
        refuse_condition(options)?;
        let attributes = writing::attributes(options, &self.capabilities, self.rules)?;
        let theirs = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let started = self.backing.for_writing()?.put_multipart_opts(&path, theirs).await;
        let writer = started.map_err(|e| self.unwritten(key, explain(&e)))?;
        Ok(self.uploads.add(key, writer, options.source_time))
    }

    pub(super) async fn write_part(
        &self,
        upload: &Upload,
        number: u32,
        body: Body,
        options: &PutOptions,
    ) -> Result<Part> {
        let open = self.uploads.get(upload)?;
        let announced = open.announce(number);
        let chunks = body.gather().await?;
        digest::check(&chunks, options.digest.as_ref()).await?;
        open.put_part(announced, writing::payload(chunks)).await
    }

    pub(super) async fn finish_upload(
        &self,
        upload: &Upload,
        parts: &[Part],
        options: &PutOptions,
    ) -> Result<PutReply> {
        refuse_condition(options)?;
        let open = self.uploads.get(upload)?;
        let joined = open.complete(parts).await;
        // Whatever came of it, it cannot be completed a second time.
        self.uploads.remove(upload);
        let reply = writing::reply(&joined.map_err(|e| self.unwritten(&upload.key, e))?);
        let path = self.path(&upload.key)?;
        self.settle(&upload.key, &path, options.source_time.or(open.source_time), reply).await
    }

    /// `object_store` copies whatever is there, so the source's ETag is compared first: between the two, the source
    /// may still change.
    pub(super) async fn duplicate(&self, source: &CopySource, key: &Key, options: &PutOptions) -> Result<PutReply> {
        if self.capabilities.max_copy == 0 || source.realm != self.realm {
            return Err(Error::unsupported("copy that on the server"));
        }
        if options.storage_class.is_some() || options.encryption.is_some() || options.acl.is_some() {
            return Err(Error::unsupported("copy into another class, encryption or ACL"));
        }
        let mode = match options.condition {
            Condition::Always => CopyMode::Overwrite,
            Condition::IfAbsent => CopyMode::Create,
            Condition::IfMatch(_) => return Err(Error::unsupported("copy over one version only")),
        };
        let (from, to) = (self.path(&source.key)?, self.path(key)?);
        let store = self.backing.for_writing()?;
        if let Some(expected) = &source.if_match {
            let found = reading::head(&*store, &from, self.times()).await?;
            if found.etag.as_ref() != Some(expected) {
                return Err(Error::new(ErrorKind::PreconditionFailed, "the source is not what was expected"));
            }
        }
        store.copy_opts(&from, &to, CopyOptions::new().with_mode(mode)).await.map_err(|e| explain(&e))?;
        let copied = reading::head(&*store, &to, self.times()).await?;
        Ok(PutReply { etag: copied.etag, digests: copied.digests, opaque_etag: false })
    }
}

fn refuse_condition(options: &PutOptions) -> Result<()> {
    match options.condition {
        Condition::Always => Ok(()),
        _ => Err(Error::unsupported("make a multipart upload conditional")),
    }
}
