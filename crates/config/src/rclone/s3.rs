//! Remotes of type `s3`. <https://rclone.org/s3/>

use std::{collections::BTreeMap, net::IpAddr};

use transship_store::{Addressing, Encryption, PayloadSigning, S3Credentials, S3Spec};
use transship_types::Secret;

use super::{
    WriteOptions,
    providers::{Naming, Provider, provider},
    settings::{Setting, Settings},
    value::{size, tristate},
};
use crate::{
    ConfigError, Result,
    solgate::check_endpoint,
    written::{found, not_among},
};

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl>, and Tencent's `default`.
const ACLS: [&str; 9] = [
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
    "aws-exec-read",
    "log-delivery-write",
    "default",
];
const ALGORITHMS: [&str; 3] = ["AES256", "aws:kms", "aws:kms:dsse"];

/// Outside AWS, requests are signed for this region where none is said.
const REGION: &str = "us-east-1";

pub(super) fn spec(
    settings: &mut Settings<'_>,
    bucket: &str,
    variables: &BTreeMap<String, Secret>,
    warnings: &mut Vec<String>,
) -> Result<S3Spec> {
    let provider = provider(settings, warnings)?;
    let mut spec = S3Spec::new(bucket, credentials(settings, variables)?);
    spec.endpoint = endpoint(settings)?;
    if spec.endpoint.is_none() && provider != Provider::Aws {
        let name = settings.get("provider").map_or("this", Setting::text);
        let problem = format!("provider {name} has no endpoint of its own");
        return Err(
            settings.error(ConfigError::new(problem).of_key("endpoint").expected("endpoint = https://host[:port]"))
        );
    }
    // The region of the environment belongs to AWS.
    let region = settings.word("region")?;
    if let Some(setting) = settings.get("region").filter(|region| region.text() == "other-v2-signature") {
        return Err(setting.error(ConfigError::new("signatures of version 2 are not supported").expected("a region")));
    }
    spec.region = region.or_else(|| (provider != Provider::Aws).then(|| REGION.to_owned()));
    spec.addressing = addressing(settings, provider, &spec)?;
    // Whom to trust is no credential: as everywhere, it holds for all remotes.
    spec.ca_bundle = variables.get("AWS_CA_BUNDLE").map(Secret::expose).filter(|file| !file.is_empty()).map(Into::into);
    if settings.read("use_unsigned_payload", tristate)?.flatten() == Some(false) {
        spec.payload_signing = PayloadSigning::Always;
    }
    Ok(spec)
}

/// Keys stand alone. Without keys the environment is asked only where `env_auth` says so.
fn credentials(settings: &mut Settings<'_>, variables: &BTreeMap<String, Secret>) -> Result<S3Credentials> {
    let env_auth = settings.truth("env_auth")?.unwrap_or(false);
    let lacks = |setting: &Setting, other: &str| {
        setting.error(ConfigError::new(format!("there is no {other}")).expected("both, or neither"))
    };
    let credentials = match (settings.get("access_key_id"), settings.get("secret_access_key")) {
        (Some(id), None) => return Err(lacks(id, "secret_access_key")),
        (None, Some(secret)) => return Err(lacks(secret, "access_key_id")),
        (Some(id), Some(_)) => S3Credentials::Static {
            access_key_id: id.text().to_owned(),
            secret_access_key: settings.secret("secret_access_key").unwrap_or_default(),
            session_token: session_token(settings, id)?,
        },
        (None, None) => {
            if let Some(token) = settings.get("session_token") {
                let problem = ConfigError::new("there is no access_key_id that it belongs to");
                return Err(token.error(problem.expected("access_key_id and secret_access_key beside it")));
            }
            if env_auth {
                return Ok(S3Credentials::Chain(chain(settings, variables)?));
            }
            S3Credentials::Anonymous
        }
    };
    settings.ignore(&["profile", "shared_credentials_file"]);
    Ok(credentials)
}

/// A token that is said for all remotes is not sent along with one remote's own keys.
fn session_token(settings: &Settings<'_>, id: &Setting) -> Result<Option<Secret>> {
    match settings.get("session_token") {
        Some(token) if token.is_own != id.is_own => {
            let problem = format!("the token is not from where the keys are ({})", id.place.origin);
            Err(token.error(ConfigError::new(problem).expected("keys and token together")))
        }
        _ => Ok(settings.secret("session_token")),
    }
}

