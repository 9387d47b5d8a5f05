//! Where the keys that sign requests come from.

mod keys;

use std::sync::Arc;

pub(crate) use keys::Keys;

use crate::{Error, ErrorKind, Result, S3Credentials, S3Spec};

#[derive(Debug)]
pub(crate) struct Credentials(Option<Arc<Keys>>);

impl Credentials {
    pub(crate) fn new(credentials: &S3Credentials, _spec: &S3Spec) -> Result<Self> {
        match credentials {
            S3Credentials::Anonymous => Ok(Self(None)),
            S3Credentials::Static { access_key_id, secret_access_key, session_token } => {
                Ok(Self(Some(Arc::new(Keys {
                    access_key_id: access_key_id.clone(),
                    secret_access_key: secret_access_key.clone(),
                    session_token: session_token.clone(),
                    expires: None,
                }))))
            }
            S3Credentials::Chain(_) => Err(Error::new(ErrorKind::Configuration, "no chain yet")),
        }
    }

    pub(crate) async fn keys(&self) -> Result<Option<Arc<Keys>>> {
        Ok(self.0.clone())
    }

    pub(crate) async fn refresh(&self, _used: &Keys) -> bool {
        false
    }

    pub(crate) fn region(&self) -> Option<&str> {
        None
    }

    /// A name for these credentials that tells them from others and holds no secret.
    pub(crate) fn identity(&self) -> String {
        self.0.as_ref().map(|k| k.access_key_id.clone()).unwrap_or_default()
    }
}
