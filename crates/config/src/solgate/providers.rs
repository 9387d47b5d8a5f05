//! Credentials of Azure and Google Cloud Storage: the section's own stand alone, else the environment's.

use std::{collections::BTreeMap, path::PathBuf};

use transship_store::{AzureSpec, GcsSpec};
use transship_types::Secret;

use super::{CredentialsFrom, s3};
use crate::{
    ConfigError, Result, Sourced,
    layers::variable,
    written::{Reading, Text},
};

/// The ways to prove who one is, each with the keys that belong together.
const AZURE: [&[&str]; 4] = [
    &["azure_storage_connection_string"],
    &["azure_storage_key"],
    &["azure_storage_sas_token"],
    &["azure_client_id", "azure_tenant_id", "azure_client_secret"],
];
const GOOGLE: [&[&str]; 2] = [&["google_application_credentials"], &["google_service_account_key"]];

pub(super) fn azure(
    spec: &mut AzureSpec,
    section: &Reading<'_>,
    variables: &BTreeMap<String, String>,
) -> Result<CredentialsFrom> {
    spec.endpoint = endpoint(section)?.map(|endpoint| endpoint.value);
    let keys = written(section, &AZURE)?;
    let Some(first) = keys.first() else {
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
    let value = |key| keys.iter().find(|text| text.key == key);
    let secret = |key| value(key).map(|text| Secret::new(text.value));
    let word = |key| value(key).map_or(Ok(None), |text| section.word(text.key));
    spec.connection_string = secret("azure_storage_connection_string");
    spec.key = secret("azure_storage_key");
    spec.sas = secret("azure_storage_sas_token");
    spec.client_id = word("azure_client_id")?.map(|text| text.value.to_owned());
    spec.tenant_id = word("azure_tenant_id")?.map(|text| text.value.to_owned());
    spec.client_secret = secret("azure_client_secret");
    let principal = [spec.client_id.is_some(), spec.tenant_id.is_some(), spec.client_secret.is_some()];
    if principal.contains(&true) && principal.contains(&false) {
        let expected = "azure_client_id, azure_tenant_id and azure_client_secret";
        return Err(section.error(ConfigError::new("part of a service principal is missing").expected(expected)));
    }
    Ok(CredentialsFrom::Keys(section.origin(first.at)))
}

pub(super) fn google(
    spec: &mut GcsSpec,
    section: &Reading<'_>,
    variables: &BTreeMap<String, String>,
) -> Result<CredentialsFrom> {
    spec.endpoint = endpoint(section)?.map(|endpoint| endpoint.value);
    let keys = written(section, &GOOGLE)?;
    let Some(first) = keys.first() else {
        spec.service_account_path = variable(variables, "GOOGLE_APPLICATION_CREDENTIALS").map(PathBuf::from);
        return Ok(CredentialsFrom::Chain);
    };
    let given = |key| keys.iter().any(|text| text.key == key);
    if given("google_application_credentials") {
        spec.service_account_path = section.path("google_application_credentials")?;
    }
    if given("google_service_account_key") {
        spec.service_account_key = section.secret("google_service_account_key")?;
    }
    Ok(CredentialsFrom::Keys(section.origin(first.at)))
}

/// The section's own endpoint; the provider's public one where it has none.
pub(super) fn endpoint(section: &Reading<'_>) -> Result<Option<Sourced<String>>> {
    let Some(text) = section.word("endpoint_url")? else { return Ok(None) };
    s3::check(text.value).map_err(|error| section.error_at(text, error))?;
    Ok(Some(Sourced { value: text.value.to_owned(), origin: section.origin(text.at) }))
}

/// The keys that count. A way that the section itself writes of replaces those that it only inherits, so that the
/// keys of two accounts are not mixed.
fn written<'a>(section: &Reading<'a>, ways: &[&[&'a str]]) -> Result<Vec<Text<'a>>> {
    let (mut own, mut inherited) = (Vec::new(), Vec::new());
    for way in ways {
        let keys: Vec<_> = way.iter().map(|key| section.text(key)).collect::<Result<_>>()?;
        let keys: Vec<_> = keys.into_iter().flatten().collect();
        if keys.iter().any(|text| !text.inherited) { own.extend(keys) } else { inherited.extend(keys) }
    }
    Ok(if own.is_empty() { inherited } else { own })
}
