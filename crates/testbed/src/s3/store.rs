//! The server's memory: buckets, objects, unfinished uploads.

use super::numbered::Numbered;
use super::object::StoredObject;
use super::receive::Keep;
use super::upload::{UnfinishedUpload, Upload};
use bytes::Bytes;
use s3s::{S3Result, s3_error};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use time::OffsetDateTime;

/// Buckets by name; keys in the order of their UTF-8 bytes, which is the order in which S3 lists.
pub(crate) type Objects = BTreeMap<String, Arc<StoredObject>>;

/// Limits and switches that the operations read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// Smallest part but the last, in bytes.
    pub(crate) min_part_size: u64,
    /// Most entries on a page of any listing.
    pub(crate) page_size: usize,
    pub(crate) keep: Keep,
}

/// What the server holds. In-process tests use it to plant objects and to look at what arrived.
#[derive(Debug)]
pub struct Store {
    buckets: Mutex<BTreeMap<String, Bucket>>,
    upload_ids: AtomicU64,
    /// Seconds by which the server's clock is ahead of the machine's.
    clock_offset: AtomicI64,
    pub(crate) settings: Settings,
}

#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) created: OffsetDateTime,
    pub(crate) objects: Objects,
    /// Objects beside these that are all the same and are listed without being held.
    pub(crate) numbered: Option<Numbered>,
    /// Unfinished uploads by key and upload id.
    pub(crate) uploads: BTreeMap<(String, String), Upload>,
}

impl Store {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { buckets: Mutex::default(), upload_ids: AtomicU64::new(1), clock_offset: AtomicI64::new(0), settings }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server's time.
    pub fn now(&self) -> OffsetDateTime {
        OffsetDateTime::now_utc() + time::Duration::seconds(self.clock_offset.load(Ordering::Relaxed))
    }

    /// The server's time, where it differs from the machine's.
    pub(crate) fn shifted_now(&self) -> Option<OffsetDateTime> {
        (self.clock_offset.load(Ordering::Relaxed) != 0).then(|| self.now())
    }

    /// Sets the server's clock ahead of the machine's by `seconds`; negative: behind. More than 900 seconds make every
    /// signed request fail with `RequestTimeTooSkewed`.
    pub fn set_clock_offset(&self, seconds: i64) {
        self.clock_offset.store(seconds, Ordering::Relaxed);
    }

    pub(crate) fn next_upload_id(&self) -> String {
        // Longer than 32 characters, as AWS's are: clients must not assume a length.
        format!("upload-{:040x}", self.upload_ids.fetch_add(1, Ordering::Relaxed))
    }

    /// Creates a bucket, if it is not there yet.
    pub fn create_bucket(&self, bucket: &str) {
        let created = self.now();
        self.lock().entry(bucket.to_owned()).or_insert_with(|| Bucket::new(created));
    }

    /// The names of all buckets and when they were created, in order.
    pub fn buckets(&self) -> Vec<(String, OffsetDateTime)> {
        self.lock().iter().map(|(name, bucket)| (name.clone(), bucket.created)).collect()
    }

    /// Plants an object of one part; creates the bucket.
    pub fn put_object(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>) {
        self.put(bucket, key, StoredObject::new(bytes));
    }

    /// Plants any object; creates the bucket. Its time of writing is now, unless it has one.
    pub fn put(&self, bucket: &str, key: &str, mut object: StoredObject) {
        object.modified.get_or_insert_with(|| self.now());
        self.create_bucket(bucket);
        if let Some(bucket) = self.lock().get_mut(bucket) {
            bucket.objects.insert(key.to_owned(), Arc::new(object));
        }
    }

    /// Lists so many objects in a bucket as if each were `object`, under keys of 42 characters and so many more, in the
    /// order of their numbers, a million in a folder. They are made up as they are asked for: millions cost no memory.
    /// What else is in the bucket is not listed.
    pub fn number(&self, bucket: &str, count: u64, padding: usize, mut object: StoredObject) {
        object.modified.get_or_insert_with(|| self.now());
        self.create_bucket(bucket);
        if let Some(bucket) = self.lock().get_mut(bucket) {
            bucket.numbered = Some(Numbered::new(count, padding, Arc::new(object)));
        }
    }

    /// How many different keys of those that [`number`](Self::number) makes up were listed since this was asked last.
    pub fn take_listed(&self, bucket: &str) -> u64 {
        self.lock().get(bucket).and_then(|bucket| bucket.numbered.as_ref()).map_or(0, Numbered::take_listed)
    }

    /// Removes an object; says whether it was there.
    pub fn remove_object(&self, bucket: &str, key: &str) -> bool {
        self.lock().get_mut(bucket).is_some_and(|bucket| bucket.objects.remove(key).is_some())
    }

    /// The object at exactly this key.
    pub fn object(&self, bucket: &str, key: &str) -> Option<Arc<StoredObject>> {
        self.lock().get(bucket)?.objects.get(key).cloned()
    }

    /// All keys of a bucket, in order; none if there is no such bucket.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.lock().get(bucket).map(|bucket| bucket.objects.keys().cloned().collect()).unwrap_or_default()
    }

    /// Multipart uploads that were neither completed nor aborted.
    pub fn unfinished_uploads(&self, bucket: &str) -> Vec<UnfinishedUpload> {
        let buckets = self.lock();
        let uploads = buckets.get(bucket).map(|bucket| bucket.uploads.iter());
        uploads.into_iter().flatten().map(|((key, id), upload)| upload.summary(key, id)).collect()
    }

    /// Works on one bucket under the lock.
    ///
    /// # Errors
    /// `NoSuchBucket`, or what `work` says.
    pub(crate) fn with_bucket<T>(&self, bucket: &str, work: impl FnOnce(&mut Bucket) -> S3Result<T>) -> S3Result<T> {
        let mut buckets = self.lock();
        let bucket =
            buckets.get_mut(bucket).ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))?;
        work(bucket)
    }

    /// Creates a bucket on a client's request.
    ///
    /// # Errors
    /// `BucketAlreadyOwnedByYou`.
    pub(crate) fn add_bucket(&self, bucket: &str) -> S3Result {
        let created = self.now();
        let mut buckets = self.lock();
        if buckets.contains_key(bucket) {
            return Err(s3_error!(BucketAlreadyOwnedByYou, "The bucket exists, and you own it."));
        }
        buckets.insert(bucket.to_owned(), Bucket::new(created));
        Ok(())
    }

    /// Removes an empty bucket.
    ///
    /// # Errors
    /// `NoSuchBucket`, `BucketNotEmpty`.
    pub(crate) fn remove_bucket(&self, bucket: &str) -> S3Result {
        self.with_bucket(bucket, |bucket| match bucket.objects.is_empty() {
            true => Ok(()),
            false => Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty")),
        })?;
        self.lock().remove(bucket);
        Ok(())
    }
}

impl Bucket {
    fn new(created: OffsetDateTime) -> Self {
        Self { created, objects: Objects::new(), numbered: None, uploads: BTreeMap::new() }
    }

    /// # Errors
    /// `NoSuchKey`.
    pub(crate) fn object(&self, key: &str) -> S3Result<Arc<StoredObject>> {
        let numbered = || self.numbered.as_ref()?.object(key);
        self.objects
            .get(key)
            .cloned()
            .or_else(numbered)
            .ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))
    }
}
