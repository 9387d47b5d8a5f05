//! Deletes, a thousand keys a request where the key can travel in XML.

use std::collections::HashMap;

use futures::{StreamExt, TryStreamExt, stream};
use http::Method;
use transship_types::{ErrorClass, Key};

use super::{client::Client, failure::kind_of_code, headers, message::Request, xml};
use crate::{Deleted, Error, ErrorKind, Result};

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>
pub(super) const KEYS_A_REQUEST: usize = 1000;

const SINGLES_AT_ONCE: usize = 16;

pub(super) async fn many(client: &Client, keys: &[Key]) -> Result<Vec<Deleted>> {
    let (mut bulk, mut singles): (Vec<Key>, Vec<Key>) =
        keys.iter().cloned().partition(|key| xml::can_carry(key.as_str()));
    if bulk.len() == 1 {
        singles.append(&mut bulk);
    }
    let mut failures: HashMap<Key, Error> = HashMap::new();
    for chunk in bulk.chunks(KEYS_A_REQUEST) {
        failures.extend(bulk_request(client, chunk).await?);
    }
    let mut alone = stream::iter(singles).map(|key| one(client, key)).buffer_unordered(SINGLES_AT_ONCE);
    while let Some(failure) = alone.try_next().await? {
        failures.extend(failure);
    }
    Ok(keys.iter().map(|key| Deleted { key: key.clone(), result: failures.remove(key).map_or(Ok(()), Err) }).collect())
}

/// One key. Its own permanent failure is its outcome; anything else is the request's.
async fn one(client: &Client, key: Key) -> Result<Option<(Key, Error)>> {
    match client.document(Request::new("delete", Method::DELETE, Some(&key))).await {
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) if error.class() == ErrorClass::Permanent && !error.concerns_bucket() => Ok(Some((key, error))),
        Err(error) => Err(error),
    }
}

async fn bulk_request(client: &Client, keys: &[Key]) -> Result<Vec<(Key, Error)>> {
    let mut document = String::from("<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
    for key in keys {
        document.push_str("<Object><Key>");
        document.push_str(&xml::escape(key.as_str()));
        document.push_str("</Key></Object>");
    }
    document.push_str("</Delete>");
    let request = Request::new("delete", Method::POST, None)
        .query("delete", "")
        .header("content-md5", headers::content_md5(document.as_bytes())?)
        .document(document);
    let (_, body) = client.document_or_error(request).await?;
    let told = xml::delete_failures(&body).map_err(|e| e.during("delete", client.location(), None))?;
    let mut known: HashMap<&str, &Key> = keys.iter().map(|k| (k.as_str(), k)).collect();
    told.into_iter()
        .filter(|(_, code, _)| code != "NoSuchKey")
        .map(|(name, code, message)| {
            let key = known.remove(name.as_str()).ok_or_else(|| {
                let detail = format!("the server reports on {name:?}, which was not asked for");
                Error::new(ErrorKind::InvalidReply, detail).during("delete", client.location(), None)
            })?;
            let kind = kind_of_code(&code).unwrap_or(ErrorKind::Server);
            let error = Error::new(kind, message).answered(200, Some(&code));
            Ok((key.clone(), error.during("delete", client.location(), Some(key))))
        })
        .collect()
}
