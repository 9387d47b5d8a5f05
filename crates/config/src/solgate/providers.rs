//! Credentials of Azure and Google Cloud Storage: the section's own stand alone, else the environment's.

use std::{collections::BTreeMap, path::PathBuf};

use transship_store::{AzureSpec, GcsSpec};
use transship_types::Secret;

use super::{CredentialsFrom, s3};
use crate::{ConfigError, Result, Sourced, layers::variable, written::Reading};

const AZURE: [&str; 6] = [
    "azure_storage_connection_string",
    "azure_storage_key",
    "azure_storage_sas_token",
    "azure_client_id",
    "azure_tenant_id",
    "azure_client_secret",
];
const GOOGLE: [&str; 2] = ["google_application_credentials", "google_service_account_key"];

pub(super) fn azure(
    spec: &mut AzureSpec,
    section: &Reading<'_>,
    variables: &BTreeMap<String, String>,
) -> Result<CredentialsFrom> {
    spec.endpoint = endpoint(section)?.map(|endpoint| endpoint.value);
    let Some(from) = first_written(section, &AZURE)? else {
        let text = |name| variable(variables, name).map(str::to_owned);
        let secret = |name| variable(variables, name).map(Secret::new);
        spec.connection_string = secret("AZURE_STORAGE_CONNECTION_STRING");
        spec.key = secret("AZURE_STORAGE_KEY");
        spec.sas = secret("AZURE_STORAGE_SAS_TOKEN");
        spec.client_id = text("AZURE_CLIENT_ID");
        spec.tenant_id = text("AZURE_TENANT_ID");
        spec.client_secret = secret("AZURE_CLIENT_SECRET");
        return Ok(CredentialsFrom::Chain);
    };
    spec.connection_string = section.secret("azure_storage_connection_string")?;
    spec.key = section.secret("azure_storage_key")?;
    spec.sas = section.secret("azure_storage_sas_token")?;
    spec.client_id = section.word("azure_client_id")?.map(|text| text.value.to_owned());
    spec.tenant_id = section.word("azure_tenant_id")?.map(|text| text.value.to_owned());
    spec.client_secret = section.secret("azure_client_secret")?;
    let principal = [spec.client_id.is_some(), spec.tenant_id.is_some(), spec.client_secret.is_some()];
    if principal.contains(&true) && principal.contains(&false) {
        let expected = "azure_client_id, azure_tenant_id and azure_client_secret";
        return Err(section.error(ConfigError::new("part of a service principal is missing").expected(expected)));
    }
    Ok(from)
}

pub(super) fn google(
    spec: &mut GcsSpec,
    section: &Reading<'_>,
    variables: &BTreeMap<String, String>,
) -> Result<CredentialsFrom> {
    spec.endpoint = endpoint(section)?.map(|endpoint| endpoint.value);
    let Some(from) = first_written(section, &GOOGLE)? else {
        spec.service_account_path = variable(variables, "GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from);
        return Ok(CredentialsFrom::Chain);
    };
    spec.service_account_path = section.path("google_application_credentials")?;
    spec.service_account_key = section.secret("google_service_account_key")?;
    Ok(from)
}

/// The section's own endpoint; the provider's public one where it has none.
pub(super) fn endpoint(section: &Reading<'_>) -> Result<Option<Sourced<String>>> {
    let Some(text) = section.word("endpoint_url")? else { return Ok(None) };
    s3::check(text.value).map_err(|error| section.error_at(text, error))?;
    Ok(Some(Sourced { value: text.value.to_owned(), origin: section.origin(text.at) }))
}

fn first_written<'a>(section: &Reading<'a>, keys: &[&'a str]) -> Result<Option<CredentialsFrom>> {
    for key in keys {
        if let Some(text) = section.text(key)? {
            return Ok(Some(CredentialsFrom::Keys(section.origin(text.at))));
        }
    }
    Ok(None)
}
