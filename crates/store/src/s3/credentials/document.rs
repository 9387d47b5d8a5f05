//! The JSON that containers, instance metadata and credential processes answer with.

use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use transship_types::Secret;

use super::{Keys, wire::one_line};
use crate::{Error, ErrorKind, Result};

/// Every field is optional, so that what is missing can be named.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct KeyDocument {
    pub(super) version: Option<serde_json::Value>,
    access_key_id: Option<Secret>,
    secret_access_key: Option<Secret>,
    session_token: Option<Secret>,
    token: Option<Secret>,
    expiration: Option<String>,
    code: Option<String>,
    message: Option<String>,
}

impl KeyDocument {
    /// Reads it. `origin` says whose it is.
    ///
    /// # Errors
    /// `InvalidReply`. Neither the text nor serde's own words are shown: both may hold a secret.
    pub(super) fn parse(text: &str, origin: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| {
            let place = format!("line {}, column {}", e.line(), e.column());
            let what = if e.is_data() { "a field of another type than expected" } else { "no JSON" };
            invalid(origin, &format!("answers with {what} ({place})"))
        })
    }

    /// The keys.
    ///
    /// # Errors
    /// `Credentials`, where it says that there are none; `InvalidReply`, naming what is missing.
    pub(super) fn into_keys(self, origin: &str) -> Result<Keys> {
        if let Some(code) = self.code.filter(|code| code != "Success") {
            let message = one_line(&self.message.unwrap_or_default());
            return Err(Error::new(ErrorKind::Credentials, format!("{origin} has no keys: {code} {message}")));
        }
        let missing = |field: &str| invalid(origin, &format!("answers without {field}"));
        let expires = match self.expiration {
            None => None,
            Some(text) => {
                Some(expiration(&text).ok_or_else(|| invalid(origin, "gives an Expiration that is no time"))?)
            }
        };
        let keys = Keys {
            access_key_id: self.access_key_id.ok_or_else(|| missing("AccessKeyId"))?.expose().to_owned(),
            secret_access_key: self.secret_access_key.ok_or_else(|| missing("SecretAccessKey"))?,
            session_token: self.session_token.or(self.token).filter(|token| !token.expose().is_empty()),
            expires,
        };
        keys.checked(origin)
    }
}

/// When keys expire.
pub(super) fn expiration(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text.trim(), &Rfc3339).ok()
}

fn invalid(origin: &str, what: &str) -> Error {
    Error::new(ErrorKind::InvalidReply, format!("{origin} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_and_no_value_is_shown() {
        for (text, expected) in [
            ("canary", "X answers with no JSON (line 1, column 1)"),
            (r#"{"SecretAccessKey": 1}"#, "X answers with a field of another type than expected (line 1, column 21)"),
            (r#"{"AccessKeyId":"a","SecretAccessKey":["canary"]}"#, "X answers with a field of another type than"),
            (r#"{"AccessKeyId":"a","Token":"canary"}"#, "X answers without SecretAccessKey"),
            (r#"{"SecretAccessKey":"canary"}"#, "X answers without AccessKeyId"),
            (r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"no trust\nx"}"#, "X has no keys: AssumeRole"),
            (
                r#"{"AccessKeyId":"a","SecretAccessKey":"canary","Expiration":"soon"}"#,
                "X gives an Expiration that is no time",
            ),
        ] {
            let error = KeyDocument::parse(text, "X").and_then(|d| d.into_keys("X")).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains("canary"), "{error}");
        }
    }

    #[test]
    fn both_names_of_the_token_and_time_zones_are_read() {
        let text = r#"{"Version":1,"AccessKeyId":"a","SecretAccessKey":"s","SessionToken":"t",
            "Expiration":"2030-01-02T05:04:05+02:00","Extra":{}}"#;
        let keys = KeyDocument::parse(text, "X").unwrap().into_keys("X").unwrap();
        assert_eq!(keys.session_token, Some(Secret::new("t")));
        assert_eq!(keys.expires, expiration("2030-01-02T03:04:05Z"));
    }
}
