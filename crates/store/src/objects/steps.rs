//! What takes more than one request, or more than `object_store`.

use std::sync::Arc;

use object_store::{CopyMode, CopyOptions, PutMultipartOptions};
use time::OffsetDateTime;
use transship_types::Key;

use super::{ObjectStoreBucket, backing::Held, digest, directory::Directory, failure::explain, reading, writing};
use crate::{Body, Condition, CopySource, Error, ErrorKind, Part, PutOptions, PutReply, Result, Upload, body::Content};

impl ObjectStoreBucket {
    pub(super) async fn write(&self, key: &Key, body: Body, options: &PutOptions) -> Result<PutReply> {
        self.check(key)?;
        let attributes = writing::attributes(options, &self.capabilities, self.rules)?;
        let store = match self.backing.held() {
            Held::Directory(directory) => {
                let upload = directory.start(key, &options.condition).await?;
                let reply = writing::stream(Box::new(upload), body, options).await?;
                return settle(directory, key, options.source_time, reply).await;
            }
            Held::Store(store) => store,
        };
        let path = self.path(key)?;
        let streams = self.capabilities.streams_bodies && matches!(body.content, Content::Stream(_));
        if streams && options.condition == Condition::Always {
            let upload = store.put_multipart_opts(&path, PutMultipartOptions::default()).await;
            writing::stream(upload.map_err(|e| explain(&e))?, body, options).await
        } else {
            writing::put(&*store, &path, body, options, attributes, self.rules).await
        }
    }

    pub(super) async fn start_upload(&self, key: &Key, options: &PutOptions) -> Result<Upload> {
        self.check(key)?;
        refuse_condition(options)?;
        let attributes = writing::attributes(options, &self.capabilities, self.rules)?;
        let writer = match self.backing.held() {
            Held::Directory(directory) => Box::new(directory.start(key, &options.condition).await?),
            Held::Store(store) => {
                let theirs = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
                store.put_multipart_opts(&self.path(key)?, theirs).await.map_err(|e| explain(&e))?
            }
        };
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
        let reply = writing::reply(&joined?);
        match self.backing.held() {
            Held::Directory(directory) => {
                settle(directory, &upload.key, options.source_time.or(open.source_time), reply).await
            }
            Held::Store(_) => Ok(reply),
        }
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
        let Held::Store(store) = self.backing.held() else { return Err(Error::unsupported("copy that on the server")) };
        if let Some(expected) = &source.if_match {
            let found = reading::head(&*store, &from).await?;
            if found.etag.as_ref() != Some(expected) {
                return Err(Error::new(ErrorKind::PreconditionFailed, "the source is not what was expected"));
            }
        }
        store.copy_opts(&from, &to, CopyOptions::new().with_mode(mode)).await.map_err(|e| explain(&e))?;
        let copied = reading::head(&*store, &to).await?;
        Ok(PutReply { etag: copied.etag, digests: copied.digests, opaque_etag: false })
    }
}

/// Gives a file its time, which is part of its ETag.
async fn settle(
    directory: &Arc<Directory>,
    key: &Key,
    source_time: Option<OffsetDateTime>,
    reply: PutReply,
) -> Result<PutReply> {
    let Some(time) = source_time else { return Ok(reply) };
    let etag = directory.set_time(key, time).await?.etag;
    Ok(PutReply { etag, ..reply })
}

fn refuse_condition(options: &PutOptions) -> Result<()> {
    match options.condition {
        Condition::Always => Ok(()),
        _ => Err(Error::unsupported("make a multipart upload conditional")),
    }
}
