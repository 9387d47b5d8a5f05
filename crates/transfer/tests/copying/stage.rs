//! A source, some destinations, and a copier between them.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use futures::TryStreamExt;
use tokio_util::sync::CancellationToken;
use transship_store::{
    Bucket, ListRequest, LocalSpec, ObjectStoreBucket, RetryOptions, S3Bucket, S3Credentials, S3Spec,
};
use transship_testbed::s3::{Operation, S3Server, StoredObject};
use transship_transfer::{Copied, Copier, CopyOptions, Destination, Done, Failure, Job, Placed, Target};
use transship_types::{Entry, Key, Secret, Strength};

/// Requests by operation.
pub(crate) type Counts = Vec<(Operation, u64)>;

pub(crate) const MIB: usize = 1 << 20;

/// The bucket of every server.
pub(crate) const BUCKET: &str = "bucket";

/// An S3 source and S3 destinations, each a server of its own, so that no server can copy by itself.
pub(crate) struct Stage {
    pub(crate) source: S3Server,
    pub(crate) sites: Vec<S3Server>,
    pub(crate) options: CopyOptions,
    pub(crate) cancel: CancellationToken,
}

impl Stage {
    pub(crate) async fn with_sites(count: usize) -> Self {
        let mut sites = Vec::new();
        for _ in 0..count {
            sites.push(server().await);
        }
        Self { source: server().await, sites, options: fast(), cancel: CancellationToken::new() }
    }

    pub(crate) async fn new() -> Self {
        Self::with_sites(1).await
    }

    pub(crate) fn site(&self) -> &S3Server {
        &self.sites[0]
    }

    pub(crate) fn put(&self, key: &str, object: StoredObject) {
        self.source.put(BUCKET, key, object);
    }

    /// The object as the source's listing shows it now.
    pub(crate) async fn listed(&self, key: &str) -> Entry {
        entry(&*opened(&self.source), key).await
    }

    pub(crate) fn copier(&self) -> Copier {
        self.copier_to(self.sites.iter().map(opened).collect())
    }

    pub(crate) fn copier_to(&self, destinations: Vec<Arc<dyn Bucket>>) -> Copier {
        let destinations = destinations.into_iter().map(Destination::new).collect();
        Copier::new(opened(&self.source), destinations, self.options.clone(), self.cancel.clone())
    }

    /// Lists the object, and copies it to every site under its own key.
    pub(crate) async fn copy(&self, key: &str) -> Copied {
        self.copier().copy(job(self.listed(key).await, self.sites.len())).await
    }

    /// What a site holds under a key.
    pub(crate) fn arrived(&self, site: usize, key: &str) -> Option<Bytes> {
        self.sites[site].object(BUCKET, key).map(|object| object.bytes().unwrap())
    }

    /// How many requests of each kind the source and the first site got since the last look.
    pub(crate) fn requests(&self) -> (Counts, Counts) {
        let counts = |server: &S3Server| {
            let counts = server.counts().into_iter().filter(|(o, _)| *o != Operation::ListObjectsV2).collect();
            server.clear_requests();
            counts
        };
        (counts(&self.source), counts(self.site()))
    }

    pub(crate) fn unfinished(&self) -> usize {
        self.sites.iter().map(|site| site.unfinished_uploads(BUCKET).len()).sum()
    }
}

pub(crate) async fn server() -> S3Server {
    S3Server::builder().bucket(BUCKET).start().await.unwrap()
}

/// Waits are short: what is tested is whether something is tried again, not how long it takes.
pub(crate) fn fast() -> CopyOptions {
    let retry = RetryOptions {
        attempts: 4,
        patience: Duration::ZERO,
        first_wait: Duration::from_millis(2),
        longest_wait: Duration::from_millis(20),
    };
    CopyOptions { retry, ..CopyOptions::default() }
}

/// The server's bucket.
pub(crate) fn opened(server: &S3Server) -> Arc<dyn Bucket> {
    opened_at(server, &server.endpoint())
}

