use std::{collections::BTreeMap, path::PathBuf};

use transship_alert::{Security, SmtpOptions};
use transship_types::Secret;

use super::s3;
use crate::{
    ConfigError, Origin, Result, Sourced,
    written::{Reading, found},
};

const SEPARATORS: [char; 2] = [',', ';'];
const SECURITY: [&str; 4] = ["auto", "none", "starttls", "tls"];
const ADDRESS: &str = "mail addresses, with , or ; between them";

/// Who is told how a workflow ended, and through which server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertsConfig {
    /// `host`, `host:port`, `smtp://...` or `smtps://...`.
    pub server: Sourced<String>,
    /// Whether the connection is encrypted.
    pub security: Sourced<Security>,
    /// Who logs in there, with which password; nobody where not given.
    pub login: Option<Sourced<(String, Secret)>>,
    /// PEM file of certificate authorities to trust besides the system's.
    pub ca_bundle: Option<PathBuf>,
    /// The sender.
    pub from: Sourced<String>,
    /// The recipients: at least one.
    pub to: Sourced<Vec<String>>,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self {
            server: Sourced::by_default("smtp.corp.redhat.com".to_owned()),
            security: Sourced::by_default(Security::Auto),
            login: None,
            ca_bundle: None,
            from: Sourced::by_default("solgate-alerts@redhat.com".to_owned()),
            to: Sourced::by_default(vec!["dev-null@redhat.com".to_owned()]),
        }
    }
}

impl AlertsConfig {
    /// Lays the environment over this: `SMTP_SERVER`, `ALERT_SENDER`, `ALERT_RECIPIENT`; their older names
    /// `ALERT_EMAIL_SMTP_SERVER`, `ALERT_FROM_EMAIL`, `ALERT_TO_EMAIL_LIST`; and `SMTP_SECURITY`, `SMTP_USERNAME`,
    /// `SMTP_PASSWORD`, `SMTP_CA_BUNDLE`. A login given for one server is not taken along to another.
    ///
    /// # Errors
    /// A variable that names no recipient, no server or no kind of security, or a password without a user.
    pub fn with_variables(mut self, variables: &BTreeMap<String, String>) -> Result<Self> {
        let set = |names: &[&str]| {
            names.iter().find_map(|name| {
                let value = s3::variable(variables, name)?;
                Some(Sourced { value: value.to_owned(), origin: Origin::Variable((*name).to_owned()) })
            })
        };
        if let Some(server) = set(&["SMTP_SERVER", "ALERT_EMAIL_SMTP_SERVER"]) {
            if server.value != self.server.value {
                self.login = None;
            }
            self.server = server;
        }
        if let Some(from) = set(&["ALERT_SENDER", "ALERT_FROM_EMAIL"]) {
            self.from = from;
        }
        if let Some(to) = set(&["ALERT_RECIPIENT", "ALERT_TO_EMAIL_LIST"]) {
            let list = to.value.split(SEPARATORS).map(str::trim).filter(|piece| !piece.is_empty());
            let value = addresses(list).map_err(|error| error.at_origin(&to.origin))?;
            self.to = Sourced { value, origin: to.origin };
        }
        if let Some(text) = set(&["SMTP_SECURITY"]) {
            let wrong = || found(&text.value).expected("auto, none, starttls or tls").at_origin(&text.origin);
            self.security = Sourced { value: security(&text.value).ok_or_else(wrong)?, origin: text.origin.clone() };
        }
        self.login = login(self.login, set(&["SMTP_USERNAME"]), set(&["SMTP_PASSWORD"]))?;
        if let Some(ca) = set(&["SMTP_CA_BUNDLE"]) {
            self.ca_bundle = Some(ca.value.into());
        }
        self.check().map_err(|error| error.at_origin(&self.server.origin))?;
        Ok(self)
    }

    /// How to reach the server.
    pub fn smtp(&self) -> SmtpOptions {
        let login = self.login.as_ref().map(|login| login.value.clone());
        let (username, password) = login.map_or((None, Secret::default()), |(user, word)| (Some(user), word));
        SmtpOptions {
            server: self.server.value.clone(),
            security: self.security.value,
            username,
            password,
            ca_bundle: self.ca_bundle.clone(),
            ..SmtpOptions::default()
        }
    }

