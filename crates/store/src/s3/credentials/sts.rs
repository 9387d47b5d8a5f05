//! AWS's Security Token Service, which Ceph and MinIO speak too.
//! <https://docs.aws.amazon.com/STS/latest/APIReference/welcome.html>

use http::{HeaderValue, Method, header};
use object_store::{
    aws::{AwsAuthorizer, AwsCredential},
    client::HttpRequestBody,
};
use time::OffsetDateTime;
use transship_types::Secret;
use url::{Url, form_urlencoded};

use super::{
    Keys, plan,
    profiles::{Found, Profile},
    sts_reply,
    variables::Variables,
    wire::{self, Wire},
};
use crate::{Error, ErrorKind, Result};

/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
const SHORTEST: u32 = 900;
const LONGEST: u32 = 43_200;

/// Where STS is, and the region to sign for.
#[derive(Clone, Debug)]
pub(super) struct Sts {
    endpoint: Url,
    region: String,
}

/// A role and how to ask for it.
#[derive(Clone, Debug)]
pub(super) struct AssumedRole {
    arn: String,
    external_id: Option<String>,
    session_name: Option<String>,
    /// Seconds.
    duration: Option<u32>,
    /// Who wants it, for people.
    origin: String,
}

impl AssumedRole {
    pub(super) fn new(arn: &str, session_name: Option<&str>, origin: &str) -> Self {
        Self {
            arn: arn.trim().to_owned(),
            external_id: None,
            session_name: session_name.map(str::to_owned),
            duration: None,
            origin: origin.to_owned(),
        }
    }

    /// # Errors
    /// `Configuration`, where `duration_seconds` is not between 900 and 43200.
    pub(super) fn of_profile(profile: Profile<'_>, arn: Found<'_>) -> Result<Self> {
        let owned = |key| profile.get(key).map(|found| found.value.to_owned());
        let duration = match profile.get("duration_seconds") {
            None => None,
            Some(given) => match given.value.parse() {
                Ok(seconds) if (SHORTEST..=LONGEST).contains(&seconds) => Some(seconds),
                _ => {
                    let what = format!("duration_seconds = {}: expected {SHORTEST} to {LONGEST}", given.value);
                    return Err(given.wrong(what));
                }
            },
        };
        Ok(Self {
            arn: arn.value.to_owned(),
            external_id: owned("external_id"),
            session_name: owned("role_session_name"),
            duration,
            origin: arn.origin(),
        })
    }

    fn form(&self, action: &str) -> form_urlencoded::Serializer<'static, String> {
        let default_name = || format!("transship-{}", OffsetDateTime::now_utc().unix_timestamp());
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", action).append_pair("Version", "2011-06-15").append_pair("RoleArn", &self.arn);
        form.append_pair("RoleSessionName", &self.session_name.clone().unwrap_or_else(default_name));
        if let Some(seconds) = self.duration {
            form.append_pair("DurationSeconds", &seconds.to_string());
        }
        if let Some(id) = &self.external_id {
            form.append_pair("ExternalId", id);
        }
        form
    }
}

impl Sts {
    /// `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL`, the profile's, the region's own, or the global one.
    ///
    /// # Errors
    /// `Configuration`, where what is given is no address.
    pub(super) fn new(variables: &Variables, profile: Option<Profile<'_>>) -> Result<Self> {
        let region = plan::region(variables, profile);
        let endpoint = match plan::endpoint(variables, profile, "sts") {
            Some((given, origin)) => wire::endpoint_url(&given, &origin)?,
            None => wire::endpoint_url(&aws_endpoint(region.as_deref()), "the region")?,
        };
        let region = region.filter(|region| region != "aws-global").unwrap_or_else(|| "us-east-1".into());
        Ok(Self { endpoint, region })
    }

    /// Assumes `role` with `base`.
    ///
    /// # Errors
    /// `Credentials`, `ExpiredToken`, `ClockSkew`, `Configuration`: STS says no. `Connection`, `Timeout`, `Throttled`,
    /// `Server`, `InvalidReply`: it says nothing useful.
    pub(super) async fn assume_role(&self, role: &AssumedRole, base: &Keys, wire: &Wire) -> Result<Keys> {
        let what = self.describe(role, &format!("the key {}", base.access_key_id));
        let mut request = self.request(role.form("AssumeRole").finish())?;
        self.sign(&mut request, base)?;
        let secrets = [Some(&base.secret_access_key), base.session_token.as_ref()];
        self.send(request, &what, &secrets, wire).await
    }

    /// Assumes `role` with an identity provider's token; such a request is not signed.
    ///
    /// # Errors
    /// As [`assume_role`](Self::assume_role).
    pub(super) async fn assume_role_with_web_identity(
        &self,
        role: &AssumedRole,
        token: &Secret,
        wire: &Wire,
    ) -> Result<Keys> {
        let what = self.describe(role, "the web identity token");
        let form = role.form("AssumeRoleWithWebIdentity").append_pair("WebIdentityToken", token.expose()).finish();
        self.send(self.request(form)?, &what, &[Some(token)], wire).await
    }

    fn describe(&self, role: &AssumedRole, with: &str) -> String {
        format!("assuming {} ({}) with {with}: STS at {}", role.arn, role.origin, wire::shown(&self.endpoint))
    }

    fn request(&self, form: String) -> Result<http::Request<HttpRequestBody>> {
        http::Request::builder()
            .method(Method::POST)
            .uri(self.endpoint.as_str())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded; charset=utf-8")
            .header(header::ACCEPT, HeaderValue::from_static("text/xml"))
            .body(HttpRequestBody::from(form))
            .map_err(|e| Error::new(ErrorKind::Configuration, "the STS request cannot be built").caused_by(e))
    }

    fn sign(&self, request: &mut http::Request<HttpRequestBody>, base: &Keys) -> Result<()> {
        let credential = AwsCredential {
            key_id: base.access_key_id.clone(),
            secret_key: base.secret_access_key.expose().to_owned(),
            token: base.session_token.as_ref().map(|token| token.expose().to_owned()),
        };
        AwsAuthorizer::new(&credential, "sts", &self.region)
            .try_authorize(request, None)
            .map_err(|e| Error::new(ErrorKind::Configuration, "the STS request cannot be signed").caused_by(e))
    }

    async fn send(
        &self,
        request: http::Request<HttpRequestBody>,
        what: &str,
        secrets: &[Option<&Secret>],
        wire: &Wire,
    ) -> Result<Keys> {
        let (parts, body) = request.into_parts();
        let mut request = reqwest::Request::new(parts.method, self.endpoint.clone());
        *request.headers_mut() = parts.headers;
        *request.body_mut() = body.as_bytes().cloned().map(Into::into);
        let whom = wire.way_to(&self.endpoint, what)?;
        let reply = wire::send(wire.far().await?, &whom, request).await?;
        sts_reply::keys(&reply, what, secrets)
    }
}

/// <https://docs.aws.amazon.com/general/latest/gr/sts.html>
fn aws_endpoint(region: Option<&str>) -> String {
    match region {
        None | Some("aws-global") => "https://sts.amazonaws.com".into(),
        Some(region) if region.starts_with("cn-") => format!("https://sts.{region}.amazonaws.com.cn"),
        Some(region) => format!("https://sts.{region}.amazonaws.com"),
    }
}
