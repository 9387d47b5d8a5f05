//! The server as a program of its own.

use super::admission::WrongRegion;
use super::fault::Fault;
use super::log::LogDetail;
use super::object::StoredObject;
use super::server::S3Server;
use anyhow::Context as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

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
    /// Directories whose files are there from the start, each with its bucket and prefix: `bucket/prefix`.
    pub load: Vec<(PathBuf, String)>,
    /// Also serves `bucket.<domain>`.
    pub base_domain: Option<String>,
    /// Serves HTTPS and writes the certificate to trust into this file.
    pub authority_file: Option<PathBuf>,
    /// Digests the bodies of uploads and drops them.
    pub discard_bodies: bool,
    /// Answers 503 `SlowDown` to more requests a second than this.
    pub requests_per_second: Option<u32>,
}

impl Default for StandaloneOptions {
    fn default() -> Self {
        Self {
            port: 0,
            region: "us-east-1".to_owned(),
            access_key: "testbed".to_owned(),
            secret_key: "testbed-secret".to_owned(),
            buckets: Vec::new(),
            load: Vec::new(),
            base_domain: Some("localhost".to_owned()),
            authority_file: None,
            discard_bodies: false,
            requests_per_second: None,
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
    for bucket in options.all_buckets() {
        builder = builder.bucket(&bucket);
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
    for (directory, place) in &options.load {
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        load(&server, directory, bucket, prefix.trim_end_matches('/'))?;
    }
    if let Some(rate) = options.requests_per_second {
        server.faults().add(Fault::above_rate(rate, rate.div_ceil(10)));
    }
    announce(&server, &options).context("cannot write to standard output")?;
    tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")
}

impl StandaloneOptions {
    fn all_buckets(&self) -> Vec<String> {
        let loaded = self.load.iter().map(|(_, place)| place.split('/').next().unwrap_or_default().to_owned());
        let mut all = self.buckets.clone();
        all.extend(loaded);
        all.sort();
        all.dedup();
        all
    }
}

/// Puts a directory's files in the order of their names, so that the last one is the newest object.
fn load(server: &S3Server, directory: &Path, bucket: &str, prefix: &str) -> anyhow::Result<()> {
    let named = || format!("cannot read {}", directory.display());
    let found = std::fs::read_dir(directory).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
    let mut entries = found.with_context(named)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let key = if prefix.is_empty() { name } else { format!("{prefix}/{name}") };
        if path.is_dir() {
            load(server, &path, bucket, &key)?;
        } else {
            let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            server.put(bucket, &key, StoredObject::new(bytes));
        }
    }
    Ok(())
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
    let buckets = options.all_buckets();
    if !buckets.is_empty() {
        writeln!(out, "# buckets: {}", buckets.join(", "))?;
    }
    for (directory, place) in &options.load {
        writeln!(out, "# the files of {} are in {place}", directory.display())?;
    }
    writeln!(out, "# Ctrl-C stops the server; its objects are gone then")?;
    out.flush()
}
