//! HTTP for `object_store`: the user's proxies, no redirects, no decompression, no retries, a limit on silence instead of a
//! limit on the whole request, and errors that keep what the server said.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use http::{HeaderValue, Method, Request, header};
use http_body_util::BodyExt;
use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector as Tcp},
    rt::{TokioExecutor, TokioTimer},
};
use object_store::{
    ClientOptions,
    client::{
        HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
    },
};

use super::{
    digest::TrustedDigests,
    listed_names,
    metered::{MeteredReply, MeteredRequest},
    refusal::Refusal,
};
use crate::{
    Error, ProxySpec, Result,
    capabilities::Tally,
    proxy::{Connector, Proxies},
    silence::{Silence, unless_silent},
    tls,
};

const CONNECT: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(20);
/// The longest time without a byte in either direction.
const SILENCE: Duration = Duration::from_secs(60);
const USER_AGENT: &str = concat!("transship/", env!("CARGO_PKG_VERSION"));

type Pool = Client<HttpsConnector<Connector>, MeteredRequest>;

/// Connects an `object_store` back end. Every bucket has a pool of its own, and counts its requests.
#[derive(Clone)]
pub(super) struct Transport {
    pool: Pool,
    proxies: Proxies,
    tally: Arc<Tally>,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transport")
    }
}

impl Transport {
    pub(super) fn new(tally: Arc<Tally>, proxy: &ProxySpec) -> Result<Self> {
        let proxies = Proxies::new(proxy)?;
        let mut tcp = Tcp::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_keepalive(Some(Duration::from_secs(30)));
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls_config()?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(proxies.connector(tcp));
        let pool =
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE).build(https);
        Ok(Self { pool, proxies, tally })
    }
}

/// The system's certificate authorities, read once.
fn tls_config() -> Result<rustls::ClientConfig> {
    static CONFIG: OnceLock<rustls::ClientConfig> = OnceLock::new();
    if let Some(config) = CONFIG.get() {
        return Ok(config.clone());
    }
    let config = tls::client_config(None)?;
    Ok(CONFIG.get_or_init(|| config).clone())
}

impl HttpConnector for Transport {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> std::result::Result<HttpResponse, HttpError> {
        let asked = Asked::of(&request);
        self.tally.count(request.method());
        let (mut parts, body) = request.into_parts();
        parts.headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        if asked == Asked::Object {
            // GCS would otherwise unpack what is stored with `Content-Encoding: gzip`.
            // https://cloud.google.com/storage/docs/transcoding
            parts.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        }
        self.proxies.log_in(&parts.uri, &mut parts.headers);
        let uri = parts.uri.clone();
        let body = MeteredRequest::new(body, parts.extensions.get().cloned());
        let moved = body.moved();
        let sending = self.pool.request(Request::from_parts(parts, body));
        let reply = unless_silent(&moved, SILENCE, sending).await.map_err(silent)?.map_err(unsent)?;
        if let Some(refusal) = self.proxies.refusal(&uri, reply.status()) {
            return Err(HttpError::new(HttpErrorKind::Connect, refusal));
        }
        let (mut parts, body) = reply.into_parts();
        let body = MeteredReply::new(body, SILENCE);
        if !parts.status.is_success() {
            let said = body.collect().await?.to_bytes();
            let refusal = Refusal::new(parts.status.as_u16(), &parts.headers, &said);
            return Err(HttpError::new(HttpErrorKind::Unknown, refusal));
        }
        match asked {
            Asked::Listing => {
                let page = body.collect().await?.to_bytes();
                listed_names::check(&page).map_err(|name| HttpError::new(HttpErrorKind::Decode, name))?;
                return Ok(HttpResponse::from_parts(parts, page.into()));
            }
            Asked::Object | Asked::Write => {
                let digests = TrustedDigests::of(&parts.headers, asked == Asked::Write);
                parts.extensions.insert(digests);
            }
            Asked::Other => {}
        }
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body)))
    }
}

/// What a request is about, as far as it matters here.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Listing,
    /// GET or HEAD of an object.
    Object,
    /// A whole object, written at once: the server digests exactly these bytes.
    Write,
    Other,
}

impl Asked {
    fn of(request: &HttpRequest) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let asks = |what: &str| query.split('&').any(|pair| pair == what);
        let copies = ["x-ms-copy-source", "x-goog-copy-source"].iter().any(|h| request.headers().contains_key(*h));
        // A shared access signature is a query too: what counts is that no operation is named.
        let plain = !query.split('&').any(|pair| {
            let name = pair.split('=').next().unwrap_or_default();
            ["comp", "restype", "uploadId", "uploads", "list-type"].contains(&name)
        });
        match *request.method() {
            Method::GET if asks("comp=list") || asks("list-type=2") => Self::Listing,
            Method::GET | Method::HEAD if plain => Self::Object,
            Method::PUT if plain && !copies => Self::Write,
            _ => Self::Other,
        }
    }
}

fn silent(silence: Silence) -> HttpError {
    HttpError::new(HttpErrorKind::Timeout, silence)
}

fn unsent(error: hyper_util::client::legacy::Error) -> HttpError {
    let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Interrupted };
    HttpError::new(kind, error)
}

/// Where configuration is wrong, in the words of this crate.
pub(super) fn misconfigured(detail: impl Into<String>) -> Error {
    Error::new(crate::ErrorKind::Configuration, detail)
}
