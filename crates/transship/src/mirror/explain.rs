//! What would happen to one path, and why.

use std::sync::Arc;

use transship_diff::Pair;
use transship_store::{Bucket, ErrorKind, ListRequest, retry};
use transship_types::{Entry, Key};

use super::{Change, Ends, MirrorOptions, change::Found, content::Reader, planning::Planning};
use crate::{Place, Result};

/// What would happen to one path, and what it rests on.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What the source has, and why the filter excludes it there, if it does.
    pub source: Option<(Entry, Option<String>)>,
    /// The same of the destination.
    pub destination: Option<(Entry, Option<String>)>,
    /// What would be done; `None` where nothing is there, or nothing takes part.
    pub change: Option<Change>,
}

/// Looks at one path at both ends, with a listing of one key each, and decides as [`changes`](super::changes) would.
/// Nothing is written.
///
/// # Errors
/// An end cannot be listed.
pub async fn explain(ends: &Ends, options: &MirrorOptions, path: &Key) -> Result<Explanation> {
    let look = |place| look(place, path, options);
    let (source, destination) = futures::try_join!(look(&ends.source), look(&ends.destination))?;
    let planning = Planning::new(ends, options, options.sides(ends), Arc::default());
    let pair = match (source.clone(), destination.clone()) {
        (Some(source), Some(destination)) => Some(Pair::Both { source, destination }),
        (Some(source), None) => Some(Pair::Source(source)),
        (None, Some(destination)) => Some(Pair::Destination(destination)),
        (None, None) => None,
    };
    let change = match pair.and_then(|pair| planning.decide(pair)) {
        Some(Found::Change(change)) => Some(change),
        Some(Found::Open { source, destination }) => {
            Some(Reader::new(ends, options).settle(source, destination).await?)
        }
        None => None,
    };
    let told = |entry: Entry| {
        let excluded = options.filter.exclusion(path.as_str(), &entry);
        (entry, excluded)
    };
    Ok(Explanation { source: source.map(told), destination: destination.map(told), change })
}

/// Of all keys that begin with a key, it comes first itself.
async fn look(place: &Place, path: &Key, options: &MirrorOptions) -> Result<Option<Entry>> {
    let key = path.prefixed(&place.prefix);
    let request = ListRequest { prefix: key.as_str().to_owned(), max_keys: Some(1), ..ListRequest::default() };
    let bucket: &dyn Bucket = &*place.bucket;
    let page = retry(&options.list.retry.at_first_contact(), |_| bucket.list_page(&request, None)).await;
    match page {
        Ok(page) => Ok(page.entries.into_iter().next().filter(|entry| entry.key == key)),
        // A directory is made with its first file.
        Err(error) if error.kind() == ErrorKind::NoSuchBucket && bucket.capabilities().made_by_writing => Ok(None),
        Err(error) => Err(error.into()),
    }
}
