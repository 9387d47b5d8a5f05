use time::OffsetDateTime;
use transship_types::Secret;

use crate::{Error, ErrorKind, Result};

/// Keys that sign requests. `Debug` shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Keys {
    /// The access key's name.
    pub(crate) access_key_id: String,
    /// The secret access key.
    pub(crate) secret_access_key: Secret,
    /// The session token, for temporary keys.
    pub(crate) session_token: Option<Secret>,
    /// When they stop working; `None`: never, or nobody said.
    pub(crate) expires: Option<OffsetDateTime>,
}

impl Keys {
    /// Fails where a header could not carry them, so that signing never has to; `origin` says whose they are.
    pub(super) fn checked(self, origin: &str) -> Result<Self> {
        let token = self.session_token.as_ref().map_or("", Secret::expose);
        // The secret key itself is never sent: servers other than AWS let people choose any text.
        let fields = [
            ("access key id", self.access_key_id.as_str(), true),
            ("secret access key", self.secret_access_key.expose(), false),
            ("session token", token, true),
        ];
        for (name, value, is_sent) in fields {
            let wrong = if value.is_empty() && name != "session token" {
                "is empty"
            } else if value.contains(char::is_control) {
                "holds a line break or another control character"
            } else if value.starts_with(char::is_whitespace) || value.ends_with(char::is_whitespace) {
                "begins or ends with white space"
            } else if is_sent && !value.is_ascii() {
                "holds a character outside ASCII"
            } else {
                continue;
            };
            return Err(Error::new(ErrorKind::Configuration, format!("{origin}: the {name} {wrong}")));
        }
        Ok(self)
    }

    /// Whether a server cannot tell them apart.
    pub(super) fn sign_like(&self, other: &Self) -> bool {
        self.access_key_id == other.access_key_id
            && self.secret_access_key == other.secret_access_key
            && self.session_token == other.session_token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(id: &str, secret: &str, token: Option<&str>) -> Keys {
        Keys {
            access_key_id: id.into(),
            secret_access_key: Secret::new(secret),
            session_token: token.map(Secret::new),
            expires: None,
        }
    }

    #[test]
    fn keys_that_no_header_can_carry_are_refused_without_being_shown() {
        for (bad, expected) in [
            (keys("", "s", None), "the access key id is empty"),
            (keys("AK", "", None), "the secret access key is empty"),
            (keys("AK", "canary\n", None), "the secret access key holds a line break or another control character"),
            (keys("AK", " canary", None), "the secret access key begins or ends with white space"),
            (keys("AK", "s", Some("canary\r\nx")), "the session token holds a line break or another control character"),
            (keys("canaryé", "s", None), "the access key id holds a character outside ASCII"),
        ] {
            let error = bad.checked("AWS_X").unwrap_err();
            assert_eq!(error.to_string(), format!("AWS_X: {expected}"));
        }
        keys("any name", "any;secret#with=signs", Some("t")).checked("x").unwrap();
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", keys("AKID", "canary-secret", Some("canary-token")));
        assert!(shown.contains("AKID") && !shown.contains("canary"), "{shown}");
    }
}
