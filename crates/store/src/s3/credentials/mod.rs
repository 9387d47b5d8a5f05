//! Keys that sign S3 requests: given, or found as AWS's own tools find them.
//!
//! ```text
//! variables, profile files --plan--> one source --fetch--> keys --cache--> every request
//! ```
//! The order of the chain is in [`plan`]; what a profile may say, in [`profile_file`] and [`profiles`].

mod cache;
mod container;
mod document;
mod instance;
mod keys;
mod plan;
mod process;
mod profile_file;
mod profiles;
mod sts;
mod sts_reply;
#[cfg(test)]
mod tests;
mod variables;
mod web_identity;
mod wire;

use std::sync::Arc;

pub(crate) use keys::Keys;

use self::{cache::Chain, plan::Destination, profiles::Profiles, variables::Variables, wire::Wire};
use crate::{Result, S3Credentials, S3Spec};

/// The credentials of one location.
#[derive(Debug)]
pub(crate) struct Credentials {
    given: Given,
    destination: Destination,
}

#[derive(Debug)]
enum Given {
    Anonymous,
    Static(Arc<Keys>),
    Chain(Box<Chain>),
}

impl Credentials {
    /// Checks what can be checked without asking anyone: explicit keys, variables and profile files.
    ///
    /// Of `spec`, the CA bundle, the connect timeout and the proxies count, for STS; endpoints on this machine get a second.
    ///
    /// # Errors
    /// `Configuration`: with the variable, or file, line and profile, and what would be right.
    pub(crate) fn new(credentials: &S3Credentials, spec: &S3Spec) -> Result<Self> {
        let (given, destination) = match credentials {
            S3Credentials::Anonymous => (Given::Anonymous, Destination::default()),
            S3Credentials::Static { access_key_id, secret_access_key, session_token } => {
                let keys = Keys {
                    access_key_id: access_key_id.clone(),
                    secret_access_key: secret_access_key.clone(),
                    session_token: session_token.clone(),
                    expires: None,
                };
                (Given::Static(Arc::new(keys.checked("the given keys")?)), Destination::default())
            }
            S3Credentials::Chain(variables) => {
                let variables = Variables::new(variables);
                let profiles = Profiles::load(&variables)?;
                plan::plan(&variables, &profiles)?;
                let destination = plan::destination(&variables, &profiles)?;
                let wire = Wire::new(spec.ca_bundle.clone(), spec.connect_timeout, spec.proxy.clone());
                (Given::Chain(Box::new(Chain::new(variables, wire))), destination)
            }
        };
        Ok(Self { given, destination })
    }

    /// Keys that are good now; `None`: requests are not signed. Fetched at most once at a time, kept until five
    /// minutes before they expire; while new ones are being fetched, old ones that are still good serve everybody else.
    ///
    /// # Errors
    /// `Credentials`: there are none, or they are refused. `ExpiredToken`, `ClockSkew`, `Configuration`; and what asking
    /// a service brings with it: `Connection`, `Timeout`, `Throttled`, `Server`, `InvalidReply`.
    pub(crate) async fn keys(&self) -> Result<Option<Arc<Keys>>> {
        match &self.given {
            Given::Anonymous => Ok(None),
            Given::Static(keys) => Ok(Some(Arc::clone(keys))),
            Given::Chain(chain) => chain.keys().await.map(Some),
        }
    }

    /// A server says that `used` have expired. True where it is worth asking [`keys`](Self::keys) again.
    pub(crate) async fn refresh(&self, used: &Keys) -> bool {
        match &self.given {
            Given::Anonymous | Given::Static(_) => false,
            Given::Chain(chain) => chain.refresh(used).await,
        }
    }

    /// Equal for credentials that are the same by construction; shows no secret.
    pub(crate) fn identity(&self) -> String {
        match &self.given {
            Given::Anonymous => "anonymous".into(),
            Given::Static(keys) => format!("key {}", keys.access_key_id),
            Given::Chain(chain) => format!("chain {}", chain.variables().fingerprint()),
        }
    }

    /// The region that the chain's variables or profile name. `None` for explicit keys: they stand alone.
    pub(crate) fn region(&self) -> Option<&str> {
        self.destination.region.as_deref()
    }

    /// The S3 endpoint that the chain's variables or profile name, for locations that default to AWS:
    /// `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, the profile's.
    pub(crate) fn endpoint(&self) -> Option<&str> {
        self.destination.s3_endpoint.as_deref()
    }
}
