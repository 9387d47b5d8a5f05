//! Alert settings: defaults, the file over them, the environment over both.
//!
//! The login is no part of the layers: user, password and server belong together and are not taken one by one, and the
//! `config` crate would print the password.

use std::{collections::BTreeMap, path::PathBuf};

use transship_alert::{Security, SmtpOptions};
use transship_types::Secret;

use crate::{
    ConfigError, Origin, Result, Sourced,
    layers::{Said, Settings, variable},
    written::{Reading, found, not_among},
};

const SERVER: &str = "alerts_smtp_server";
const SECURITY: &str = "alerts_smtp_security";
const CA_BUNDLE: &str = "alerts_smtp_ca_bundle";
const FROM: &str = "alerts_from";
const TO: &str = "alerts_to";

/// The variables of each setting: the first one that is set counts.
const VARIABLES: [(&str, &[&str]); 5] = [
    (SERVER, &["SMTP_SERVER", "ALERT_EMAIL_SMTP_SERVER"]),
    (SECURITY, &["SMTP_SECURITY"]),
    (CA_BUNDLE, &["SMTP_CA_BUNDLE"]),
    (FROM, &["ALERT_SENDER", "ALERT_FROM_EMAIL"]),
    (TO, &["ALERT_RECIPIENT", "ALERT_TO_EMAIL_LIST"]),
];

const SEPARATORS: [char; 2] = [',', ';'];

type Login = Sourced<(String, Secret)>;

/// Who is told how a workflow ended, and through which server: what file and environment come to. To change
/// one, lay another layer over: it does not look at these fields.
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
    /// What these come from, for another layer to lie over.
    said: Settings,
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
            said: Settings::default(),
        }
    }
}

impl AlertsConfig {
    /// Lays the environment over what was read: `SMTP_SERVER`, `ALERT_SENDER`, `ALERT_RECIPIENT`; their older names
    /// `ALERT_EMAIL_SMTP_SERVER`, `ALERT_FROM_EMAIL`, `ALERT_TO_EMAIL_LIST`; and `SMTP_SECURITY`, `SMTP_USERNAME`,
    /// `SMTP_PASSWORD`, `SMTP_CA_BUNDLE`. A login given for one server is not taken along to another. A command line's
    /// options go into the map under the names of their variables.
    ///
    /// # Errors
    /// A variable that names no sender, no recipient, no server or no kind of security, or a password without a user.
    pub fn with_variables(self, variables: &BTreeMap<String, String>) -> Result<Self> {
        let mut all = Self::of(self.said.under(Settings::variables(variables, &VARIABLES))?)?;
        let login = self.login.filter(|_| all.server.value == self.server.value);
        all.login = login_over(login, variables)?;
        Ok(all)
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

    pub(super) fn read(sections: &[Reading<'_>]) -> Result<Self> {
        let mut file = Settings::default();
        let mut login = None;
        for section in sections {
            for setting in [SERVER, SECURITY] {
                file.add(section, section.word(setting)?);
            }
            for setting in [CA_BUNDLE, FROM] {
                file.add(section, section.text(setting)?);
            }
            file.add_list(section, &section.list(TO, &SEPARATORS).unwrap_or_default());
            login = written_login(section)?.or(login);
        }
        Ok(Self { login, ..Self::of(file)? })
    }

    /// All but the login.
    fn of(said: Settings) -> Result<Self> {
        let default = Self::default();
        let alerts = Self {
            server: said.text(SERVER).map_or(default.server, Sourced::from),
            security: said.text(SECURITY).map_or(Ok(default.security), |text| security(&text))?,
            login: None,
            ca_bundle: said.text(CA_BUNDLE).map(|text| text.path()),
            from: said.text(FROM).map_or(Ok(default.from), sender)?,
            to: recipients(&said.list(TO))?.unwrap_or(default.to),
            said,
        };
        // Whether server and security go together.
        alerts.smtp().check().map_err(|error| {
            let error = ConfigError::new(error.to_string());
            match alerts.said.text(SERVER).or_else(|| alerts.said.text(SECURITY)) {
                Some(text) => text.error(error),
                None => error,
            }
        })?;
        Ok(alerts)
    }
}

fn written_login(section: &Reading<'_>) -> Result<Option<Login>> {
    let password = section.text("alerts_smtp_password")?;
    match (section.text("alerts_smtp_username")?, password) {
        (Some(user), password) => {
            let password = Secret::new(password.map_or("", |text| text.value));
            Ok(Some(Sourced { value: (user.value.to_owned(), password), origin: section.origin(user.at) }))
        }
        (None, Some(password)) => {
            let error = ConfigError::new("a password without a user").expected("alerts_smtp_username beside it");
            Err(section.error_at(password, error))
        }
        (None, None) => Ok(None),
    }
}

/// What the environment makes of a login: another user brings a password of their own.
fn login_over(known: Option<Login>, variables: &BTreeMap<String, String>) -> Result<Option<Login>> {
    let origin = |name: &str| Origin::Variable(name.to_owned());
    let user = variable(variables, "SMTP_USERNAME");
    let Some(password) = variable(variables, "SMTP_PASSWORD") else {
        let another = user.filter(|user| known.as_ref().is_none_or(|known| known.value.0 != *user));
        let another = another
            .map(|user| Sourced { value: (user.to_owned(), Secret::default()), origin: origin("SMTP_USERNAME") });
        return Ok(another.or(known));
    };
    let origin = origin("SMTP_PASSWORD");
    match user.map(str::to_owned).or(known.map(|login| login.value.0)) {
        Some(user) => Ok(Some(Sourced { value: (user, Secret::new(password)), origin })),
        None => {
            let error = ConfigError::new("a password without a user").expected("SMTP_USERNAME beside it");
            Err(error.at_origin(&origin))
        }
    }
}

fn security(said: &Said) -> Result<Sourced<Security>> {
    Ok(said.means(match said.value.to_ascii_lowercase().as_str() {
        "auto" | "opportunistic" => Security::Auto,
        "none" => Security::None,
        "starttls" => Security::StartTls,
        "tls" => Security::Tls,
        _ => {
            let choices = ["auto", "none", "starttls", "tls"];
            return Err(said.error(not_among(&said.value, "auto, none, starttls or tls", &choices)));
        }
    }))
}

/// Whether it is an address in full is for the mailer to say; what has no `@` is something else.
fn sender(said: Said) -> Result<Sourced<String>> {
    if said.value.contains('@') {
        return Ok(said.into());
    }
    Err(said.error(found(&said.value).expected("a mail address")))
}

/// `None`: nobody says anything.
fn recipients(said: &[Said]) -> Result<Option<Sourced<Vec<String>>>> {
    let mut all = Vec::new();
    for text in said {
        let wrong = |error: ConfigError| text.error(error.expected("mail addresses, with , or ; between them"));
        let pieces = text.value.split(SEPARATORS).map(str::trim).filter(|piece| !piece.is_empty());
        let addresses: Vec<_> = pieces.map(str::to_owned).collect();
        if let Some(bad) = addresses.iter().find(|address| !address.contains('@')) {
            return Err(wrong(found(bad)));
        }
        if addresses.is_empty() {
            return Err(wrong(ConfigError::new("no address")));
        }
        all.extend(addresses);
    }
    Ok(said.first().map(|first| first.means(all)))
}
