//! What the micro-benchmarks measure: neither is of use to anybody else.

use http::HeaderMap;
use time::OffsetDateTime;
use transship_types::Secret;

use super::{
    credentials::Keys,
    sign::{self, EMPTY_SHA256, Target},
    xml,
};
use crate::{ListPage, Result};

/// A page of `ListObjectsV2`, from the server's XML.
///
/// # Errors
/// `InvalidReply`.
pub fn list_page(xml: &[u8]) -> Result<ListPage> {
    let mut page = xml::PageReader::default();
    page.read(xml)?;
    page.end()
}

/// Signs requests without a body, all at one moment.
pub struct Signer {
    signer: sign::Signer,
    keys: Keys,
}

impl Signer {
    /// With these keys.
    pub fn new(access_key_id: &str, secret_access_key: &str) -> Self {
        let keys = Keys {
            access_key_id: access_key_id.to_owned(),
            secret_access_key: Secret::new(secret_access_key),
            session_token: None,
            expires: None,
        };
        Self { signer: sign::Signer::default(), keys }
    }

    /// Adds the signature to `headers`, which hold `host`.
    pub fn sign(&self, method: &str, path: &str, query: &[(String, String)], headers: &mut HeaderMap) {
        let target = Target { method, path, query, payload_sha256: EMPTY_SHA256 };
        self.signer.sign(&self.keys, "us-east-1", OffsetDateTime::UNIX_EPOCH, &target, headers);
    }
}
