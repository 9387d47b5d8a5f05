//! Where keys are to come from, decided from variables and files alone; nothing is asked over the network here.
//!
//! The order is that of AWS's CLI: the keys in the environment, a role of the profile, web identity from the
//! environment, the rest of the profile, the container's endpoint, instance metadata.
//! <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html>: the keys in the environment win over
//! `AWS_PROFILE`. The one exception is a profile that `AWS_PROFILE` names and whose role is to be assumed with just
//! those keys (`credential_source = Environment`), which the CLI can only be told with `--profile`.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use transship_types::Secret;

use super::{
    Keys,
    container::Container,
    instance::Instance,
    process::Process,
    profiles::{Found, Profile, Profiles},
    sts::{AssumedRole, Sts},
    variables::Variables,
    web_identity::WebIdentity,
};
use crate::{Error, ErrorKind, Result};

const ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";

/// One place that keys come from.
#[derive(Debug)]
pub(super) enum Source {
    /// Keys that are written down.
    Keys(Keys),
    /// A role, assumed with the keys of another source.
    Role(AssumedRole, Box<Source>),
    /// A role, assumed with an identity provider's token.
    WebIdentity(WebIdentity),
    /// A program that prints keys.
    Process(Process),
    /// The container's credentials endpoint.
    Container(Container),
    /// The machine's metadata service.
    Instance(Instance),
}

/// The outcome of walking the chain.
#[derive(Debug)]
pub(super) struct Plan {
    /// `None`: nothing is configured.
    pub(super) source: Option<Source>,
    /// Nothing was configured, and the source is only worth a try.
    pub(super) is_last_resort: bool,
    /// What holds no keys, for people.
    pub(super) looked_at: Vec<String>,
    pub(super) sts: Sts,
}

/// Settings that do not say where keys are, but where requests go.
#[derive(Debug, Default)]
pub(super) struct Destination {
    pub(super) region: Option<String>,
    pub(super) s3_endpoint: Option<String>,
}

struct Chain<'a> {
    variables: &'a Variables,
    profiles: &'a Profiles,
}

/// Walks the chain.
///
/// # Errors
/// `Configuration` where something is given by halves, contradicts itself or is not supported.
pub(super) fn plan(variables: &Variables, profiles: &Profiles) -> Result<Plan> {
    let chain = Chain { variables, profiles };
    let profile = chain.profile()?;
    let sts = Sts::new(variables, profile)?;
    let mut looked_at = Vec::new();
    let source = chain.configured(profile, &mut looked_at)?;
    let (source, is_last_resort) = match source {
        Some(source) => (Some(source), false),
        None => match Instance::new(variables)? {
            Some(instance) => (Some(Source::Instance(instance)), true),
            None => {
                looked_at.push("instance metadata is off (AWS_EC2_METADATA_DISABLED)".into());
                (None, true)
            }
        },
    };
    Ok(Plan { source, is_last_resort, looked_at, sts })
}

/// The region and the S3 endpoint that variables and profile name.
///
/// # Errors
/// `Configuration`, where `AWS_PROFILE` names no profile.
pub(super) fn destination(variables: &Variables, profiles: &Profiles) -> Result<Destination> {
    let profile = Chain { variables, profiles }.profile()?;
    Ok(Destination {
        region: region(variables, profile),
        s3_endpoint: endpoint(variables, profile, "s3").map(|(value, _)| value),
    })
}

/// `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's.
pub(super) fn region(variables: &Variables, profile: Option<Profile<'_>>) -> Option<String> {
    let from_variable = variables.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]).map(|(_, value)| value);
    from_variable.or_else(|| Some(profile?.get("region")?.value)).map(|value| value.trim().to_owned())
}

/// The endpoint of a service and where it was found.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>
pub(super) fn endpoint(variables: &Variables, profile: Option<Profile<'_>>, service: &str) -> Option<(String, String)> {
    let is_true = |found: Found<'_>| found.value.eq_ignore_ascii_case("true");
    let ignored = variables.is_true("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")
        || profile.and_then(|p| p.get("ignore_configured_endpoint_urls")).is_some_and(is_true);
    if ignored {
        return None;
    }
    let own = format!("AWS_ENDPOINT_URL_{}", service.to_ascii_uppercase());
    if let Some((name, value)) = variables.first(&[&own, "AWS_ENDPOINT_URL"]) {
        return Some((value.to_owned(), name.to_owned()));
    }
    let found = profile?.endpoint(service)?;
    Some((found.value.to_owned(), format!("{}, {}", found.origin(), found.key)))
}

