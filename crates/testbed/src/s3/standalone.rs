//! The server as a program of its own.

use super::admission::WrongRegion;
use super::log::LogDetail;
use super::server::S3Server;
use anyhow::Context as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// What a server run by hand is to be like.
#[derive(Debug, Clone)]
pub struct StandaloneOptions {
    /// Port on `127.0.0.1`; 0 takes a free one.
    pub port: u16,
    /// The region it says it is in; requests signed for another are accepted.
    pub region: String,
    /// Access key.
    pub access_key: String,
    /// Secret key.
    pub secret_key: String,
    /// Buckets that are there from the start.
    pub buckets: Vec<String>,
    /// Also serves `bucket.<domain>`.
    pub base_domain: Option<String>,
    /// Serves HTTPS and writes the certificate to trust into this file.
    pub authority_file: Option<PathBuf>,
    /// Digests the bodies of uploads and drops them.
    pub discard_bodies: bool,
}

impl Default for StandaloneOptions {
    fn default() -> Self {
        Self {
            port: 0,
            region: "us-east-1".to_owned(),
            access_key: "testbed".to_owned(),
            secret_key: "testbed-secret".to_owned(),
            buckets: Vec::new(),
            base_domain: Some("localhost".to_owned()),
            authority_file: None,
            discard_bodies: false,
        }
    }
}

/// Runs a server until Ctrl-C. Prints its endpoint and keys on standard output, as lines a shell can evaluate.
///
/// # Errors
/// Where the port is taken, or the certificate cannot be made or written.
pub async fn serve_standalone(options: StandaloneOptions) -> anyhow::Result<()> {
    let mut builder = S3Server::builder()
        .address(SocketAddr::from((Ipv4Addr::LOCALHOST, options.port)))
        .region(&options.region)
        .wrong_region(WrongRegion::Accept)
        .key(&options.access_key, &options.secret_key)
        .log(LogDetail::Counts);
    for bucket in &options.buckets {
        builder = builder.bucket(bucket);
    }
    if let Some(domain) = &options.base_domain {
        builder = builder.base_domain(domain);
    }
    if options.authority_file.is_some() {
        builder = builder.tls();
    }
    if options.discard_bodies {
        builder = builder.discard_bodies();
    }
    let server = builder.start().await?;
    if let (Some(file), Some(pem)) = (&options.authority_file, server.authority_pem()) {
        std::fs::write(file, pem).with_context(|| format!("cannot write {}", file.display()))?;
    }
    announce(&server, &options).context("cannot write to standard output")?;
    tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")
}

fn announce(server: &S3Server, options: &StandaloneOptions) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "export AWS_ENDPOINT_URL={}", server.endpoint())?;
    writeln!(out, "export AWS_ACCESS_KEY_ID={}", server.access_key())?;
    writeln!(out, "export AWS_SECRET_ACCESS_KEY={}", server.secret_key())?;
    writeln!(out, "export AWS_REGION={}", server.region())?;
    if let Some(file) = &options.authority_file {
        writeln!(out, "export AWS_CA_BUNDLE={}", file.display())?;
    }
    if !options.buckets.is_empty() {
        writeln!(out, "# buckets: {}", options.buckets.join(", "))?;
    }
    writeln!(out, "# Ctrl-C stops the server; its objects are gone then")?;
    out.flush()
}
