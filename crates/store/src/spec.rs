use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::Deserialize;
use transship_types::Secret;

use crate::{Error, ErrorKind, ProxySpec, Result};

/// A bucket and the prefix inside it: what `s3://bucket/some/prefix` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The bucket.
    pub bucket: BucketSpec,
    /// What every key starts with: empty, or ending in `/`.
    pub prefix: String,
}

/// Everything that is needed to open a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BucketSpec {
    /// S3, Ceph, OCI, MinIO and the like.
    S3(S3Spec),
    /// Azure Blob Storage.
    Azure(AzureSpec),
    /// Google Cloud Storage.
    Gcs(GcsSpec),
    /// A directory.
    Local(LocalSpec),
    /// A store in this process's memory, by name: equal names are one store.
    Memory(String),
}

/// How the bucket's name travels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Addressing {
    /// Path-style for custom endpoints and for names that cannot be a host name, virtual-hosted at AWS.
    #[default]
    Auto,
    /// `https://endpoint/bucket/key`
    Path,
    /// `https://bucket.endpoint/key`
    Virtual,
}

/// Whether a request's signature covers the bytes of its body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PayloadSigning {
    /// Over TLS nothing is signed. On plain HTTP what is in memory is signed where no ETag will prove that it arrived as
    /// it was sent: documents, and objects once the bucket was seen to encrypt with KMS. Streams are never signed:
    /// that would take memory for all of them.
    #[default]
    Auto,
    /// Every body is signed. A streamed body is gathered first.
    Always,
}

/// Where S3 credentials come from. Libraries never read the environment: what is to be taken from it arrives in
/// `Chain`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum S3Credentials {
    /// Requests are not signed.
    Anonymous,
    /// Keys that stand alone: nothing else is consulted.
    Static {
        /// The access key's name.
        access_key_id: String,
        /// The secret access key.
        secret_access_key: Secret,
        /// The session token, for temporary keys.
        session_token: Option<Secret>,
    },
    /// AWS's standard chain over these variables (`AWS_ACCESS_KEY_ID`, `AWS_PROFILE`, `AWS_ROLE_ARN`, `HOME`, ...):
    /// keys, profile (static, AssumeRole, `credential_process`), web identity, container, instance metadata.
    Chain(BTreeMap<String, Secret>),
}

/// An S3 bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Spec {
    /// The bucket.
    pub bucket: String,
    /// `https://host[:port]`; AWS's own for the region where not given.
    pub endpoint: Option<String>,
    /// The region to sign for. Where not given: AWS's answer says, others get `us-east-1`.
    pub region: Option<String>,
    /// The credentials.
    pub credentials: S3Credentials,
    /// Path-style or virtual-hosted.
    pub addressing: Addressing,
    /// PEM file of the certificate authorities to trust besides the system's.
    pub ca_bundle: Option<PathBuf>,
    /// The proxies to go through; none by default.
    pub proxy: ProxySpec,
    /// Whether signatures cover bodies.
    pub payload_signing: PayloadSigning,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// The longest silence while waiting for a reply or for its next bytes.
    pub read_timeout: Duration,
}

impl S3Spec {
    /// A bucket with defaults for everything else.
    pub fn new(bucket: impl Into<String>, credentials: S3Credentials) -> Self {
        Self {
            bucket: bucket.into(),
            endpoint: None,
            region: None,
            credentials,
            addressing: Addressing::Auto,
            ca_bundle: None,
            proxy: ProxySpec::default(),
            payload_signing: PayloadSigning::Auto,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
        }
    }
}

