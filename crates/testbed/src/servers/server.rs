use std::{fmt, future::Future, pin::Pin, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use http::{Method, StatusCode};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use transship_store::{AzureSpec, BucketSpec, S3Credentials, S3Spec};
use transship_types::Secret;

use super::{ServerKind, address, azurite, ceph, guard::Guarded, moto, place, seaweed, skipped, wire::Wire};

/// How long a server may take to answer its first signed request.
const PATIENCE: Duration = Duration::from_secs(90);
/// Ports can be taken between being found free and being bound: such a start is repeated.
const STARTS: u32 = 3;

/// A server that answers signed requests. What was started for it ends when it is dropped.
pub struct Server {
    kind: ServerKind,
    endpoint: String,
    access_key_id: String,
    secret_access_key: Secret,
    // Dropped in this order: the processes end before their directory goes.
    processes: Vec<Guarded>,
    data: Option<TempDir>,
    #[cfg(feature = "containers")]
    container: Option<super::containers::Container>,
}

/// A server's launcher: `None` where its programs are not on this machine.
type Launch = Pin<Box<dyn Future<Output = Result<Option<Server>>> + Send>>;

impl Server {
    /// Finds or starts a server and waits until it answers. `None` where there is none on this machine.
    ///
    /// # Errors
    /// The server is there and does not start, or the address in the environment does not answer: with the end of
    /// its log.
    pub async fn start(kind: ServerKind) -> Result<Option<Self>> {
        if let Some(address) = place::variable(kind.variable()) {
            let server =
                address::server(kind, &address).with_context(|| format!("{} = {address:?}", kind.variable()))?;
            return server.answering().await.map(Some);
        }
        let mut attempt = 1;
        loop {
            let started = match Self::launch(kind).await {
                Ok(None) => return Self::start_container(kind).await,
                Ok(Some(server)) => server.answering().await,
                Err(error) => Err(error),
            };
            match started {
                Ok(server) => return Ok(Some(server)),
                Err(error) if attempt == STARTS => return Err(error.context(format!("start {}", kind.name()))),
                Err(error) => tracing::warn!(server = kind.name(), attempt, "{error:#}"),
            }
            attempt += 1;
        }
    }

    /// [`Server::start`] for the test named `test`: where the server is missing, or `TRANSSHIP_TEST_SERVERS` is `off`, the
    /// test is to be skipped, which is printed and recorded for [`skipped`](super::skipped()).
    ///
    /// # Errors
    /// Those of [`Server::start`]; and in continuous integration (`CI` is set) a missing server is one.
    pub async fn start_or_skip(kind: ServerKind, test: &str) -> Result<Option<Self>> {
        if place::variable("TRANSSHIP_TEST_SERVERS").as_deref() == Some("off") {
            skipped::record(test, &format!("{} is not wanted (TRANSSHIP_TEST_SERVERS=off)", kind.name()))?;
            return Ok(None);
        }
        let server = Self::start(kind).await?;
        if server.is_none() {
            let name = kind.name();
            ensure!(!place::in_ci(), "{name} is not on this machine: run `cargo xtask testbed install`");
            skipped::record(test, &format!("{name} is not on this machine (`cargo xtask testbed install` brings it)"))?;
        }
        Ok(server)
    }

    fn launch(kind: ServerKind) -> Launch {
        match kind {
            ServerKind::Ceph => Box::pin(ceph::launch()),
            ServerKind::SeaweedFs => Box::pin(async { seaweed::launch() }),
            ServerKind::Moto => Box::pin(async { moto::launch() }),
            ServerKind::Azurite => Box::pin(async { azurite::launch() }),
        }
    }

    #[cfg(feature = "containers")]
    async fn start_container(kind: ServerKind) -> Result<Option<Self>> {
        match super::containers::launch(kind).await? {
            Some(server) => server.answering().await.map(Some),
            None => Ok(None),
        }
    }

    #[cfg(not(feature = "containers"))]
    async fn start_container(_: ServerKind) -> Result<Option<Self>> {
        Ok(None)
    }

    /// A server on this machine's loopback that was just started.
    pub(super) fn started(kind: ServerKind, endpoint: String, processes: Vec<Guarded>, data: TempDir) -> Self {
        let mut server = Self::new(kind, endpoint);
        (server.processes, server.data) = (processes, Some(data));
        server
    }

    #[cfg(feature = "containers")]
    pub(super) fn contained(kind: ServerKind, endpoint: String, container: super::containers::Container) -> Self {
        let mut server = Self::new(kind, endpoint);
        server.container = Some(container);
        server
    }

    /// A server with the keys that those started here have.
    pub(super) fn new(kind: ServerKind, endpoint: String) -> Self {
        let (access_key_id, secret_access_key) = match kind {
            ServerKind::Azurite => (azurite::ACCOUNT, azurite::KEY),
            _ => (ACCESS_KEY_ID, SECRET_ACCESS_KEY),
        };
        Self {
            kind,
            endpoint,
            access_key_id: access_key_id.to_owned(),
            secret_access_key: Secret::new(secret_access_key),
            processes: Vec::new(),
            data: None,
            #[cfg(feature = "containers")]
            container: None,
        }
    }

    /// The same server at another address, with other keys.
    pub(super) fn with_keys(mut self, access_key_id: String, secret_access_key: Secret) -> Self {
        (self.access_key_id, self.secret_access_key) = (access_key_id, secret_access_key);
        self
    }

    /// Which server this is.
    pub fn kind(&self) -> ServerKind {
        self.kind
    }

    /// Whether it was started here, and ends with this value; otherwise its address came from the environment.
    pub fn is_ours(&self) -> bool {
        self.data.is_some() || self.is_contained()
    }

    #[cfg(feature = "containers")]
    fn is_contained(&self) -> bool {
        self.container.is_some()
    }

    #[cfg(not(feature = "containers"))]
    #[allow(clippy::unused_self)] // as in the other build
    fn is_contained(&self) -> bool {
        false
    }

    /// `http://127.0.0.1:port`; for Azurite without the account's name.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The access key's name; for Azurite the storage account.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The secret key; for Azurite the account's shared key.
    pub fn secret_access_key(&self) -> &Secret {
        &self.secret_access_key
    }

    /// What [`transship_store::open`] needs to open the bucket (or container) `bucket` on this server.
    pub fn bucket_spec(&self, bucket: &str) -> BucketSpec {
        if self.kind == ServerKind::Azurite {
            return BucketSpec::Azure(AzureSpec {
                account: self.access_key_id.clone(),
                container: bucket.to_owned(),
                key: Some(self.secret_access_key.clone()),
                endpoint: Some(format!("{}/{}", self.endpoint, self.access_key_id)),
                ..AzureSpec::default()
            });
        }
        let credentials = S3Credentials::Static {
            access_key_id: self.access_key_id.clone(),
            secret_access_key: self.secret_access_key.clone(),
            session_token: None,
        };
        let mut spec = S3Spec::new(bucket, credentials);
        spec.endpoint = Some(self.endpoint.clone());
        spec.region = Some("us-east-1".to_owned());
        BucketSpec::S3(spec)
    }

    /// Creates a bucket (or container). One that is there and ours is fine.
    ///
    /// # Errors
    /// The server's answer.
    pub async fn create_bucket(&self, bucket: &str) -> Result<()> {
        let wire = Wire::new();
        let (status, body) = match self.kind {
            ServerKind::Azurite => {
                let path = format!("/{}/{bucket}?restype=container", self.access_key_id);
                wire.azure(self, Method::PUT, &path).await?
            }
            _ => wire.s3(self, Method::PUT, &format!("/{bucket}")).await?,
        };
        match status {
            status if status.is_success() || status == StatusCode::CONFLICT => Ok(()),
            status => bail!("create bucket {bucket} on {}: {status} {body}", self.kind.name()),
        }
    }

    /// Waits until a signed request succeeds.
    async fn answering(mut self) -> Result<Self> {
        let (wire, started) = (Wire::new(), Instant::now());
        loop {
            let answer = match self.kind {
                ServerKind::Azurite => {
                    wire.azure(&self, Method::GET, &format!("/{}?comp=list", self.access_key_id)).await
                }
                _ => wire.s3(&self, Method::GET, "/").await,
            };
            let problem = match answer {
                Ok((status, _)) if status.is_success() => return Ok(self),
                Ok((status, body)) => format!("{status} {body}"),
                Err(error) => format!("{error:#}"),
            };
            let name = self.kind.name();
            if !self.processes.iter_mut().all(Guarded::runs) {
                bail!("{name} ended while starting: {}", self.log_ends());
            }
            if started.elapsed() > PATIENCE {
                bail!("{name} at {} does not answer: {problem}: {}", self.endpoint, self.log_ends());
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// The last lines of each log in the data directory.
    fn log_ends(&self) -> String {
        let Some(data) = &self.data else { return "no log".to_owned() };
        let mut ends = String::new();
        for file in std::fs::read_dir(data.path()).into_iter().flatten().flatten() {
            if file.path().extension().is_some_and(|e| e == "log") {
                let bytes = std::fs::read(file.path()).unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(1000)..]).into_owned();
                ends.push_str(&format!("\n{}: ...{text}", file.file_name().display()));
            }
        }
        ends
    }
}

/// Holds no secret.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.kind.name(), self.endpoint)
    }
}

/// The keys that every S3 server started here is given.
pub(super) const ACCESS_KEY_ID: &str = "TESTBEDACCESSKEY0001";
/// See [`ACCESS_KEY_ID`].
pub(super) const SECRET_ACCESS_KEY: &str = "testbedsecretkey00000000000000000000001";
