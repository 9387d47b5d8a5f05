//! Access keys, session tokens, and who may do what: whoever signed correctly may do all.

use http::Uri;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// The keys that a server accepts; shared, so that a test can add and expire them while it runs.
#[derive(Clone, Default)]
pub(crate) struct AccessKeys {
    keys: Arc<RwLock<HashMap<String, AccessKey>>>,
}

struct AccessKey {
    secret: SecretKey,
    session: Option<Session>,
}

/// A temporary key works only together with its token, until it expires.
struct Session {
    token: String,
    expired: bool,
}

impl AccessKeys {
    pub(crate) fn add(&self, access_key: &str, secret_key: &str, session_token: Option<&str>) {
        let session = session_token.map(|token| Session { token: token.to_owned(), expired: false });
        let key = AccessKey { secret: SecretKey::from(secret_key), session };
        self.write().insert(access_key.to_owned(), key);
    }

    /// Makes a temporary key answer `ExpiredToken` from now on.
    pub(crate) fn expire(&self, access_key: &str) {
        if let Some(session) = self.write().get_mut(access_key).and_then(|key| key.session.as_mut()) {
            session.expired = true;
        }
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<String, AccessKey>> {
        self.keys.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<String, AccessKey>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_token(&self, access_key: &str, token: Option<&str>) -> S3Result {
        let keys = self.read();
        match (keys.get(access_key).and_then(|key| key.session.as_ref()), token) {
            (None, None) => Ok(()),
            (Some(session), Some(token)) if session.token == token => match session.expired {
                true => Err(s3_error!(ExpiredToken, "The provided token has expired.")),
                false => Ok(()),
            },
            _ => Err(s3_error!(InvalidToken, "The provided token is malformed or otherwise invalid.")),
        }
    }
}

#[async_trait::async_trait]
impl S3Auth for AccessKeys {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let message = "The AWS Access Key Id you provided does not exist in our records.";
        let secret = self.read().get(access_key).map(|key| key.secret.clone());
        secret.ok_or_else(|| s3_error!(InvalidAccessKeyId, "{message}"))
    }
}

/// Runs behind the signature check.
pub(crate) struct SignedOnly(pub(crate) AccessKeys);

#[async_trait::async_trait]
impl S3Access for SignedOnly {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        let Some(credentials) = request.credentials() else {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        };
        let header = request.headers().get("x-amz-security-token").and_then(|token| token.to_str().ok());
        let token = header.map(str::to_owned).or_else(|| query_token(request.uri()));
        self.0.check_token(&credentials.access_key, token.as_deref())
    }
}

/// Presigned addresses carry the token in the query.
fn query_token(uri: &Uri) -> Option<String> {
    let pairs = url::form_urlencoded::parse(uri.query()?.as_bytes());
    pairs.into_iter().find(|(name, _)| name == "X-Amz-Security-Token").map(|(_, token)| token.into_owned())
}
