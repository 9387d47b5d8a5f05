//! Google Cloud Storage.

use std::sync::Arc;

use object_store::{
    StaticCredentialProvider,
    gcp::{GcpCredential, GoogleCloudStorageBuilder},
};
use transship_types::Secret;
use url::Url;

use super::{
    ObjectStoreBucket,
    azure::no_retries,
    backing::Backing,
    keys::Rules,
    transport::{Transport, misconfigured},
};
use crate::{Capabilities, GcsSpec, MultipartLimits, Result, capabilities::Tally};

/// <https://cloud.google.com/storage/quotas#objects>
const MAX_OBJECT: u64 = 5 << 40;

const CAPABILITIES: Capabilities = Capabilities {
    exact_keys: false,
    ordered_listing: true,
    etag_may_be_md5: false,
    streams_bodies: false,
    max_put: MAX_OBJECT,
    max_copy: MAX_OBJECT,
    max_delete: 1,
    // <https://cloud.google.com/storage/quotas#requests>: the limits of S3.
    multipart: MultipartLimits::S3,
    content_headers: true,
    metadata: true,
    tags: false,
    conditional_put: true,
    keeps_source_time: true,
    made_by_writing: false,
};

pub(super) fn open(spec: &GcsSpec) -> Result<ObjectStoreBucket> {
    check_bucket(&spec.bucket)?;
    let tally = Arc::new(Tally::default());
    let mut builder = GoogleCloudStorageBuilder::new()
        .with_bucket_name(&spec.bucket)
        .with_retry(no_retries())
        .with_http_connector(Transport::new(Arc::clone(&tally), &spec.proxy)?);
    let mut location = format!("gs://{}", spec.bucket);
    if let Some(endpoint) = &spec.endpoint {
        let endpoint = check_endpoint(endpoint)?;
        builder = builder.with_base_url(&endpoint);
        location = format!("{location} at {endpoint}");
    }
    // The library's own error may repeat what it was given.
    let store = authenticated(builder, spec)?.build().map_err(|_| {
        misconfigured("the GCS service account's key is not valid: expected its JSON, with private_key")
    })?;
    Ok(ObjectStoreBucket::assemble(Backing::Gcs(Arc::new(store)), Rules::Gcs, location, CAPABILITIES, tally))
}

/// <https://cloud.google.com/storage/docs/buckets#naming>
fn check_bucket(name: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    if (3..=222).contains(&name.len()) && name.bytes().all(allowed) && !name.contains("..") {
        return Ok(());
    }
    Err(misconfigured(format!(
        "{name:?} is no name of a GCS bucket: expected 3 to 222 lower-case letters, digits, hyphens, dots and underscores"
    )))
}

fn check_endpoint(given: &str) -> Result<String> {
    let url = Url::parse(given).ok().filter(|url| {
        ["http", "https"].contains(&url.scheme())
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    let url = url.ok_or_else(|| misconfigured("the GCS endpoint is no address: expected https://host[:port]"))?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// Adds the credentials that were given, never what the machine may have of its own: without any, `object_store`
/// would read the home directory and ask the cloud's metadata service.
fn authenticated(builder: GoogleCloudStorageBuilder, spec: &GcsSpec) -> Result<GoogleCloudStorageBuilder> {
    if spec.anonymous {
        let nobody = StaticCredentialProvider::new(GcpCredential { bearer: String::new() });
        return Ok(builder.with_credentials(Arc::new(nobody)).with_skip_signature(true));
    }
    let key = match (&spec.service_account_key, &spec.service_account_path) {
        (Some(key), None) => key.clone(),
        (None, Some(path)) => Secret::new(std::fs::read_to_string(path).map_err(|e| {
            misconfigured(format!("the GCS service account's key {} cannot be read: {e}", path.display()))
        })?),
        (Some(_), Some(_)) => {
            return Err(misconfigured("the GCS service account's key is given twice: as itself and as a file"));
        }
        (None, None) => {
            return Err(misconfigured(
                "there are no GCS credentials: expected a service account's key or its file, or anonymous access",
            ));
        }
    };
    Ok(builder.with_service_account_key(key.expose()))
}
