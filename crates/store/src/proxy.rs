//! HTTP proxies between this machine and a store.

use std::{
    collections::BTreeMap,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, StatusCode, Uri, header};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::{
        legacy::connect::{Connected, Connection, HttpConnector, proxy::Tunnel},
        proxy::matcher::{Intercept, Matcher},
    },
    rt::TokioIo,
};
use tokio::net::TcpStream;
use tower_service::Service;
use transship_types::{ErrorClass, Secret};

use crate::{Error, ErrorKind, Result};

/// Which are never reached through a proxy, whatever else is said.
const THIS_MACHINE: &str = "localhost,127.0.0.0/8,::1";

/// The proxies to go through. There are none unless they are named here: libraries never read the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxySpec {
    /// For `http` addresses: `http://[user:password@]host[:port]`.
    pub http: Option<Secret>,
    /// For `https` addresses, in the same form. It gets to see their hosts and ports, and nothing else.
    pub https: Option<Secret>,
    /// Hosts that are reached directly, with commas in between: `example.com` with all below it, addresses, networks
    /// such as `10.0.0.0/8`, or `*` for all. This machine itself is always reached directly.
    pub no_proxy: String,
}

impl ProxySpec {
    /// What these environment variables say: `http_proxy`, `https_proxy`, `no_proxy`, or the same in upper case.
    pub fn from_variables(variables: &BTreeMap<String, String>) -> Self {
        let text = |name: &str| {
            let cases = [name.to_owned(), name.to_ascii_uppercase()];
            cases.iter().filter_map(|name| variables.get(name)).find(|value| !value.is_empty())
        };
        Self {
            http: text("http_proxy").map(Secret::new),
            https: text("https_proxy").map(Secret::new),
            no_proxy: text("no_proxy").cloned().unwrap_or_default(),
        }
    }

    fn direct(&self) -> String {
        format!("{THIS_MACHINE},{}", self.no_proxy)
    }

    /// The same for `reqwest`.
    pub(crate) fn for_reqwest(&self) -> Result<Vec<reqwest::Proxy>> {
        let direct = reqwest::NoProxy::from_string(&self.direct());
        let (http, https) = (given("http", self.http.as_ref())?, given("https", self.https.as_ref())?);
        let made = [http.map(reqwest::Proxy::http), https.map(reqwest::Proxy::https)];
        // The library's own error may repeat what it was given.
        let proxies = made.into_iter().flatten().map(|made| made.map_err(|_| unusable("this")));
        proxies.map(|proxy| Ok(proxy?.no_proxy(direct.clone()))).collect()
    }
}

/// A proxy's address, if it is one. It may hold a password, and is not repeated.
fn given<'a>(scheme: &str, address: Option<&'a Secret>) -> Result<Option<&'a str>> {
    let Some(address) = address else { return Ok(None) };
    let address = address.expose().trim();
    let uri: Uri = address.parse().map_err(|_| unusable(scheme))?;
    let right = matches!(uri.scheme_str(), None | Some("http")) && uri.host().is_some_and(|host| !host.is_empty());
    if right { Ok(Some(address)) } else { Err(unusable(scheme)) }
}

fn unusable(scheme: &str) -> Error {
    let detail =
        format!("the proxy for {scheme} addresses cannot be used: expected http://[user:password@]host[:port]");
    Error::new(ErrorKind::Configuration, detail)
}

/// Which addresses are reached through which proxy.
#[derive(Clone, Debug)]
pub(crate) struct Proxies(Arc<Matcher>);

impl Proxies {
    /// # Errors
    /// `Configuration`, for an address that is none, without repeating it.
    pub(crate) fn new(spec: &ProxySpec) -> Result<Self> {
        let address = |scheme, address: &Option<Secret>| {
            given(scheme, address.as_ref()).map(|address| address.unwrap_or_default().to_owned())
        };
        let matcher = Matcher::builder()
            .http(address("http", &spec.http)?)
            .https(address("https", &spec.https)?)
            .no(spec.direct());
        Ok(Self(Arc::new(matcher.build())))
    }

    pub(crate) fn connector(&self, tcp: HttpConnector) -> Connector {
        Connector { tcp, proxies: self.clone() }
    }