/// The server's bucket, by way of another address.
pub(crate) fn opened_at(server: &S3Server, endpoint: &str) -> Arc<dyn Bucket> {
    Arc::new(S3Bucket::open(&spec(server, endpoint)).unwrap())
}

pub(crate) fn spec(server: &S3Server, endpoint: &str) -> S3Spec {
    let credentials = S3Credentials::Static {
        access_key_id: server.access_key().to_owned(),
        secret_access_key: Secret::new(server.secret_key()),
        session_token: None,
    };
    let mut spec = S3Spec::new(BUCKET, credentials);
    spec.endpoint = Some(endpoint.to_owned());
    spec.region = Some(server.region().to_owned());
    spec.connect_timeout = Duration::from_secs(2);
    spec.read_timeout = Duration::from_secs(20);
    spec
}

pub(crate) fn directory(root: &tempfile::TempDir) -> Arc<dyn Bucket> {
    Arc::new(ObjectStoreBucket::local(&LocalSpec { root: root.path().into(), ..LocalSpec::default() }).unwrap())
}

pub(crate) fn memory(name: &str) -> Arc<dyn Bucket> {
    Arc::new(ObjectStoreBucket::memory(name))
}

/// An object as the bucket's listing shows it.
pub(crate) async fn entry(bucket: &dyn Bucket, key: &str) -> Entry {
    let request = ListRequest { prefix: key.to_owned(), ..ListRequest::default() };
    let page = bucket.list_page(&request, None).await.unwrap();
    page.entries.into_iter().find(|entry| entry.key.as_str() == key).expect("the object is listed")
}

/// All of an object's bytes.
pub(crate) async fn read(bucket: &dyn Bucket, key: &str) -> Bytes {
    let body = bucket.get(&Key::from(key), &Default::default()).await.unwrap().body;
    body.try_collect::<Vec<Bytes>>().await.unwrap().concat().into()
}

/// To the first `destinations`, under the same key.
pub(crate) fn job(source: Entry, destinations: usize) -> Job {
    let target = |destination| Target { destination, key: source.key.clone(), unpack: false, newest_wins: false };
    let targets = (0..destinations).map(target).collect();
    Job { source, hint: false, targets }
}

/// Bytes that do not compress, different for each seed: one block over and over, each with its own number.
pub(crate) fn content(size: usize, seed: u64) -> Bytes {
    static BLOCK: OnceLock<Vec<u8>> = OnceLock::new();
    let block = BLOCK.get_or_init(|| {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let mut step = || {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            state.wrapping_mul(0x2545_F491_4F6C_DD1D)
        };
        (0..64 << 7).flat_map(|_| step().to_le_bytes()).collect()
    });
    let mut bytes = Vec::with_capacity(size + block.len());
    for n in 0u64.. {
        if bytes.len() >= size {
            break;
        }
        bytes.extend_from_slice(&(seed ^ n << 40).to_le_bytes());
        bytes.extend_from_slice(block);
    }
    bytes.truncate(size);
    bytes.into()
}

/// An object that was uploaded in parts of this size.
pub(crate) fn in_parts(bytes: &Bytes, part: usize) -> StoredObject {
    StoredObject::in_parts(
        (0..bytes.len()).step_by(part).map(|at| bytes.slice(at..(at + part).min(bytes.len()))).collect(),
    )
}

/// How a target was verified.
pub(crate) fn verified(placed: &Placed) -> Strength {
    match &placed.result {
        Ok(Done::Copied { verified, .. }) => *verified,
        other => panic!("not copied: {other:?}"),
    }
}

/// How the only target was verified.
pub(crate) fn strength(copied: &Copied) -> Strength {
    assert_eq!(copied.targets.len(), 1);
    verified(&copied.targets[0])
}

/// Why a target failed.
pub(crate) fn error(placed: &Placed) -> &transship_store::Error {
    match &placed.result {
        Err(Failure::Error(error)) => error,
        other => panic!("no error: {other:?}"),
    }
}