/// The environment, with the profile and the file of keys that the remote names. A named profile comes before keys in
/// the environment, as in the AWS SDK that rclone uses.
fn chain(settings: &Settings<'_>, variables: &BTreeMap<String, Secret>) -> Result<BTreeMap<String, Secret>> {
    const OTHER_KEYS: [&str; 6] = [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_ROLE_ARN",
    ];
    let mut variables = variables.clone();
    if let Some(profile) = settings.word("profile")? {
        variables.retain(|name, _| !OTHER_KEYS.contains(&name.as_str()));
        variables.insert("AWS_PROFILE".into(), Secret::new(profile));
    }
    if let Some(file) = settings.word("shared_credentials_file")? {
        variables.insert("AWS_SHARED_CREDENTIALS_FILE".into(), Secret::new(file));
    }
    Ok(variables)
}

/// With `https://` where the scheme is left out.
pub(super) fn endpoint(settings: &Settings<'_>) -> Result<Option<String>> {
    settings.read("endpoint", |text| {
        let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        check_endpoint(&full)?;
        Ok(full.trim_end_matches('/').to_owned())
    })
}

/// What `force_path_style` says; else as the provider is known to want it.
fn addressing(settings: &Settings<'_>, provider: Provider, spec: &S3Spec) -> Result<Addressing> {
    Ok(match (settings.truth("force_path_style")?, provider) {
        (Some(true), _) | (None, Provider::Other(Naming::Path)) => Addressing::Path,
        (Some(false), _) if spec.endpoint.is_some() => Addressing::Virtual,
        (_, Provider::Aws) => Addressing::Auto,
        (_, Provider::Other(_)) if can_be_in_host(spec) => Addressing::Virtual,
        (_, Provider::Other(_)) => Addressing::Path,
    })
}

/// `bucket.host` must be a name, and one that the host's certificate is for: with one label before it.
fn can_be_in_host(spec: &S3Spec) -> bool {
    let endpoint: Option<http::Uri> = spec.endpoint.as_deref().and_then(|endpoint| endpoint.parse().ok());
    let host = endpoint.as_ref().and_then(http::Uri::host).unwrap_or_default();
    let is_address = host.starts_with('[') || host.parse::<IpAddr>().is_ok();
    let is_label = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    !is_address && (3..=63).contains(&spec.bucket.len()) && spec.bucket.bytes().all(is_label)
}

pub(super) fn write_options(settings: &Settings<'_>) -> Result<WriteOptions> {
    const MIB: u64 = 1 << 20;
    let at_least = |min: u64, text: &str| match size(text)? {
        size if size < min => Err(found(text).expected(format!("at least {} MiB", min / MIB))),
        size => Ok(size),
    };
    let in_one_request = settings.read("use_multipart_uploads", tristate)?.flatten() == Some(false);
    Ok(WriteOptions {
        acl: settings.read("acl", |text| among(text, &ACLS))?,
        storage_class: settings.word("storage_class")?,
        encryption: encryption(settings)?,
        // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
        chunk_size: settings.read("chunk_size", |text| at_least(5 * MIB, text))?,
        upload_cutoff: if in_one_request { Some(u64::MAX) } else { settings.size("upload_cutoff")? },
        no_check_bucket: settings.truth("no_check_bucket")?.unwrap_or(false),
    })
}

fn among(text: &str, choices: &[&str]) -> std::result::Result<String, ConfigError> {
    let known = choices.contains(&text);
    if known { Ok(text.to_owned()) } else { Err(not_among(text, &choices.join(", "), choices)) }
}

fn encryption(settings: &Settings<'_>) -> Result<Option<Encryption>> {
    let algorithm = settings.read("server_side_encryption", |text| among(text, &ALGORITHMS))?;
    match (algorithm, settings.get("sse_kms_key_id")) {
        (Some(algorithm), None) => Ok(Some(Encryption { algorithm, kms_key_id: None })),
        (Some(algorithm), Some(_)) if algorithm != "AES256" => {
            Ok(Some(Encryption { algorithm, kms_key_id: settings.word("sse_kms_key_id")? }))
        }
        (None, None) => Ok(None),
        (_, Some(key)) => {
            let problem = ConfigError::new("server_side_encryption does not ask for KMS");
            Err(key.error(problem.expected("server_side_encryption = aws:kms beside it")))
        }
    }
}