/// An Azure container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AzureSpec {
    /// The storage account; may be empty where a connection string names it, and must not be another than it names.
    pub account: String,
    /// The container.
    pub container: String,
    /// A connection string: account, key or SAS, and endpoint in one.
    pub connection_string: Option<Secret>,
    /// The account's shared key.
    pub key: Option<Secret>,
    /// A shared access signature.
    pub sas: Option<Secret>,
    /// Service principal.
    pub client_id: Option<String>,
    /// Service principal.
    pub tenant_id: Option<String>,
    /// Service principal.
    pub client_secret: Option<Secret>,
    /// Another endpoint than the account's public one; must not be another than a connection string names.
    pub endpoint: Option<String>,
    /// The proxies to go through; none by default.
    pub proxy: ProxySpec,
}

/// A GCS bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GcsSpec {
    /// The bucket.
    pub bucket: String,
    /// The service account's JSON key, itself.
    pub service_account_key: Option<Secret>,
    /// The file that holds it.
    pub service_account_path: Option<PathBuf>,
    /// Another endpoint than the public one.
    pub endpoint: Option<String>,
    /// The proxies to go through; none by default.
    pub proxy: ProxySpec,
    /// Requests are not signed.
    pub anonymous: bool,
}

/// A directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalSpec {
    /// The directory. It must exist to be read; to be written, it is created with the first object.
    pub root: PathBuf,
    /// Create the directory when opening.
    pub create: bool,
    /// What becomes of symbolic links below `root`. A `root` that is one itself is followed.
    pub links: Links,
}

/// What becomes of symbolic links in a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// They are left out, with a warning for each.
    #[default]
    LeftOut,
    /// They are left out without a word.
    LeftOutQuietly,
    /// They are what they lead to. Such a directory can be read and not written.
    Followed,
}

impl Location {
    /// Takes a URL apart: `s3://bucket/prefix`, `az://account/container/prefix`, `gs://bucket/prefix`,
    /// `file:///absolute/dir`, `memory://name/prefix`. A prefix gets the `/` at its end that makes it a folder.
    /// S3 locations get the credentials `Chain` of nothing: set them before opening.
    ///
    /// # Errors
    /// `Configuration`, with what would be right.
    pub fn from_url(url: &str) -> Result<Self> {
        let wrong = |detail: String| Error::new(ErrorKind::Configuration, detail);
        let (scheme, rest) = url.split_once("://").ok_or_else(|| {
            wrong(format!("{url:?} is not a URL: expected s3://, az://, gs://, file:// or memory://"))
        })?;
        let (first, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if scheme != "file" && first.is_empty() {
            return Err(wrong(format!("{url:?} names no bucket: expected {scheme}://bucket[/prefix]")));
        }
        let (bucket, prefix) = match scheme {
            "s3" => (BucketSpec::S3(S3Spec::new(first, S3Credentials::Chain(BTreeMap::new()))), prefix),
            "gs" => (BucketSpec::Gcs(GcsSpec { bucket: first.into(), ..GcsSpec::default() }), prefix),
            "az" | "azure" => {
                let (container, prefix) = prefix.split_once('/').unwrap_or((prefix, ""));
                if container.is_empty() {
                    return Err(wrong(format!("{url:?} names no container: expected az://account/container[/prefix]")));
                }
                let (account, container) = (first.into(), container.into());
                (BucketSpec::Azure(AzureSpec { account, container, ..AzureSpec::default() }), prefix)
            }
            "file" if rest.starts_with('/') => {
                (BucketSpec::Local(LocalSpec { root: PathBuf::from(rest), ..LocalSpec::default() }), "")
            }
            "file" => return Err(wrong(format!("{url:?} is not absolute: expected file:///absolute/directory"))),
            "memory" => (BucketSpec::Memory(first.into()), prefix),
            other => {
                return Err(wrong(format!(
                    "{url:?} has the unknown scheme {other:?}: expected s3, az, gs, file or memory"
                )));
            }
        };
        Ok(Self { bucket, prefix: folder(prefix) })
    }
}

/// `a/b` and `a/b/` both name the folder `a/b/`; nothing names the whole bucket.
fn folder(prefix: &str) -> String {
    if prefix.is_empty() || prefix.ends_with('/') { prefix.to_owned() } else { format!("{prefix}/") }
}
