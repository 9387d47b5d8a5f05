//! Keys from the machine's metadata service.
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>

use http::{HeaderValue, Method, StatusCode};
use time::{Duration, OffsetDateTime};
use url::Url;

use super::{
    Keys,
    container::kind_of,
    document::KeyDocument,
    variables::Variables,
    wire::{self, Reply, Wire},
};
use crate::{Error, ErrorKind, Result};

const ROLES: &str = "latest/meta-data/iam/security-credentials/";

/// The service goes on giving expired keys while it cannot get new ones, and servers go on taking them: ask again
/// after this time. <https://docs.aws.amazon.com/sdkref/latest/guide/feature-static-credentials.html>
const EXTENSION: Duration = Duration::minutes(10);

/// The instance metadata service.
#[derive(Clone, Debug)]
pub(super) struct Instance {
    base: Url,
    version_1_allowed: bool,
}

impl Instance {
    /// `None` where `AWS_EC2_METADATA_DISABLED` is true.
    ///
    /// # Errors
    /// `Configuration`, where the given endpoint is no address.
    pub(super) fn new(variables: &Variables) -> Result<Option<Self>> {
        if variables.is_true("AWS_EC2_METADATA_DISABLED") {
            return Ok(None);
        }
        let variable = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
        let ipv6 = variables
            .get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE")
            .is_some_and(|mode| mode.trim().eq_ignore_ascii_case("ipv6"));
        let default = if ipv6 { "http://[fd00:ec2::254]" } else { "http://169.254.169.254" };
        let given = variables.get(variable).unwrap_or(default).trim_end_matches('/');
        let base = wire::endpoint_url(&format!("{given}/"), variable)?;
        Ok(Some(Self { base, version_1_allowed: !variables.is_true("AWS_EC2_METADATA_V1_DISABLED") }))
    }

    /// Asks for the keys of the machine's role.
    pub(super) async fn fetch(&self, wire: &Wire) -> Result<Keys> {
        let client = wire.near().await?;
        let session = self.session(client).await?;
        let roles = self.read(client, ROLES, session.as_ref()).await?;
        let role = roles.lines().next().unwrap_or_default().trim();
        if role.is_empty() {
            return Err(self.no_role());
        }
        let text = self.read(client, &format!("{ROLES}{role}"), session.as_ref()).await?;
        let mut keys = KeyDocument::parse(&text, &self.whom())?.into_keys(&self.whom())?;
        let now = OffsetDateTime::now_utc();
        if keys.expires.is_some_and(|expires| expires <= now) {
            tracing::warn!("instance metadata gives expired keys; they are used until it has new ones");
            keys.expires = Some(now + EXTENSION);
        }
        Ok(keys)
    }

    /// A session token of version 2. `None`: this service only speaks version 1.
    async fn session(&self, client: &reqwest::Client) -> Result<Option<HeaderValue>> {
        let mut request = reqwest::Request::new(Method::PUT, self.address("latest/api/token")?);
        let lifetime = HeaderValue::from_static("21600");
        request.headers_mut().insert("x-aws-ec2-metadata-token-ttl-seconds", lifetime);
        let reply = self.send(client, request).await?;
        match StatusCode::from_u16(reply.status) {
            Ok(StatusCode::OK) => {
                let mut token = HeaderValue::from_str(reply.text.trim())
                    .map_err(|_| Error::new(ErrorKind::InvalidReply, format!("{} gives no token", self.whom())))?;
                token.set_sensitive(true);
                Ok(Some(token))
            }
            Ok(StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED)
                if self.version_1_allowed =>
            {
                Ok(None)
            }
            _ => Err(self.refused(reply.status)),
        }
    }

    async fn read(&self, client: &reqwest::Client, path: &str, session: Option<&HeaderValue>) -> Result<String> {
        let mut request = reqwest::Request::new(Method::GET, self.address(path)?);
        if let Some(token) = session {
            request.headers_mut().insert("x-aws-ec2-metadata-token", token.clone());
        }
        let reply = self.send(client, request).await?;
        match reply.status {
            200 => Ok(reply.text),
            404 => Err(self.no_role()),
            status => Err(self.refused(status)),
        }
    }

    /// Tries once more, as the first packet of a fresh machine is easily lost.
    async fn send(&self, client: &reqwest::Client, request: reqwest::Request) -> Result<Reply> {
        let again = request.try_clone();
        let first = wire::send(client, &self.whom(), request).await;
        match (first, again) {
            (Err(_), Some(request)) => wire::send(client, &self.whom(), request).await,
            (first, _) => first,
        }
    }

    fn address(&self, path: &str) -> Result<Url> {
        let wrong = || Error::new(ErrorKind::InvalidReply, format!("{} names a role that is no path", self.whom()));
        self.base.join(path).map_err(|_| wrong())
    }

    fn whom(&self) -> String {
        format!("instance metadata at {}", wire::shown(&self.base))
    }

    fn no_role(&self) -> Error {
        Error::new(ErrorKind::Credentials, format!("{} knows no role of this machine", self.whom()))
    }

    fn refused(&self, status: u16) -> Error {
        Error::new(kind_of(status), format!("{} refuses", self.whom())).answered(status, None)
    }
}
