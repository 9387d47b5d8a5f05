//! What a server is to be like, and its start.

use super::admission::WrongRegion;
use super::backend::Backend;
use super::fault::Faults;
use super::front::Front;
use super::hosts::{BaseDomain, ShortNames};
use super::keys::{AccessKeys, SignedOnly};
use super::listener;
use super::log::{LogDetail, RequestLog};
use super::receive::Keep;
use super::server::S3Server;
use super::store::{Settings, Store};
use super::tls::Tls;
use anyhow::Context as _;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::S3ServiceBuilder;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;

/// What a server is to be like. Made by [`S3Server::builder`].
#[derive(Clone)]
pub struct S3ServerBuilder {
    address: SocketAddr,
    region: String,
    wrong_region: WrongRegion,
    keys: AccessKeys,
    first_key: Option<(String, String)>,
    buckets: Vec<String>,
    base_domain: Option<String>,
    tls: bool,
    log: LogDetail,
    settings: Settings,
}

impl S3ServerBuilder {
    pub(super) fn new() -> Self {
        Self {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            region: "us-east-1".to_owned(),
            wrong_region: WrongRegion::default(),
            keys: AccessKeys::default(),
            first_key: None,
            buckets: Vec::new(),
            base_domain: None,
            tls: false,
            log: LogDetail::default(),
            settings: Settings { min_part_size: 5 << 20, page_size: 1000, keep: Keep::Bytes },
        }
    }

    /// Listens there. Unless set: `127.0.0.1`, on a free port.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// The region requests must be signed for. Unless set: `us-east-1`.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = region.into();
        self
    }

    /// What a request signed for another region is told.
    #[must_use]
    pub fn wrong_region(mut self, wrong_region: WrongRegion) -> Self {
        self.wrong_region = wrong_region;
        self
    }

    /// Accepts this key. Unless one is given: `testbed` with the secret `testbed-secret`.
    #[must_use]
    pub fn key(mut self, access_key: &str, secret_key: &str) -> Self {
        self.keys.add(access_key, secret_key, None);
        self.first_key.get_or_insert_with(|| (access_key.to_owned(), secret_key.to_owned()));
        self
    }

    /// Accepts this temporary key, with this session token only.
    #[must_use]
    pub fn session_key(self, access_key: &str, secret_key: &str, session_token: &str) -> Self {
        self.keys.add(access_key, secret_key, Some(session_token));
        self
    }

    /// Creates a bucket at the start.
    #[must_use]
    pub fn bucket(mut self, bucket: impl Into<String>) -> Self {
        self.buckets.push(bucket.into());
        self
    }

    /// Also serves `bucket.<domain>`, on the same port. Resolving such names is the client's business; many resolvers
    /// know those below `localhost`.
    #[must_use]
    pub fn base_domain(mut self, domain: impl Into<String>) -> Self {
        self.base_domain = Some(domain.into());
        self
    }

    /// Serves HTTPS, with a certificate of [`S3Server::authority_pem`] for the address, `localhost`, and the buckets
    /// named to the builder as hosts below the base domain.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// How much the request log keeps.
    #[must_use]
    pub fn log(mut self, detail: LogDetail) -> Self {
        self.log = detail;
        self
    }

    /// The smallest part but the last, in bytes. Unless set: S3's 5 MiB.
    #[must_use]
    pub fn min_part_size(mut self, bytes: u64) -> Self {
        self.settings.min_part_size = bytes;
        self
    }

    /// The most entries on a page of any listing. Unless set: S3's 1000.
    #[must_use]
    pub fn page_size(mut self, entries: usize) -> Self {
        self.settings.page_size = entries;
        self
    }

    /// Digests the bodies of uploads and drops them: for runs larger than memory. Reading such an object is refused.
    #[must_use]
    pub fn discard_bodies(mut self) -> Self {
        self.settings.keep = Keep::Digests;
        self
    }

    /// Listens and serves, on the runtime this is called on, until the handle is dropped.
    ///
    /// # Errors
    /// Where the address is taken or no certificate can be made.
    pub async fn start(mut self) -> anyhow::Result<S3Server> {
        if self.first_key.is_none() {
            self = self.key("testbed", "testbed-secret");
        }
        let listener =
            TcpListener::bind(self.address).await.with_context(|| format!("cannot listen on {}", self.address))?;
        let address = listener.local_addr()?;
        let tls = if self.tls { Some(Tls::new(self.base_domain.as_deref(), &self.buckets)?) } else { None };
        let authority_pem = tls.as_ref().map(|tls| tls.authority_pem.clone());

        let store = Arc::new(Store::new(self.settings));
        self.buckets.iter().for_each(|bucket| store.create_bucket(bucket));
        let faults = Arc::new(Faults::default());
        let log = Arc::new(RequestLog::new(self.log));
        let front = Arc::new(self.front(store.clone(), faults.clone(), log.clone()));
        let task = tokio::spawn(listener::serve(listener, tls.map(|tls| tls.acceptor), front));
        let (access_key, secret_key) = self.first_key.unwrap_or_default();
        Ok(S3Server {
            address,
            region: self.region,
            access_key,
            secret_key,
            authority_pem,
            keys: self.keys,
            store,
            faults,
            log,
            task,
        })
    }

    fn front(&self, store: Arc<Store>, faults: Arc<Faults>, log: Arc<RequestLog>) -> Front {
        let mut service = S3ServiceBuilder::new(Backend { store: store.clone(), region: self.region.clone() });
        service.set_auth(self.keys.clone());
        service.set_access(SignedOnly(self.keys.clone()));
        service.set_validation(ShortNames);
        if let Some(domain) = &self.base_domain {
            service.set_host(BaseDomain(domain.clone()));
        }
        // The clock is judged before `s3s`, which knows only the machine's.
        let mut config = S3Config::default();
        config.presigned_url_max_skew_time_secs = u32::MAX;
        service.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        Front {
            service: service.build(),
            store,
            faults,
            log,
            region: self.region.clone(),
            wrong_region: self.wrong_region,
            base_domain: self.base_domain.clone(),
        }
    }
}
