//! The few small HTTP requests that fetch keys. `reqwest` is enough here: no address holds a dot segment that matters.

use std::{error::Error as StdError, path::PathBuf, time::Duration};

use tokio::sync::OnceCell;
use transship_types::ErrorClass;
use url::Url;

use crate::{Error, ErrorKind, ProxySpec, Result, proxy::Proxies, tls};

/// No reply with keys is anywhere near as long.
const LONGEST_REPLY: usize = 256 * 1024;

/// Endpoints on this machine answer at once, or are not there.
const NEAR_CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const NEAR_TIMEOUT: Duration = Duration::from_secs(2);
const FAR_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes clients when they are first needed: most credentials never ask anyone.
#[derive(Debug)]
pub(super) struct Wire {
    ca_bundle: Option<PathBuf>,
    connect_timeout: Duration,
    proxy: ProxySpec,
    far: OnceCell<reqwest::Client>,
    near: OnceCell<reqwest::Client>,
}

/// A whole reply.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) text: String,
}

impl Wire {
    pub(super) fn new(ca_bundle: Option<PathBuf>, connect_timeout: Duration, proxy: ProxySpec) -> Self {
        Self { ca_bundle, connect_timeout, proxy, far: OnceCell::new(), near: OnceCell::new() }
    }

    /// For services: STS.
    pub(super) async fn far(&self) -> Result<&reqwest::Client> {
        self.far.get_or_try_init(|| async { self.client(self.connect_timeout, FAR_TIMEOUT, &self.proxy) }).await
    }

    /// `what` is at a far address; for people, with the proxy on the way there.
    pub(super) fn way_to(&self, address: &Url, what: &str) -> Result<String> {
        let proxy = Proxies::new(&self.proxy)?.on_the_way_to(address.as_str());
        Ok(proxy.map_or_else(|| what.to_owned(), |proxy| format!("{what} (through the proxy {proxy})")))
    }

    /// For endpoints on or beside this machine.
    pub(super) async fn near(&self) -> Result<&reqwest::Client> {
        self.near
            .get_or_try_init(|| async { self.client(NEAR_CONNECT_TIMEOUT, NEAR_TIMEOUT, &ProxySpec::default()) })
            .await
    }

    /// No proxy of the library's own finding, since it would be taken from the environment; no redirect, since it would
    /// take secrets elsewhere.
    fn client(&self, connect_timeout: Duration, timeout: Duration, proxy: &ProxySpec) -> Result<reqwest::Client> {
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(self.ca_bundle.as_deref())?)
            .connect_timeout(connect_timeout)
            .timeout(timeout)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none());
        let builder = proxy.for_reqwest()?.into_iter().fold(builder, reqwest::ClientBuilder::proxy);
        builder
            .build()
            .map_err(|e| Error::new(ErrorKind::Configuration, "the HTTP client cannot be set up").caused_by(e))
    }
}

/// Sends a request; `whom` says to whom, for people.
///
/// # Errors
/// `Timeout`, `Connection` and `InvalidReply`. Whatever status comes back is a success.
pub(super) async fn send(client: &reqwest::Client, whom: &str, request: reqwest::Request) -> Result<Reply> {
    let failed = |error: reqwest::Error| unanswered(whom, &error);
    let mut response = client.execute(request).await.map_err(failed)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST_REPLY {
            return Err(Error::new(ErrorKind::InvalidReply, format!("{whom} answers without end")));
        }
    }
    match String::from_utf8(body) {
        Ok(text) => Ok(Reply { status, text }),
        Err(_) => Err(Error::new(ErrorKind::InvalidReply, format!("{whom} does not answer with text"))),
    }
}

/// The error's own text is not shown: it names the whole address.
fn unanswered(whom: &str, error: &reqwest::Error) -> Error {
    if error.is_timeout() {
        return Error::new(ErrorKind::Timeout, format!("{whom} does not answer in time"));
    }
    let (mut innermost, mut tls) = (String::new(), false);
    let mut current = error.source();
    while let Some(cause) = current {
        innermost = cause.to_string();
        tls |= is_tls(cause);
        current = cause.source();
    }
    let error = Error::new(ErrorKind::Connection, format!("{whom} cannot be reached: {}", one_line(&innermost)));
    if tls { error.with_class(ErrorClass::Permanent) } else { error }
}

/// An `io::Error` hides what it wraps from `source`, and may wrap another one.
fn is_tls(cause: &(dyn StdError + 'static)) -> bool {
    match cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(wrapped) => is_tls(wrapped),
        None => cause.is::<rustls::Error>(),
    }
}

/// The first line of somebody else's words, at most 300 characters of it.
pub(super) fn one_line(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let clean: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    clean.trim_end().to_owned()
}

/// An endpoint as a URL that a request can be sent to.
///
/// # Errors
/// `Configuration`, naming where it was given.
pub(super) fn endpoint_url(given: &str, origin: &str) -> Result<Url> {
    let wrong = |what: &str| Err(Error::new(ErrorKind::Configuration, format!("{origin}: {what}")));
    match Url::parse(given.trim()) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            wrong("an address must hold no user or password")
        }
        Ok(url) if !matches!(url.scheme(), "http" | "https") || !url.has_host() => {
            wrong("expected http://host[:port] or https://host[:port]")
        }
        Ok(url) => Ok(url),
        Err(_) => wrong("expected http://host[:port] or https://host[:port]"),
    }
}

/// Scheme, host and port: a path may be what lets its holder in.
pub(super) fn shown(url: &Url) -> String {
    url.origin().ascii_serialization()
}
