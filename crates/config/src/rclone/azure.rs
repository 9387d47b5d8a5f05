//! Remotes of type `azureblob`. <https://rclone.org/azureblob/#authentication>

use std::collections::BTreeMap;

use transship_store::AzureSpec;
use transship_types::Secret;

use super::{WriteOptions, s3::endpoint, settings::Settings};
use crate::{ConfigError, Result};

/// The storage emulator's account, with its published key:
/// <https://learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string>
const EMULATOR: &str = "devstoreaccount1";
const EMULATOR_KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// The ways to prove who one is, in the order in which rclone looks for them.
const WAYS: [(&str, &[&str]); 4] = [
    ("key", &["key"]),
    ("sas_url", &["sas_url"]),
    ("connection_string", &["connection_string"]),
    ("client_id", &["client_id", "tenant", "client_secret"]),
];

pub(super) fn spec(
    settings: &mut Settings<'_>,
    container: &str,
    variables: &BTreeMap<String, Secret>,
) -> Result<AzureSpec> {
    let mut spec = AzureSpec {
        account: settings.word("account")?.unwrap_or_default(),
        container: container.to_owned(),
        endpoint: endpoint(settings)?,
        ..AzureSpec::default()
    };
    let way = if settings.truth("env_auth")? == Some(true) {
        environment(&mut spec, settings, variables)?;
        "env_auth"
    } else if settings.truth("use_emulator")? == Some(true) {
        emulator(&mut spec, settings);
        "use_emulator"
    } else {
        named(&mut spec, settings)?
    };
    let overruled = WAYS.iter().filter(|(name, _)| *name != way && !(way == "use_emulator" && *name == "key"));
    for (_, options) in overruled {
        settings.ignore(options);
    }
    let names_itself = ["sas_url", "connection_string", "use_emulator"].contains(&way);
    if spec.account.is_empty() && !names_itself {
        let problem = ConfigError::new("there is no account").of_key("account");
        return Err(settings.error(problem.expected("the storage account's name")));
    }
    Ok(spec)
}

fn named(spec: &mut AzureSpec, settings: &Settings<'_>) -> Result<&'static str> {
    let way = WAYS.iter().map(|(name, _)| *name).find(|name| settings.get(name).is_some());
    match way {
        Some("key") => spec.key = settings.secret("key"),
        Some("sas_url") => signed(spec, settings)?,
        Some("connection_string") => spec.connection_string = settings.secret("connection_string"),
        Some(_) => {
            for option in ["tenant", "client_secret"] {
                if settings.get(option).is_none() {
                    let problem = ConfigError::new(format!("there is no {option}")).of_key(option);
                    return Err(settings.error(problem.expected("client_id, tenant and client_secret")));
                }
            }
            spec.client_id = settings.word("client_id")?;
            spec.tenant_id = settings.word("tenant")?;
            spec.client_secret = settings.secret("client_secret");
        }
        None => {
            let problem = ConfigError::new("there are no credentials");
            let expected = "key, sas_url, connection_string, env_auth, or client_id, tenant and client_secret";
            return Err(settings.error(problem.expected(expected)));
        }
    }
    Ok(way.unwrap_or_default())
}

/// A service principal; of what rclone finds in the environment, machines' own identities are not supported.
fn environment(spec: &mut AzureSpec, settings: &Settings<'_>, variables: &BTreeMap<String, Secret>) -> Result<()> {
    let variable = |name| variables.get(name).filter(|value| !value.expose().is_empty());
    let text = |name| variable(name).map(|value| value.expose().to_owned());
    if spec.account.is_empty() {
        spec.account = text("AZURE_STORAGE_ACCOUNT_NAME").unwrap_or_default();
    }
    spec.client_id = text("AZURE_CLIENT_ID");
    spec.tenant_id = text("AZURE_TENANT_ID");
    spec.client_secret = variable("AZURE_CLIENT_SECRET").cloned();
    if spec.client_id.is_some() && spec.tenant_id.is_some() && spec.client_secret.is_some() {
        return Ok(());
    }
    let problem = ConfigError::new("the environment holds no service principal").of_key("env_auth");
    Err(settings.error(problem.expected("AZURE_CLIENT_ID, AZURE_TENANT_ID and AZURE_CLIENT_SECRET")))
}

fn emulator(spec: &mut AzureSpec, settings: &Settings<'_>) {
    if spec.account.is_empty() {
        spec.account = EMULATOR.to_owned();
    }
    spec.key = settings.secret("key").or_else(|| Some(Secret::new(EMULATOR_KEY)));
    spec.endpoint = spec.endpoint.take().or_else(|| Some(format!("http://127.0.0.1:10000/{}", spec.account)));
}

/// `https://account.blob.core.windows.net[/container]?signature`; where the host is an address, the account is the
/// path's first part.
fn signed(spec: &mut AzureSpec, settings: &Settings<'_>) -> Result<()> {
    let Some(setting) = settings.get("sas_url") else { return Ok(()) };
    let wrong = |problem: &str| {
        setting.error(
            ConfigError::new(problem.to_owned()).expected("https://account.blob.core.windows.net/container?sv=..."),
        )
    };
    let (address, signature) = setting.text().split_once('?').ok_or_else(|| wrong("there is no signature in it"))?;
    let uri: http::Uri = address.parse().map_err(|_| wrong("it is no URL"))?;
    let (Some(scheme @ ("http" | "https")), Some(authority), Some(host)) =
        (uri.scheme_str(), uri.authority(), uri.host())
    else {
        return Err(wrong("it is no https:// URL"));
    };
    if authority.as_str().contains('@') {
        return Err(wrong("it holds a user or password"));
    }
    let mut parts = uri.path().split('/').filter(|part| !part.is_empty());
    let mut endpoint = format!("{scheme}://{authority}");
    let account = if host.parse::<std::net::IpAddr>().is_ok() || !host.contains('.') {
        let account = parts.next().ok_or_else(|| wrong("it names no account"))?;
        endpoint = format!("{endpoint}/{account}");
        account
    } else {
        host.split('.').next().unwrap_or_default()
    };
    if let Some(container) = parts.next().filter(|container| *container != spec.container) {
        let problem =
            format!("the signature is for container {container:?}, the remote's path names {:?}", spec.container);
        return Err(setting.error(ConfigError::new(problem).expected("one container")));
    }
    spec.account = account.to_owned();
    spec.endpoint = Some(endpoint);
    spec.sas = Some(Secret::new(signature));
    Ok(())
}

pub(super) fn write_options(settings: &Settings<'_>) -> Result<WriteOptions> {
    Ok(WriteOptions {
        chunk_size: settings.size("chunk_size")?,
        no_check_bucket: settings.truth("no_check_container")?.unwrap_or(false),
        ..WriteOptions::default()
    })
}