impl<'a> Chain<'a> {
    /// The profile that counts. One that is named must be there.
    fn profile(&self) -> Result<Option<Profile<'a>>> {
        match self.variables.first(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]) {
            None => Ok(self.profiles.get("default")),
            Some((variable, name)) => {
                let found = self.profiles.get(name);
                let unknown = || format!("{variable}: {}", self.profiles.unknown(name));
                if found.is_some() { Ok(found) } else { Err(Error::new(ErrorKind::Configuration, unknown())) }
            }
        }
    }

    /// Everything before instance metadata.
    fn configured(&self, profile: Option<Profile<'a>>, looked_at: &mut Vec<String>) -> Result<Option<Source>> {
        if let Some(keys) = self.environment()? {
            let is_base = |p: &Profile<'_>| {
                self.variables.get("AWS_PROFILE").is_some()
                    && p.get("role_arn").is_some()
                    && p.get("credential_source").is_some_and(|source| source.value == "Environment")
            };
            return match profile.filter(is_base) {
                Some(profile) => self.role(profile, &mut Vec::new()),
                None => Ok(Some(Source::Keys(keys))),
            };
        }
        looked_at.push(format!("{ID} is not set"));
        if let Some(source) = profile.map(|p| self.role(p, &mut Vec::new())).transpose()?.flatten() {
            return Ok(Some(source));
        }
        if let Some(identity) = WebIdentity::of_environment(self.variables)? {
            return Ok(Some(Source::WebIdentity(identity)));
        }
        if let Some(source) = profile.map(|p| self.rest(p)).transpose()?.flatten() {
            return Ok(Some(source));
        }
        looked_at.push(self.profiles.looked_at(profile.map_or("default", |p| p.name)));
        looked_at.push("AWS_WEB_IDENTITY_TOKEN_FILE is not set".into());
        if let Some(container) = Container::new(self.variables)? {
            return Ok(Some(Source::Container(container)));
        }
        looked_at.push("neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor _FULL_URI is set".into());
        Ok(None)
    }

    /// `AWS_ACCESS_KEY_ID` and what belongs to it.
    fn environment(&self) -> Result<Option<Keys>> {
        let wrong = |detail: String| Err(Error::new(ErrorKind::Configuration, detail));
        let (id, secret) = match (self.variables.get(ID), self.variables.get(SECRET)) {
            (None, None) => return Ok(None),
            (Some(_), None) => return wrong(format!("{ID} is set, but {SECRET} is not")),
            (None, Some(_)) => return wrong(format!("{SECRET} is set, but {ID} is not")),
            (Some(id), Some(secret)) => (id, secret),
        };
        let expires = match self.variables.get("AWS_CREDENTIAL_EXPIRATION") {
            None => None,
            Some(given) => match OffsetDateTime::parse(given.trim(), &Rfc3339) {
                Ok(time) => Some(time),
                Err(_) => {
                    return wrong(format!(
                        "AWS_CREDENTIAL_EXPIRATION = {given:?}: expected a time such as 2030-01-02T03:04:05Z"
                    ));
                }
            },
        };
        let token = self.variables.first(&["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"]);
        let keys = Keys {
            access_key_id: id.to_owned(),
            secret_access_key: Secret::new(secret),
            session_token: token.map(|(_, token)| Secret::new(token)),
            expires,
        };
        keys.checked(ID).map(Some)
    }

    /// The role that a profile assumes with keys, if it does. `path` holds the profiles on the way here.
    fn role(&self, profile: Profile<'a>, path: &mut Vec<&'a str>) -> Result<Option<Source>> {
        let Some(arn) = profile.get("role_arn") else { return Ok(None) };
        if profile.get("web_identity_token_file").is_some() {
            return Ok(None);
        }
        if let Some(serial) = profile.get("mfa_serial") {
            return Err(serial.wrong("mfa_serial is not supported: nobody is there to type a code"));
        }
        path.push(profile.name);
        let base = match (profile.get("source_profile"), profile.get("credential_source")) {
            (Some(_), Some(source)) => return Err(source.wrong("give credential_source or source_profile, not both")),
            (Some(source), None) => self.source_profile(profile, source, path)?,
            (None, Some(source)) => self.credential_source(source)?,
            (None, None) => {
                return Err(arn.wrong(
                    "role_arn needs source_profile = NAME, credential_source = Environment|Ec2InstanceMetadata|\
                     EcsContainer, or web_identity_token_file = PATH",
                ));
            }
        };
        Ok(Some(Source::Role(AssumedRole::of_profile(profile, arn)?, Box::new(base))))
    }

    fn source_profile(&self, profile: Profile<'a>, source: Found<'a>, path: &mut Vec<&'a str>) -> Result<Source> {
        let Some(base) = self.profiles.get(source.value) else {
            return Err(source.wrong(format!("source_profile: {}", self.profiles.unknown(source.value))));
        };
        // A profile may name itself: its own keys, then its role.
        let is_itself = base.name == profile.name;
        let has_keys = static_keys(base)?.is_some();
        if path.contains(&base.name) && !(is_itself && has_keys) {
            let way = format!("{} -> {}", path.join(" -> "), base.name);
            return Err(source.wrong(format!("source_profile goes round in a circle: {way}")));
        }
        // As in the CLI, the keys of a source profile win over its role.
        let role = if has_keys { None } else { self.role(base, path)? };
        let found = if role.is_some() { role } else { self.rest(base)? };
        found.ok_or_else(|| {
            source.wrong(format!("source_profile = {} has neither keys nor a role of its own", source.value))
        })
    }

    fn credential_source(&self, source: Found<'_>) -> Result<Source> {
        let missing = |what: &str| source.wrong(format!("credential_source = {}, but {what}", source.value));
        match source.value {
            "Environment" => self.environment()?.map(Source::Keys).ok_or_else(|| missing(&format!("{ID} is not set"))),
            "EcsContainer" => Container::new(self.variables)?.map(Source::Container).ok_or_else(|| {
                missing("neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set")
            }),
            "Ec2InstanceMetadata" => Instance::new(self.variables)?
                .map(Source::Instance)
                .ok_or_else(|| missing("AWS_EC2_METADATA_DISABLED is true")),
            other => Err(source.wrong(format!(
                "credential_source = {other}: expected Environment, Ec2InstanceMetadata or EcsContainer"
            ))),
        }
    }

    /// What a profile has besides a role: web identity, keys, a program.
    fn rest(&self, profile: Profile<'a>) -> Result<Option<Source>> {
        if let Some(identity) = WebIdentity::of_profile(self.variables, profile)? {
            return Ok(Some(Source::WebIdentity(identity)));
        }
        for key in ["sso_session", "sso_start_url", "sso_account_id", "login_session"] {
            if let Some(found) = profile.get(key) {
                return Err(found.wrong(format!(
                    "{key}: signing in with a browser is not supported; let a profile of its own run `aws configure \
                     export-credentials --profile {} --format process` as its credential_process",
                    profile.name
                )));
            }
        }
        if let Some(keys) = static_keys(profile)? {
            return Ok(Some(Source::Keys(keys)));
        }
        Ok(profile.get("credential_process").map(Process::new).transpose()?.map(Source::Process))
    }
}

/// The keys that a profile holds itself, all from one file.
fn static_keys(profile: Profile<'_>) -> Result<Option<Keys>> {
    let (id, secret) = ("aws_access_key_id", "aws_secret_access_key");
    let Some(id) = profile.get(id) else {
        return match profile.get(secret) {
            Some(found) => Err(found.wrong(format!("{secret} is set, but {id} is not"))),
            None => Ok(None),
        };
    };
    let Some(secret) = profile.beside(&id, secret) else {
        return Err(id.wrong(format!("{} is set, but {secret} is not", id.key)));
    };
    let token = profile.beside(&id, "aws_session_token").or_else(|| profile.beside(&id, "aws_security_token"));
    let keys = Keys {
        access_key_id: id.value.to_owned(),
        secret_access_key: Secret::new(secret.value),
        session_token: token.map(|token| Secret::new(token.value)),
        expires: None,
    };
    keys.checked(&id.origin()).map(Some)
}
