//! The bucket's methods, each with the words for its errors.

use async_trait::async_trait;
use futures::TryStreamExt;
use transship_types::Key;

use super::{
    ObjectStoreBucket,
    backing::{Backing, Held},
    deleting, listing, reading,
};
use crate::{
    Body, Bucket, Capabilities, CopySource, Cursor, Deleted, Error, ErrorKind, GetOptions, GetReply, ListPage,
    ListRequest, ObjectInfo, Part, PartInfo, PutOptions, PutReply, RequestCounts, Result, Tag, UnfinishedUpload,
    Upload,
};

#[async_trait]
impl Bucket for ObjectStoreBucket {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn location(&self) -> &str {
        &self.location
    }

    fn check_key(&self, key: &Key) -> Result<()> {
        self.check(key).map_err(|e| e.during("write", &self.location, Some(key)))
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
        self.check(key).map_err(|e| e.during("look at", &self.location, Some(key)))?;
        let found = match self.backing.held() {
            Held::Directory(directory) => directory.head(key).await,
            Held::Store(store) => reading::head(&*store, &self.path(key)?).await,
        };
        found.map_err(|e| e.during("look at", &self.location, Some(key)))
    }

    async fn head_part(&self, key: &Key, _: u32) -> Result<PartInfo> {
        Err(Error::unsupported("look at a single part").during("look at a part of", &self.location, Some(key)))
    }

    async fn get(&self, key: &Key, options: &GetOptions) -> Result<GetReply> {
        self.check(key).map_err(|e| e.during("read", &self.location, Some(key)))?;
        let opened = match self.backing.held() {
            Held::Directory(directory) => directory.get(key, options).await,
            Held::Store(store) => reading::get(&*store, &self.path(key)?, options).await,
        };
        let reply = opened.map_err(|e| e.during("read", &self.location, Some(key)))?;
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

    /// Parts are uploaded side by side, but start in order: one waits while the bytes of a part before it are on
    /// their way here. One that comes before its neighbours were as much as begun is kept in memory until they come.
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
        let results = match self.backing.held() {
            Held::Directory(directory) => {
                directory.delete(keys).await.map_err(|e| e.during("delete", &self.location, None))?
            }
            Held::Store(store) => {
                let paths = keys.iter().map(|key| self.path(key)).collect();
                deleting::delete(&self.backing, &store, paths).await
            }
        };
        let outcome = |(key, result): (&Key, Result<()>)| Deleted {
            key: key.clone(),
            result: result.map_err(|e| e.during("delete", &self.location, Some(key))),
        };
        Ok(keys.iter().zip(results).map(outcome).collect())
    }

    async fn tags(&self, key: &Key) -> Result<Vec<Tag>> {
        Err(Error::unsupported("keep tags").during("read the tags of", &self.location, Some(key)))
    }

    async fn put_tags(&self, key: &Key, _: &[Tag]) -> Result<()> {
        Err(Error::unsupported("keep tags").during("write the tags of", &self.location, Some(key)))
    }
}
