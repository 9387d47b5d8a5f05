//! Azure's connection strings:
//! <https://learn.microsoft.com/en-us/azure/storage/common/storage-configure-connection-string>.

use transship_types::Secret;
use url::Url;

use super::transport::misconfigured;
use crate::{AzureSpec, Result};

/// The account of the storage emulator, with its published key.
const EMULATOR_ACCOUNT: &str = "devstoreaccount1";
const EMULATOR_KEY: &str = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const EMULATOR_HOST: &str = "http://127.0.0.1";

/// What a connection string can say about blobs.
#[derive(Default)]
struct Parts {
    account: Option<String>,
    key: Option<Secret>,
    sas: Option<Secret>,
    endpoint: Option<String>,
    protocol: Option<String>,
    suffix: Option<String>,
    emulator: bool,
    emulator_proxy: Option<String>,
}

/// `spec` with the connection string's account, endpoint and credentials. Credentials of the spec stay only where the
/// string has none; its account and its endpoint must not be others than the string's.
///
/// # Errors
/// `Configuration`: which part of the string is wrong, never what it says; both accounts or endpoints that differ.
pub(super) fn apply(text: &Secret, spec: &AzureSpec) -> Result<AzureSpec> {
    let Parts { account, key, sas, endpoint, protocol, suffix, emulator, emulator_proxy } = parse(text.expose())?;
    let mut spec = spec.clone();
    if emulator {
        let host = emulator_proxy.as_deref().unwrap_or(EMULATOR_HOST).trim_end_matches('/');
        settle(&mut spec, EMULATOR_ACCOUNT.into(), Some(format!("{host}:10000/{EMULATOR_ACCOUNT}")))?;
        (spec.key, spec.sas) = (Some(Secret::new(EMULATOR_KEY)), None);
        return Ok(spec);
    }
    let account = account.or_else(|| account_of(endpoint.as_deref()?)).ok_or_else(|| {
        misconfigured("the Azure connection string names no account: expected AccountName or BlobEndpoint")
    })?;
    let named = protocol.is_some() || suffix.is_some();
    let assembled = || {
        let (protocol, suffix) = (protocol.as_deref().unwrap_or("https"), suffix.as_deref());
        format!("{protocol}://{account}.blob.{}", suffix.unwrap_or("core.windows.net"))
    };
    let endpoint = endpoint.or_else(|| named.then(assembled));
    settle(&mut spec, account, endpoint)?;
    if key.is_some() || sas.is_some() {
        (spec.key, spec.sas) = (key, sas);
    }
    Ok(spec)
}

/// Where the spec and the string both say something, neither may win: the data would go where nobody looks for them.
fn settle(spec: &mut AzureSpec, account: String, endpoint: Option<String>) -> Result<()> {
    if !spec.account.is_empty() && spec.account != account {
        return Err(misconfigured(format!(
            "two Azure accounts: the location names {:?}, the connection string {account:?}",
            spec.account
        )));
    }
    if let (Some(own), Some(told)) = (&spec.endpoint, &endpoint)
        && address(own) != address(told)
    {
        return Err(misconfigured(format!(
            "two Azure endpoints: the location names {}, the connection string {}",
            address(own),
            address(told)
        )));
    }
    spec.account = account;
    spec.endpoint = spec.endpoint.take().or(endpoint);
    Ok(())
}

/// An endpoint without what may be a secret in it.
fn address(endpoint: &str) -> String {
    let Ok(mut url) = Url::parse(endpoint) else { return "what is no URL".to_owned() };
    url.set_query(None);
    url.set_fragment(None);
    let _ = (url.set_username(""), url.set_password(None));
    url.as_str().trim_end_matches('/').to_owned()
}

fn parse(text: &str) -> Result<Parts> {
    let mut parts = Parts::default();
    for (position, part) in text.split(';').map(str::trim).enumerate().filter(|(_, part)| !part.is_empty()) {
        let wrong = |what: &str| misconfigured(format!("the Azure connection string's part {} {what}", position + 1));
        let (name, value) = part.split_once('=').ok_or_else(|| wrong("has no `=`: expected Name=value"))?;
        let (name, value) = (name.trim(), value.trim());
        let text = || Some(value.to_owned());
        match name.to_ascii_lowercase().as_str() {
            "accountname" => parts.account = text(),
            "accountkey" => parts.key = Some(Secret::new(value)),
            "sharedaccesssignature" => parts.sas = Some(Secret::new(value)),
            "blobendpoint" => parts.endpoint = text(),
            "defaultendpointsprotocol" if ["http", "https"].contains(&value) => parts.protocol = text(),
            "defaultendpointsprotocol" => return Err(wrong("(DefaultEndpointsProtocol) is neither http nor https")),
            "endpointsuffix" => parts.suffix = text(),
            "usedevelopmentstorage" => parts.emulator = value.eq_ignore_ascii_case("true"),
            "developmentstorageproxyuri" => parts.emulator_proxy = text(),
            // Other services of the account.
            "queueendpoint"
            | "tableendpoint"
            | "fileendpoint"
            | "dfsendpoint"
            | "blobsecondaryendpoint"
            | "queuesecondaryendpoint"
            | "tablesecondaryendpoint"
            | "filesecondaryendpoint" => {}
            // What stands before the `=` may itself be a key that was pasted without its name.
            known if known.len() <= 32 && known.bytes().all(|b| b.is_ascii_alphabetic()) => {
                return Err(wrong(&format!("has the unknown name {name:?}")));
            }
            _ => return Err(wrong("has an unknown name")),
        }
    }
    Ok(parts)
}

