use std::{fmt, path::PathBuf, time::Duration};

use serde::Deserialize;
use transship_types::Secret;

use crate::{Error, Result};

/// Whether the connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// STARTTLS where the server offers it, plain text where it does not (port 25). The server's certificate is
    /// checked only where a password or a CA bundle is given: without either, a server that could be impersonated
    /// could be so without TLS as well. A password is never sent unencrypted.
    #[default]
    #[serde(alias = "opportunistic")]
    Auto,
    /// Plain text, the password included (port 25).
    None,
    /// STARTTLS or nothing, with a certificate that is valid (port 587).
    StartTls,
    /// TLS from the first byte, with a certificate that is valid (port 465).
    Tls,
}

impl fmt::Display for Security {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::None => "none",
            Self::StartTls => "starttls",
            Self::Tls => "tls",
        })
    }
}

impl Security {
    /// The port where none is given: RFC 5321, RFC 6409, RFC 8314.
    fn port(self) -> u16 {
        match self {
            Self::Auto | Self::None => 25,
            Self::StartTls => 587,
            Self::Tls => 465,
        }
    }
}

/// How to reach a mail server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmtpOptions {
    /// `host`, `host:port`, `smtp://host[:port]` or `smtps://host[:port]`; the last one means [`Security::Tls`].
    pub server: String,
    /// Whether the connection is encrypted.
    pub security: Security,
    /// Who logs in; nobody where not given.
    pub username: Option<String>,
    /// The password of `username`.
    pub password: Secret,
    /// PEM file of the certificate authorities to trust besides the system's.
    pub ca_bundle: Option<PathBuf>,
    /// The longest wait for the connection, and for each of the server's replies.
    pub timeout: Duration,
}

impl Default for SmtpOptions {
    fn default() -> Self {
        Self {
            server: String::new(),
            security: Security::Auto,
            username: None,
            password: Secret::default(),
            ca_bundle: None,
            timeout: Duration::from_secs(30),
        }
    }
}

/// Where a server is, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: Security,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl SmtpOptions {
    /// Looks whether the options can work, without connecting.
    ///
    /// # Errors
    /// [`Error::Options`], with what would be right.
    pub fn check(&self) -> Result<()> {
        self.resolve().map(drop)
    }

    pub(crate) fn resolve(&self) -> Result<Server> {
        let (security, rest) = self.scheme()?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            // What was given is not repeated: it may hold a password.
            return Err(options("user name and password have options of their own, they are no part of the server"));
        }
        let (host, port) = split_port(rest)
            .ok_or_else(|| options(format!("{:?} is no mail server: expected host or host:port", self.server)))?;
        if !self.password.expose().is_empty() && self.username.is_none() {
            return Err(options("there is a password but no user name"));
        }
        Ok(Server { host: host.to_owned(), port: port.unwrap_or(security.port()), security })
    }

    fn scheme(&self) -> Result<(Security, &str)> {
        let server = self.server.trim();
        let Some((scheme, rest)) = server.split_once("://") else {
            return Ok((self.security, server));
        };
        match (scheme.to_ascii_lowercase().as_str(), self.security) {
            ("smtps", Security::Auto | Security::Tls) => Ok((Security::Tls, rest)),
            ("smtps", other) => Err(options(format!("smtps:// and security = {other} contradict each other"))),
            ("smtp", Security::Tls) => Err(options("smtp:// and security = tls contradict each other")),
            ("smtp", other) => Ok((other, rest)),
            _ => Err(options(format!("unknown scheme {scheme:?}: expected smtp:// or smtps://"))),
        }
    }
}

fn options(detail: impl Into<String>) -> Error {
    Error::Options { detail: detail.into() }
}

/// `host`, `host:25`, `[::1]`, `[::1]:25` and `::1`.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
    } else if text.matches(':').count() > 1 {
        (text, None)
    } else {
        text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)))
    };
    let port = port.map(|port| port.parse::<u16>().ok().filter(|port| *port != 0)).map_or(Some(None), |p| p.map(Some));
    let bad = |c: char| c.is_whitespace() || c.is_control() || "/?#@[]".contains(c);
    if host.is_empty() || host.contains(bad) { None } else { Some((host, port?)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(server: &str, security: Security) -> Result<String> {
        let options = SmtpOptions { server: server.into(), security, ..SmtpOptions::default() };
        options.resolve().map(|s| format!("{s} {:?}", s.security))
    }

    #[test]
    fn servers_come_in_many_forms() {
        use Security::{Auto, None, StartTls, Tls};
        for (text, security, expected) in [
            ("mail.x.org", Auto, "mail.x.org:25 Auto"),
            (" mail.x.org:2525 ", None, "mail.x.org:2525 None"),
            ("mail.x.org", StartTls, "mail.x.org:587 StartTls"),
            ("mail.x.org", Tls, "mail.x.org:465 Tls"),
            ("smtp://mail.x.org/", Auto, "mail.x.org:25 Auto"),
            ("smtps://mail.x.org", Auto, "mail.x.org:465 Tls"),
            ("SMTPS://[::1]:2465", Tls, "[::1]:2465 Tls"),
            ("::1", Auto, "[::1]:25 Auto"),
        ] {
            assert_eq!(server(text, security).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_server_is_refused_before_connecting() {
        for bad in ["", "http://x", "x:0", "x:70000", "x:smtp", "[::1", "a b", "x/y", ":25", "smtp://"] {
            assert!(server(bad, Security::Auto).is_err(), "{bad:?}");
        }
        assert!(server("smtps://x", Security::None).is_err());
        assert!(server("smtp://x", Security::Tls).is_err());
    }

    #[test]
    fn a_password_in_the_server_is_not_repeated() {
        let error = server("smtp://me:hunter2@x", Security::Auto).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
