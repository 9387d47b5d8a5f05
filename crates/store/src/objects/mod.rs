//! Anything that implements [`object_store::ObjectStore`].

mod azure;
mod backing;
mod connection_string;
mod deleting;
mod digest;
mod directory;
mod failure;
mod gcs;
mod keys;
mod listed_names;
mod listing;
mod memory;
mod metered;
mod reading;
mod refusal;
mod transport;
mod uploads;
mod walk;
mod writing;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use object_store::{CopyMode, CopyOptions, ObjectStore, PutMultipartOptions, path::Path};
use transship_types::Key;

pub(crate) use self::listing::OpenListing;
use self::{backing::Backing, failure::explain, keys::Rules, reading::Times, uploads::Uploads};
use crate::{
    AzureSpec, Body, Bucket, Capabilities, Condition, CopySource, Cursor, Deleted, Error, ErrorKind, GcsSpec,
    GetOptions, GetReply, ListPage, ListRequest, LocalSpec, MultipartLimits, ObjectInfo, Part, PutOptions, PutReply,
    RequestCounts, Result, Tag, UnfinishedUpload, Upload, body::Content, capabilities::Tally,
};

/// A bucket of an [`object_store::ObjectStore`]: Azure, GCS, a directory, memory, or an embedder's own.
///
/// Keys that `object_store`'s paths cannot carry exactly (`a//b`, `a/`, `..`, control characters) are refused before
/// anything is sent, and so is what the store behind would change. Where Azure or GCS hold such an object already,
/// listing fails and names it, rather than showing it under another object's name.
///
/// What `object_store` cannot do is not done here either: digests are checked before bytes are sent, not by the
/// server; `Expires`, tags, ACLs and encryption are not written; a part of a multipart upload cannot be sent twice,
/// so that a failed part fails the upload, with an error of class `Transient` for a whole new attempt.
///
/// **Directories**: files are written under `name#1` and renamed when complete, not synced to the disk; their time is
/// set right after the rename. Content headers, metadata and tags are not kept. Empty directories stay. Symbolic links
/// are followed; see the notes on what listing leaves out with a warning: links that lead nowhere, sockets, pipes,
/// names ending in `#` and digits.
pub struct ObjectStoreBucket {
    backing: Backing,
    rules: Rules,
    location: String,
    /// Only this very bucket can copy from itself.
    realm: String,
    capabilities: Capabilities,
    uploads: Uploads,
    tally: Arc<Tally>,
}

impl ObjectStoreBucket {
    /// A bucket of an embedder's own store. `name` is for people, and must hold no secret.
    ///
    /// The store is taken to keep content headers and metadata and to support conditional writes, to list in no
    /// order, and not to copy; [`with_capabilities`](Self::with_capabilities) says otherwise. Its own retries should
    /// be off: whoever calls a bucket retries.
    pub fn new(store: Arc<dyn ObjectStore>, name: &str) -> Self {
        let capabilities = Capabilities {
            exact_keys: false,
            ordered_listing: false,
            etag_may_be_md5: false,
            streams_bodies: false,
            max_put: 5 << 30,
            max_copy: 0,
            multipart: MultipartLimits::S3,
            content_headers: true,
            metadata: true,
            tags: false,
            conditional_put: true,
            keeps_source_time: true,
        };
        Self::assemble(Backing::Plain(store), Rules::Plain, name.to_owned(), capabilities, Arc::default())
    }

    /// The same bucket, with what its owner knows of it.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// An Azure container. Only the credentials of `spec` are used, never those of the machine.
    ///
    /// # Errors
    /// `Configuration`, saying what is wrong and never what it says.
    pub fn azure(spec: &AzureSpec) -> Result<Self> {
        azure::open(spec)
    }

    /// A GCS bucket. Only the credentials of `spec` are used, never those of the machine.
    ///
    /// # Errors
    /// `Configuration`, saying what is wrong and never what it says.
    pub fn gcs(spec: &GcsSpec) -> Result<Self> {
        gcs::open(spec)
    }

    /// A directory.
    ///
    /// # Errors
    /// `Configuration` where a file is in its place, `AccessDenied` or `Io` where it cannot be created.
    pub fn local(spec: &LocalSpec) -> Result<Self> {
        directory::open(spec)
    }