/// `https://account.blob.core.windows.net` or, as the emulator has it, `http://127.0.0.1:10000/account`.
fn account_of(endpoint: &str) -> Option<String> {
    let url = Url::parse(endpoint).ok()?;
    let first = url.path_segments()?.next().unwrap_or_default();
    match url.host()? {
        url::Host::Domain(host) if first.is_empty() => host.split_once('.').map(|(account, _)| account.to_owned()),
        _ => Some(first.to_owned()).filter(|account| !account.is_empty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(text: &str) -> Result<AzureSpec> {
        applied_to(text, AzureSpec { container: "c".into(), ..AzureSpec::default() })
    }

    fn applied_to(text: &str, spec: AzureSpec) -> Result<AzureSpec> {
        apply(&Secret::new(text), &spec)
    }

    #[test]
    fn the_usual_forms_are_understood() {
        for (text, account, endpoint) in [
            (
                "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=a2V5PQ==;EndpointSuffix=core.chinacloudapi.cn",
                "acc",
                "https://acc.blob.core.chinacloudapi.cn",
            ),
            (
                "accountname=acc;accountkey=a2V5;EndpointSuffix=core.windows.net",
                "acc",
                "https://acc.blob.core.windows.net",
            ),
            (
                "BlobEndpoint=https://acc.blob.core.windows.net;SharedAccessSignature=sv=1&sig=x",
                "acc",
                "https://acc.blob.core.windows.net",
            ),
            (
                "DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:9/devstoreaccount1;QueueEndpoint=http://x",
                "devstoreaccount1",
                "http://127.0.0.1:9/devstoreaccount1",
            ),
            ("BlobEndpoint=http://127.0.0.1:9/acc;SharedAccessSignature=sig=x", "acc", "http://127.0.0.1:9/acc"),
            ("UseDevelopmentStorage=true", "devstoreaccount1", "http://127.0.0.1:10000/devstoreaccount1"),
            (
                "UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://host/",
                "devstoreaccount1",
                "http://host:10000/devstoreaccount1",
            ),
        ] {
            let spec = applied(text).unwrap();
            assert_eq!((spec.account.as_str(), spec.endpoint.as_deref()), (account, Some(endpoint)), "{text}");
            assert_eq!(spec.container, "c");
        }
        let spec = applied("AccountName=acc;AccountKey=a2V5PQ==").unwrap();
        assert_eq!((spec.account.as_str(), spec.endpoint.as_ref()), ("acc", None), "the public one is found later");
        assert_eq!(spec.key.unwrap().expose(), "a2V5PQ==", "a key may hold `=`");
    }

    #[test]
    fn an_error_says_which_part_and_never_what_it_holds() {
        for (text, why) in [
            ("AccountName=acc;CANARY", "part 2 has no `=`"),
            ("CANARYcanary0/+==;AccountName=acc", "part 1 has an unknown name"),
            ("AccountName=acc;AcountKey=CANARY", "part 2 has the unknown name \"AcountKey\""),
            ("AccountKey=CANARY", "names no account"),
            ("DefaultEndpointsProtocol=CANARY", "neither http nor https"),
        ] {
            let error = applied(text).unwrap_err();
            assert!(error.to_string().contains(why), "{text}: {error}");
            assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
        }
    }

    #[test]
    fn an_account_or_endpoint_that_is_contradicted_is_named_with_its_rival() {
        let spec = |account: &str, endpoint: Option<&str>| AzureSpec {
            account: account.into(),
            endpoint: endpoint.map(Into::into),
            ..AzureSpec::default()
        };
        let full = "DefaultEndpointsProtocol=https;AccountName=acc;AccountKey=CANARY;EndpointSuffix=core.windows.net";
        let signed = "BlobEndpoint=https://acc.blob.core.windows.net/?sig=CANARY;SharedAccessSignature=sig=CANARY";
        for (text, spec, names) in [
            (full, spec("other", None), ["\"other\"", "\"acc\""]),
            (signed, spec("other", None), ["\"other\"", "\"acc\""]),
            ("UseDevelopmentStorage=true", spec("acc", None), ["\"acc\"", "\"devstoreaccount1\""]),
            (
                full,
                spec("acc", Some("http://u:CANARY@proxy/acc/")),
                ["http://proxy/acc,", "https://acc.blob.core.windows"],
            ),
            (signed, spec("acc", Some("https://proxy")), ["https://proxy,", "https://acc.blob.core.windows.net"]),
        ] {
            let error = applied_to(text, spec).unwrap_err();
            assert!(names.iter().all(|name| error.to_string().contains(name)), "{error}");
            assert!(!format!("{error} {error:?}").contains("CANARY"), "{error:?}");
        }
        for (text, endpoint) in [(full, "https://acc.blob.core.windows.net/"), ("AccountName=acc", "http://proxy/acc")]
        {
            assert_eq!(applied_to(text, spec("acc", Some(endpoint))).unwrap().endpoint.as_deref(), Some(endpoint));
        }
    }
}
