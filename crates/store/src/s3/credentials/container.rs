//! Keys from the endpoint that ECS, EKS Pod Identity and others put beside a container.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>

use std::path::PathBuf;

use http::{HeaderValue, Method, header};
use transship_types::Secret;
use url::{Host, Url};

use super::{
    Keys,
    document::KeyDocument,
    variables::Variables,
    wire::{self, Wire},
};
use crate::{Error, ErrorKind, Result};

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// The ECS agent, and the EKS Pod Identity agent in both address families.
const AGENTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// A container's credentials endpoint.
#[derive(Clone)]
pub(super) struct Container {
    url: Url,
    authorization: Authorization,
}

#[derive(Clone)]
enum Authorization {
    None,
    Token(Secret),
    /// Read for every request: the file is rewritten before the token expires.
    File(PathBuf),
}

impl Container {
    /// `None` where neither variable is set.
    ///
    /// # Errors
    /// `Configuration`, where keys would travel over a network in the clear.
    pub(super) fn new(variables: &Variables) -> Result<Option<Self>> {
        let url = match (variables.get(RELATIVE), variables.get(FULL)) {
            (None, None) => return Ok(None),
            (Some(path), _) if path.starts_with('/') => {
                wire::endpoint_url(&format!("http://{}{path}", AGENTS[0]), RELATIVE)?
            }
            (Some(_), _) => return Err(Error::new(ErrorKind::Configuration, format!("{RELATIVE}: expected /path"))),
            (None, Some(url)) => wire::endpoint_url(url, FULL)?,
        };
        if url.scheme() == "http" && !is_near(&url) {
            let detail = format!(
                "{FULL}: {} would send keys in the clear: expected https, or a loopback or agent address",
                wire::shown(&url)
            );
            return Err(Error::new(ErrorKind::Configuration, detail));
        }
        let authorization = match (variables.get(TOKEN_FILE), variables.get(TOKEN)) {
            (Some(path), _) => Authorization::File(variables.path(path)),
            (None, Some(token)) => Authorization::Token(Secret::new(token)),
            (None, None) => Authorization::None,
        };
        Ok(Some(Self { url, authorization }))
    }

    /// Asks for keys.
    pub(super) async fn fetch(&self, wire: &Wire) -> Result<Keys> {
        let whom = format!("the container's credentials endpoint {}", wire::shown(&self.url));
        let mut request = reqwest::Request::new(Method::GET, self.url.clone());
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(value) = self.authorization_header().await? {
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let reply = wire::send(wire.near().await?, &whom, request).await?;
        match reply.status {
            200 => KeyDocument::parse(&reply.text, &whom)?.into_keys(&whom),
            status => Err(Error::new(kind_of(status), format!("{whom} gives no keys")).answered(status, None)),
        }
    }

    async fn authorization_header(&self) -> Result<Option<HeaderValue>> {
        let wrong = |detail: String| Error::new(ErrorKind::Configuration, detail);
        let (token, origin) = match &self.authorization {
            Authorization::None => return Ok(None),
            Authorization::Token(token) => (token.clone(), TOKEN.to_owned()),
            Authorization::File(path) => {
                let origin = format!("{TOKEN_FILE} {}", path.display());
                let read = tokio::fs::read_to_string(path).await;
                (Secret::new(read.map_err(|e| wrong(format!("{origin} cannot be read: {e}")))?), origin)
            }
        };
        let mut value = HeaderValue::from_str(token.expose().trim_end())
            .map_err(|_| wrong(format!("{origin}: a header cannot carry this token: it holds a control character")))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

impl std::fmt::Debug for Container {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Container({})", wire::shown(&self.url))
    }
}

fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) if ip.is_loopback() => true,
        Some(Host::Ipv6(ip)) if ip.is_loopback() => true,
        Some(Host::Domain(name)) if name.eq_ignore_ascii_case("localhost") => true,
        _ => url.host_str().is_some_and(|host| AGENTS.contains(&host)),
    }
}

/// What a metadata endpoint's refusal means.
pub(super) fn kind_of(status: u16) -> ErrorKind {
    match status {
        429 => ErrorKind::Throttled,
        500.. => ErrorKind::Server,
        _ => ErrorKind::Credentials,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_travel_in_the_clear_only_beside_the_container() {
        for url in [
            "http://127.0.0.9:80/x",
            "http://localhost/x",
            "http://[::1]/x",
            "http://169.254.170.23/v1",
            "https://far/",
        ] {
            assert!(Container::new(&Variables::from([(FULL, url)])).unwrap().is_some(), "{url}");
        }
        for url in [
            "http://169.254.170.3/x",
            "http://example.com/x",
            "http://169.254.170.23.example/x",
            "ftp://localhost/",
            "x",
        ] {
            let error = Container::new(&Variables::from([(FULL, url)])).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration, "{url}");
            assert!(error.to_string().starts_with(FULL), "{error}");
        }
    }

    #[test]
    fn a_relative_address_is_the_agents_own_and_is_not_shown() {
        let container =
            Container::new(&Variables::from([(RELATIVE, "/v2/canary"), (TOKEN, "canary")])).unwrap().unwrap();
        assert_eq!(container.url.as_str(), "http://169.254.170.2/v2/canary");
        assert_eq!(format!("{container:?}"), "Container(http://169.254.170.2)");
        Container::new(&Variables::from([(RELATIVE, "@evil.example/")])).unwrap_err();
    }
}