    /// The proxy between here and there, for people.
    pub(crate) fn on_the_way_to(&self, address: &str) -> Option<String> {
        self.0.intercept(&address.parse().ok()?).as_ref().map(shown)
    }

    /// A proxy that forwards requests wants the login with each of them; the server does not get to see it.
    pub(crate) fn log_in(&self, uri: &Uri, headers: &mut HeaderMap) {
        let forwards = self.0.intercept(uri).filter(|_| uri.scheme_str() == Some("http"));
        if let Some(login) = forwards.as_ref().and_then(Intercept::basic_auth) {
            headers.insert(header::PROXY_AUTHORIZATION, login.clone());
        }
    }

    /// What a proxy says for itself, in place of the server.
    pub(crate) fn refusal(&self, uri: &Uri, status: StatusCode) -> Option<ProxyError> {
        let proxy = self.0.intercept(uri).filter(|_| status == StatusCode::PROXY_AUTHENTICATION_REQUIRED)?;
        Some(ProxyError::LogIn(shown(&proxy)))
    }
}

/// The proxy's address without its login, for people.
fn shown(proxy: &Intercept) -> String {
    proxy.uri().to_string().trim_end_matches('/').to_owned()
}

/// A proxy that does not do what it is there for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    #[error("cannot connect to the proxy {0}: {1}")]
    Unreachable(String, String),
    #[error("the proxy {0} does not accept the login, or asks for one")]
    LogIn(String),
    #[error("the proxy {0} does not connect to {1}")]
    Refuses(String, String),
}

impl ProxyError {
    /// The library tells its errors apart by their words only.
    fn of_tunnel(proxy: &Intercept, to: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        match error.to_string() {
            said if said.contains("failed to create underlying connection") => Self::unreachable(proxy, error),
            said if said.contains("proxy authorization required") => Self::LogIn(shown(proxy)),
            _ => Self::Refuses(shown(proxy), to.to_owned()),
        }
    }

    fn unreachable(proxy: &Intercept, error: &(dyn std::error::Error + 'static)) -> Self {
        let innermost = std::iter::successors(Some(error), |error| error.source()).last();
        Self::Unreachable(shown(proxy), innermost.map(ToString::to_string).unwrap_or_default())
    }

    pub(crate) fn to_error(&self) -> Error {
        let error = Error::new(ErrorKind::Connection, self.to_string());
        if matches!(self, Self::LogIn(_)) { error.with_class(ErrorClass::Permanent) } else { error }
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Connects directly, or to the proxy that is to be gone through. TLS comes on top of it.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    tcp: HttpConnector,
    proxies: Proxies,
}

impl Service<Uri> for Connector {
    type Response = Line;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Line, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let Some(proxy) = self.proxies.0.intercept(&to) else {
            let connecting = self.tcp.call(to);
            return Box::pin(async move { Ok(Line { io: connecting.await?, forwards: false }) });
        };
        let place = to.authority().map(ToString::to_string).unwrap_or_default();
        tracing::debug!(proxy = shown(&proxy), to = place, "connecting");
        if to.scheme_str() == Some("https") {
            let tunnel = Tunnel::new(proxy.uri().clone(), self.tcp.clone());
            let mut tunnel = match proxy.basic_auth() {
                Some(login) => tunnel.with_auth(login.clone()),
                None => tunnel,
            };
            let connecting = tunnel.call(to);
            return Box::pin(async move {
                let io = connecting.await.map_err(|error| ProxyError::of_tunnel(&proxy, &place, &error))?;
                Ok(Line { io, forwards: false })
            });
        }
        let connecting = self.tcp.call(proxy.uri().clone());
        Box::pin(async move {
            let io = connecting.await.map_err(|error| ProxyError::unreachable(&proxy, &error))?;
            Ok(Line { io, forwards: true })
        })
    }
}

/// A connection, to the server or to a proxy that forwards each request.
#[derive(Debug)]
pub(crate) struct Line {
    io: TokioIo<TcpStream>,
    forwards: bool,
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.forwards)
    }
}

impl Read for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }
}
