use std::{collections::BTreeMap, path::PathBuf};

use transship_store::{AzureSpec, BucketSpec, Location, ProxySpec, S3Credentials};
use transship_types::Secret;

/// The process's environment: read here and nowhere else, and handed on as an argument. Variables that are not Unicode
/// are left out.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Adds to a location that a URL named what its provider's own tools would take from the environment.
///
/// S3: the standard chain, `AWS_CA_BUNDLE`. Azure: `AZURE_STORAGE_CONNECTION_STRING`, `AZURE_STORAGE_KEY`,
/// `AZURE_STORAGE_SAS_TOKEN`, `AZURE_CLIENT_ID`, `AZURE_TENANT_ID`, `AZURE_CLIENT_SECRET`. GCS:
/// `GOOGLE_APPLICATION_CREDENTIALS`. All: `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`, in either case.
#[must_use]
pub fn with_environment(mut location: Location, environment: &BTreeMap<String, String>) -> Location {
    let text = |name: &str| environment.get(name).filter(|value| !value.is_empty()).cloned();
    let secret = |name: &str| text(name).map(Secret::new);
    match &mut location.bucket {
        BucketSpec::S3(s3) => {
            let variables = environment.iter().map(|(name, value)| (name.clone(), Secret::new(value))).collect();
            s3.credentials = S3Credentials::Chain(variables);
            s3.ca_bundle = text("AWS_CA_BUNDLE").map(PathBuf::from);
            s3.proxy = ProxySpec::from_variables(environment);
        }
        BucketSpec::Azure(azure) => {
            *azure = AzureSpec {
                connection_string: secret("AZURE_STORAGE_CONNECTION_STRING"),
                key: secret("AZURE_STORAGE_KEY"),
                sas: secret("AZURE_STORAGE_SAS_TOKEN"),
                client_id: text("AZURE_CLIENT_ID"),
                tenant_id: text("AZURE_TENANT_ID"),
                client_secret: secret("AZURE_CLIENT_SECRET"),
                proxy: ProxySpec::from_variables(environment),
                ..std::mem::take(azure)
            };
        }
        BucketSpec::Gcs(gcs) => {
            gcs.service_account_path = text("GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from);
            gcs.proxy = ProxySpec::from_variables(environment);
        }
        _ => {}
    }
    location
}
