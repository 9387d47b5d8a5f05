mod chain;
mod containers;
mod expiry;
mod profile_files;
mod profiles;
mod proxied;
mod roles;
mod secrecy;
mod stand_in;
mod tls;

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use transship_types::Secret;

use super::{Credentials, Keys};
use crate::{Error, Result, S3Credentials, S3Spec};

/// A home with these two files; nothing is written where the text is empty.
fn home(config: &str, credentials: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".aws")).unwrap();
    for (name, text) in [("config", config), ("credentials", credentials)] {
        if !text.is_empty() {
            std::fs::write(home.path().join(".aws").join(name), text).unwrap();
        }
    }
    home
}

/// The chain over `variables`, with `HOME`, and without instance metadata unless they say where it is.
fn chain(home: &Path, variables: &[(&str, &str)]) -> Result<Credentials> {
    let mut map = BTreeMap::from([("HOME".to_owned(), Secret::new(home.to_str().unwrap()))]);
    map.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))));
    if !map.contains_key("AWS_EC2_METADATA_SERVICE_ENDPOINT") {
        map.insert("AWS_EC2_METADATA_DISABLED".into(), Secret::new("true"));
    }
    let mut spec = S3Spec::new("bucket", S3Credentials::Chain(map));
    spec.connect_timeout = Duration::from_secs(2);
    Credentials::new(&spec.credentials, &spec)
}

async fn keys(home: &Path, variables: &[(&str, &str)]) -> Result<Arc<Keys>> {
    Ok(chain(home, variables)?.keys().await?.expect("a chain signs"))
}

/// The error, with the home directory's changing name taken out of its text.
async fn failure(home: &Path, variables: &[(&str, &str)]) -> (Error, String) {
    let error = keys(home, variables).await.unwrap_err();
    let text = error.to_string().replace(home.to_str().unwrap(), "~");
    (error, text)
}
