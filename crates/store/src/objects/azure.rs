//! Azure Blob Storage.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD};
use object_store::{RetryConfig, azure::MicrosoftAzureBuilder};
use transship_types::Secret;
use url::Url;

use super::{
    ObjectStoreBucket,
    backing::Backing,
    connection_string,
    keys::Rules,
    transport::{Transport, misconfigured},
};
use crate::{AzureSpec, Capabilities, MultipartLimits, Result, capabilities::Tally};

/// <https://learn.microsoft.com/en-us/rest/api/storageservices/put-blob#remarks>
const MAX_PUT: u64 = 5000 << 20;
/// <https://learn.microsoft.com/en-us/rest/api/storageservices/put-block#remarks>
const MULTIPART: MultipartLimits = MultipartLimits { min_part: 1, max_part: 4000 << 20, max_parts: 50_000 };

const CAPABILITIES: Capabilities = Capabilities {
    exact_keys: false,
    ordered_listing: true,
    etag_may_be_md5: false,
    streams_bodies: false,
    max_put: MAX_PUT,
    // `Copy Blob` may go on after its reply, with half an object in view meanwhile.
    max_copy: 0,
    max_delete: super::deleting::AZURE_BATCH,
    multipart: MULTIPART,
    content_headers: true,
    metadata: true,
    tags: false,
    conditional_put: true,
    keeps_source_time: true,
    made_by_writing: false,
};

pub(super) fn open(spec: &AzureSpec) -> Result<ObjectStoreBucket> {
    let spec = match &spec.connection_string {
        Some(text) => &connection_string::apply(text, spec)?,
        None => spec,
    };
    check_container(&spec.container)?;
    let endpoint = endpoint(spec)?;
    let tally = Arc::new(Tally::default());
    let builder = MicrosoftAzureBuilder::new()
        .with_account(&spec.account)
        .with_container_name(&spec.container)
        .with_endpoint(endpoint.clone())
        .with_retry(no_retries())
        .with_http_connector(Transport::new(Arc::clone(&tally), &spec.proxy)?);
    // The library's own error may repeat what it was given.
    let store = authenticated(builder, spec)?.build().map_err(|_| misconfigured("Azure cannot be set up"))?;
    let location = format!("az://{}/{}{}", spec.account, spec.container, elsewhere(&spec.account, &endpoint));
    Ok(ObjectStoreBucket::assemble(Backing::Azure(Arc::new(store)), Rules::Azure, location, CAPABILITIES, tally))
}

pub(super) fn no_retries() -> RetryConfig {
    RetryConfig { max_retries: 0, ..RetryConfig::default() }
}

fn elsewhere(account: &str, endpoint: &str) -> String {
    if endpoint == public(account) { String::new() } else { format!(" at {endpoint}") }
}

fn public(account: &str) -> String {
    format!("https://{account}.blob.core.windows.net")
}

/// <https://learn.microsoft.com/en-us/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata#container-names>
fn check_container(name: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let special = ["$root", "$web", "$logs", "$blobchangefeed"].contains(&name);
    if special || ((3..=63).contains(&name.len()) && name.bytes().all(allowed)) {
        return Ok(());
    }
    Err(misconfigured(format!(
        "{name:?} is no name of an Azure container: expected 3 to 63 lower-case letters, digits and hyphens"
    )))
}

fn endpoint(spec: &AzureSpec) -> Result<String> {
    let account = &spec.account;
    if account.is_empty() || !account.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        return Err(misconfigured(format!(
            "{account:?} is no name of an Azure storage account: expected lower-case letters and digits"
        )));
    }
    let Some(given) = &spec.endpoint else { return Ok(public(account)) };
    // The endpoint of a connection string may carry a signature: it is not repeated.
    let wrong = |what: &str| misconfigured(format!("the Azure endpoint {what}: expected https://host[:port][/path]"));
    let url = Url::parse(given).map_err(|_| wrong("is no URL"))?;
    if !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
        return Err(wrong("is neither http:// nor https://"));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("has more than a host and a path"));
    }
    match account_at_azure(&url) {
        Some(other) if other != account => Err(misconfigured(format!(
            "two Azure accounts: the location names {account:?}, the endpoint is that of {other:?}"
        ))),
        _ => Ok(url.as_str().trim_end_matches('/').to_owned()),
    }
}

/// The account whose own endpoint this is, in whichever of Azure's clouds.
/// <https://learn.microsoft.com/en-us/azure/storage/common/storage-account-overview#storage-account-endpoints>
fn account_at_azure(endpoint: &Url) -> Option<&str> {
    let (account, cloud) = endpoint.host_str()?.split_once('.')?;
    cloud.starts_with("blob.core.").then(|| account.trim_end_matches("-secondary"))
}

/// Adds the credentials: a key, else a shared access signature, else a service principal. Never what the machine may
/// have of its own: without any, `object_store` would ask the cloud's metadata service.
fn authenticated(builder: MicrosoftAzureBuilder, spec: &AzureSpec) -> Result<MicrosoftAzureBuilder> {
    if let Some(key) = &spec.key {
        check_key(key)?;
        return Ok(builder.with_access_key(key.expose()));
    }
    if let Some(sas) = &spec.sas {
        let pairs = sas_pairs(sas)?;
        return Ok(builder.with_sas_authorization(pairs));
    }
    match (&spec.client_id, &spec.tenant_id, &spec.client_secret) {
        (Some(id), Some(tenant), Some(secret)) => {
            check_identity("client id", id)?;
            check_identity("tenant id", tenant)?;
            Ok(builder.with_client_secret_authorization(id, secret.expose(), tenant))
        }
        (None, None, None) => Err(misconfigured(
            "there are no Azure credentials: expected a connection string, a key, a shared access signature, or client \
             id, tenant id and client secret",
        )),
        (id, tenant, secret) => {
            let missing =
                [("client id", id.is_none()), ("tenant id", tenant.is_none()), ("client secret", secret.is_none())];
            let missing: Vec<_> = missing.iter().filter(|(_, gone)| *gone).map(|(name, _)| *name).collect();
            Err(misconfigured(format!("the Azure service principal has no {}", missing.join(" and no "))))
        }
    }
}

/// A GUID or a domain: they become part of an address.
fn check_identity(what: &str, text: &str) -> Result<()> {
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)) {
        return Ok(());
    }
    Err(misconfigured(format!("the Azure {what} {text:?} is none: expected a GUID or a domain")))
}

fn check_key(key: &Secret) -> Result<()> {
    match BASE64_STANDARD.decode(key.expose()) {
        Ok(bytes) if !bytes.is_empty() => Ok(()),
        _ => Err(misconfigured("the Azure account key is not base64")),
    }
}

fn sas_pairs(sas: &Secret) -> Result<Vec<(String, String)>> {
    let query = sas.expose().trim().trim_start_matches('?');
    let pairs: Vec<(String, String)> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| {
            // Not form-decoding: a `+` in a signature that was never encoded is a plus.
            (name.to_owned(), percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned())
        })
        .collect();
    if pairs.iter().any(|(name, value)| name == "sig" && !value.is_empty()) {
        Ok(pairs)
    } else {
        Err(misconfigured("the Azure shared access signature has no `sig`"))
    }
}