    /// A store in this process's memory. Equal names are one store, as long as the process lives.
    pub fn memory(name: &str) -> Self {
        memory::open(name)
    }

    fn assemble(
        backing: Backing,
        rules: Rules,
        location: String,
        capabilities: Capabilities,
        tally: Arc<Tally>,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let realm = format!("{location} #{}", NEXT.fetch_add(1, Ordering::Relaxed));
        Self { backing, rules, location, realm, capabilities, uploads: Uploads::default(), tally }
    }

    fn path(&self, key: &Key) -> Result<Path> {
        let path = self.rules.path(key.as_str());
        let checked = path.and_then(|path| self.backing.check_path(key, &path).map(|()| path));
        checked.map_err(|reason| Error::new(ErrorKind::UnrepresentableKey, reason))
    }

    fn times(&self) -> Times {
        if self.backing.directory().is_some() { Times::File } else { Times::Metadata }
    }

    /// What a directory's errors mean when reading: a directory or a file in the way is no object.
    fn unread(&self, error: Error) -> Error {
        let Some(directory) = self.backing.directory() else { return error };
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::UnrepresentableKey => {
                directory.check_root().err().unwrap_or_else(|| Error::new(ErrorKind::NotFound, "there is no such file"))
            }
            _ => error,
        }
    }

    fn unwritten(&self, key: &Key, error: Error) -> Error {
        match self.backing.directory() {
            Some(directory) if error.kind() == ErrorKind::UnrepresentableKey => directory.clash(key.as_str(), error),
            _ => error,
        }
    }

    async fn write(&self, key: &Key, body: Body, options: &PutOptions) -> Result<PutReply> {
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
    async fn settle(
        &self,
        key: &Key,
        path: &Path,
        source_time: Option<time::OffsetDateTime>,
        reply: PutReply,
    ) -> Result<PutReply> {
        let (Some(directory), Some(time)) = (self.backing.directory(), source_time) else { return Ok(reply) };
        directory.set_time(key.as_str(), time);
        let etag = reading::head(&*self.backing.for_reading()?, path, Times::File).await?.etag;
        Ok(PutReply { etag, ..reply })
    }

    async fn start_upload(&self, key: &Key, options: &PutOptions) -> Result<Upload> {
        let path = self.path(key)?;
        refuse_condition(options)?;
        let attributes = writing::attributes(options, &self.capabilities, self.rules)?;
        let theirs = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let started = self.backing.for_writing()?.put_multipart_opts(&path, theirs).await;
        let writer = started.map_err(|e| self.unwritten(key, explain(&e)))?;
        Ok(self.uploads.add(key, writer, options.source_time))
    }

    async fn write_part(&self, upload: &Upload, number: u32, body: Body, options: &PutOptions) -> Result<Part> {
        let open = self.uploads.get(upload)?;
        let chunks = body.gather().await?;
        digest::check(&chunks, options.digest.as_ref()).await?;
        open.put_part(number, writing::payload(chunks)).await
    }

    async fn finish_upload(&self, upload: &Upload, parts: &[Part], options: &PutOptions) -> Result<PutReply> {
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
    async fn duplicate(&self, source: &CopySource, key: &Key, options: &PutOptions) -> Result<PutReply> {
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

/// Neither the store's own `Debug` nor its credentials.
impl fmt::Debug for ObjectStoreBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStoreBucket").field("location", &self.location).finish_non_exhaustive()
    }
}

#[async_trait]
impl Bucket for ObjectStoreBucket {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn location(&self) -> &str {
        &self.location
    }

    fn check_key(&self, key: &Key) -> Result<()> {
        self.path(key).map(drop).map_err(|e| e.during("write", &self.location, Some(key)))
    }

    fn copy_source(&self, key: &Key) -> Option<CopySource> {
        (self.capabilities.max_copy > 0).then(|| CopySource {
            realm: self.realm.clone(),
            bucket: self.location.clone(),
            key: key.clone(),
            if_match: None,
        })
    }

    fn requests(&self) -> RequestCounts {
        self.tally.counts()
    }

    async fn list_page(&self, request: &ListRequest, cursor: Option<Cursor>) -> Result<ListPage> {
        let ordered = self.capabilities.ordered_listing;
        let page = listing::page(&self.backing, self.rules, ordered, request, cursor).await;
        page.map_err(|e| e.during("list", &self.location, None))
    }

    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        let looking = async { reading::head(&*self.backing.for_reading()?, &self.path(key)?, self.times()).await };
        looking.await.map_err(|e| self.unread(e).during("look at", &self.location, Some(key)))
    }

    async fn get(&self, key: &Key, options: &GetOptions) -> Result<GetReply> {
        use futures::TryStreamExt;
        let opening =
            async { reading::get(&*self.backing.for_reading()?, &self.path(key)?, options, self.times()).await };
        let reply = opening.await.map_err(|e| self.unread(e).during("read", &self.location, Some(key)))?;
        let (location, key) = (self.location.clone(), key.clone());
        let body = reply.body.map_err(move |e| e.during("read", &location, Some(&key)));
        Ok(GetReply { body: Box::pin(body), ..reply })
    }

    async fn put(&self, key: &Key, body: Body, options: &PutOptions) -> Result<PutReply> {
        self.write(key, body, options).await.map_err(|e| e.during("write", &self.location, Some(key)))
    }

    async fn create_upload(&self, key: &Key, options: &PutOptions) -> Result<Upload> {
        let started = self.start_upload(key, options).await;
        started.map_err(|e| e.during("start the upload of", &self.location, Some(key)))
    }

    /// Waits until all parts with lower numbers have been handed over.
    async fn put_part(&self, upload: &Upload, number: u32, body: Body, options: &PutOptions) -> Result<Part> {
        let written = self.write_part(upload, number, body, options).await;
        written.map_err(|e| e.during("write a part of", &self.location, Some(&upload.key)))
    }

    async fn complete_upload(&self, upload: &Upload, parts: &[Part], options: &PutOptions) -> Result<PutReply> {
        let finished = self.finish_upload(upload, parts, options).await;
        finished.map_err(|e| e.during("complete the upload of", &self.location, Some(&upload.key)))
    }

    /// Azure drops the parts by itself, a week later.
    async fn abort_upload(&self, upload: &Upload) -> Result<()> {
        let Some(open) = self.uploads.remove(upload) else { return Ok(()) };
        match open.abort().await {
            Err(error) if error.kind() != ErrorKind::NoSuchUpload && error.kind() != ErrorKind::NotFound => {
                Err(error.during("abort the upload of", &self.location, Some(&upload.key)))
            }
            _ => Ok(()),
        }
    }

    /// Those of directories and of memory end with the process.
    async fn list_uploads(&self, _: &str) -> Result<Vec<UnfinishedUpload>> {
        match self.backing {
            Backing::Directory(_) => Ok(Vec::new()),
            _ => Err(Error::unsupported("list unfinished uploads").during("list the uploads of", &self.location, None)),
        }
    }

    async fn copy(&self, source: &CopySource, key: &Key, options: &PutOptions) -> Result<PutReply> {
        let copied = self.duplicate(source, key, options).await;
        copied.map_err(|e| e.during("copy to", &self.location, Some(key)))
    }

    async fn copy_part(&self, _: &CopySource, _: std::ops::Range<u64>, upload: &Upload, _: u32) -> Result<Part> {
        let error = Error::unsupported("copy a part on the server");
        Err(error.during("copy to", &self.location, Some(&upload.key)))
    }

    async fn delete(&self, keys: &[Key]) -> Result<Vec<Deleted>> {
        let paths = keys.iter().map(|key| self.path(key)).collect();
        let results =
            deleting::delete(&self.backing, paths).await.map_err(|e| e.during("delete", &self.location, None))?;
        let outcome = |(key, result): (&Key, Result<()>)| Deleted {
            key: key.clone(),
            result: result.map_err(|e| e.during("delete", &self.location, Some(key))),
        };
        Ok(keys.iter().zip(results).map(outcome).collect())
    }

    async fn tags(&self, key: &Key) -> Result<Vec<Tag>> {
        Err(Error::unsupported("keep tags").during("read the tags of", &self.location, Some(key)))
    }
}