    pub(super) fn read(&mut self, section: &Reading<'_>) -> Result<()> {
        if let Some(text) = section.word("alerts_smtp_server")? {
            self.server = Sourced { value: text.value.to_owned(), origin: section.origin(text.at) };
        }
        if let Some(text) = section.text("alerts_from")? {
            let one = addresses([text.value].into_iter());
            one.map_err(|error| section.error_at(text, error))?;
            self.from = Sourced { value: text.value.to_owned(), origin: section.origin(text.at) };
        }
        if let Some(list) = section.list("alerts_to", &SEPARATORS)
            && let Some(first) = list.first()
        {
            for text in &list {
                addresses([text.value].into_iter()).map_err(|error| section.error_at(*text, error))?;
            }
            let value = list.iter().map(|text| text.value.to_owned()).collect();
            self.to = Sourced { value, origin: section.origin(first.at) };
        }
        self.read_session(section)
    }

    fn read_session(&mut self, section: &Reading<'_>) -> Result<()> {
        if let Some(text) = section.word("alerts_smtp_security")? {
            let wrong = || s3::unknown_choice(section, text, "auto, none, starttls or tls", &SECURITY);
            let value = security(text.value).ok_or_else(wrong)?;
            self.security = Sourced { value, origin: section.origin(text.at) };
        }
        let password = section.text("alerts_smtp_password")?;
        match (section.text("alerts_smtp_username")?, password) {
            (Some(user), password) => {
                let password = Secret::new(password.map_or("", |text| text.value));
                let origin = section.origin(user.at);
                self.login = Some(Sourced { value: (user.value.to_owned(), password), origin });
            }
            (None, Some(password)) => {
                let error = ConfigError::new("a password without a user").expected("alerts_smtp_username beside it");
                return Err(section.error_at(password, error));
            }
            (None, None) => {}
        }
        self.ca_bundle = section.path("alerts_smtp_ca_bundle")?;
        let server = section.word("alerts_smtp_server")?.or(section.word("alerts_smtp_security")?);
        self.check().map_err(|error| match server {
            Some(text) => section.error_at(text, error),
            None => section.error(error),
        })
    }

    /// Whether server and security go together.
    fn check(&self) -> std::result::Result<(), ConfigError> {
        self.smtp().check().map_err(|error| ConfigError::new(error.to_string()))
    }
}

/// What the environment makes of a login: another user brings a password of their own.
fn login(
    known: Option<Sourced<(String, Secret)>>,
    user: Option<Sourced<String>>,
    password: Option<Sourced<String>>,
) -> Result<Option<Sourced<(String, Secret)>>> {
    let Some(password) = password else {
        let another = user.filter(|user| known.as_ref().is_none_or(|known| known.value.0 != user.value));
        return Ok(another.map(|u| Sourced { value: (u.value, Secret::default()), origin: u.origin }).or(known));
    };
    let secret = Secret::new(password.value);
    match (user.map(|user| user.value), known.map(|login| login.value.0)) {
        (Some(user), _) | (None, Some(user)) => Ok(Some(Sourced { value: (user, secret), origin: password.origin })),
        (None, None) => {
            let error = ConfigError::new("a password without a user").expected("SMTP_USERNAME beside it");
            Err(error.at_origin(&password.origin))
        }
    }
}

fn security(text: &str) -> Option<Security> {
    match text.to_ascii_lowercase().as_str() {
        "auto" | "opportunistic" => Some(Security::Auto),
        "none" => Some(Security::None),
        "starttls" => Some(Security::StartTls),
        "tls" => Some(Security::Tls),
        _ => None,
    }
}

/// Whether they are addresses in full is for the mailer to say; what has no `@` is something else.
fn addresses<'a>(list: impl Iterator<Item = &'a str>) -> std::result::Result<Vec<String>, ConfigError> {
    let list: Vec<_> = list.map(str::to_owned).collect();
    match list.iter().find(|address| !address.contains('@')) {
        Some(bad) => Err(found(bad).expected(ADDRESS)),
        None if list.is_empty() => Err(ConfigError::new("no address").expected(ADDRESS)),
        None => Ok(list),
    }
}
