//! Connections: TLS with the system's authorities and the user's own, the user's proxies, no redirects.

use std::time::Duration;

use hyper_rustls::HttpsConnector;
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};

use super::transmit::RequestBody;
use crate::{
    Result, S3Spec,
    proxy::{Connector, Proxies},
    tls,
};

pub(super) type Pool = Client<HttpsConnector<Connector>, RequestBody>;

/// Servers drop idle connections after a while of their own; below that, hardly a request meets a closed one.
const IDLE: Duration = Duration::from_secs(20);

/// The most that one read of a body gives: what a reader buffers is counted in these.
const READ_BUFFER: usize = 128 << 10;

pub(super) fn pool(spec: &S3Spec, proxies: &Proxies) -> Result<Pool> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(spec.connect_timeout));
    http.set_keepalive(Some(Duration::from_secs(30)));
    let config = tls::client_config(spec.ca_bundle.as_deref())?;
    let https = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_http1()
        .wrap_connector(proxies.connector(http));
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .http1_max_buf_size(READ_BUFFER)
        .build(https))
}
