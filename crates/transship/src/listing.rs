use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use transship_store::{Bucket, Cursor, Error, ErrorKind, ListPage, ListRequest, Result, RetryOptions, retry};
use transship_types::{Entry, Key};

use crate::Place;

/// Everything below a place, page by page; the next page is asked for while the last one is used.
///
/// Each page of a store that promises an order is checked: a server that repeats a page or ignores where to start
/// ends the listing with an error, never with a wrong one. The order is that of the keys' bytes, or - on servers that
/// keep folders - that of the names in each folder.
pub fn list(place: &Place, policy: &RetryOptions) -> impl Stream<Item = Result<Entry>> + Send + use<> {
    let listing = Listing {
        bucket: place.bucket.clone(),
        request: ListRequest { prefix: place.prefix.clone(), ..ListRequest::default() },
        policy: policy.clone(),
        last: None,
        folder_order: false,
    };
    let pages = stream::unfold(Some((listing, None)), |state| async {
        let (mut listing, cursor) = state?;
        match listing.page(cursor).await {
            Ok(mut page) => {
                let next = page.next.take().map(|cursor| (listing, Some(cursor)));
                Some((Ok(page), next))
            }
            Err(error) => Some((Err(error), None)),
        }
    });
    let location = place.bucket.location().to_owned();
    prefetched(pages, location).flat_map(|page| {
        let (entries, error) = match page {
            Ok(page) => (page.entries, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        stream::iter(entries.into_iter().map(Ok).chain(error.map(Err)))
    })
}

/// Runs one step ahead of whoever reads, once somebody does. A listing that dies on the way is no short one.
fn prefetched(
    pages: impl Stream<Item = Result<ListPage>> + Send + 'static,
    location: String,
) -> impl Stream<Item = Result<ListPage>> + Send {
    let start = async move {
        let (sender, receiver) = mpsc::channel(1);
        let pump = AbortOnDropHandle::new(tokio::spawn(async move {
            let mut pages = std::pin::pin!(pages);
            while let Some(page) = pages.next().await {
                if sender.send(page).await.is_err() {
                    return;
                }
            }
        }));
        stream::unfold(Some((receiver, pump, location)), |state| async {
            let (mut receiver, pump, location) = state?;
            if let Some(page) = receiver.recv().await {
                return Some((page, Some((receiver, pump, location))));
            }
            let died = pump.await.err()?;
            let error = Error::new(ErrorKind::Io, format!("the listing was interrupted: {died}"));
            Some((Err(error.during("list", &location, None)), None))
        })
    };
    stream::once(start).flatten()
}

struct Listing {
    bucket: Arc<dyn Bucket>,
    request: ListRequest,
    policy: RetryOptions,
    last: Option<Key>,
    /// The server lists folder by folder, as SeaweedFS does: `a/b` before `a-b`.
    folder_order: bool,
}

fn in_folder_order(before: &Key, after: &Key) -> bool {
    before.as_str().split('/').lt(after.as_str().split('/'))
}

impl Listing {
    async fn page(&mut self, cursor: Option<Cursor>) -> Result<ListPage> {
        let policy = if cursor.is_none() { &self.policy.at_first_contact() } else { &self.policy };
        let page = retry(policy, |_| self.bucket.list_page(&self.request, cursor.clone())).await?;
        for entry in &page.entries {
            self.check(&entry.key)?;
            self.last = Some(entry.key.clone());
        }
        Ok(page)
    }

    fn check(&mut self, key: &Key) -> Result<()> {
        let location = self.bucket.location();
        let wrong = |what: String| Err(Error::new(ErrorKind::InvalidReply, what).during("list", location, None));
        if !key.as_str().starts_with(&self.request.prefix) {
            return wrong(format!("the server lists {:?}, which is outside {:?}", key.as_str(), self.request.prefix));
        }
        let Some(last) = self.last.as_ref().filter(|_| self.bucket.capabilities().ordered_listing) else {
            return Ok(());
        };
        let (by_bytes, by_folders) = (key > last, in_folder_order(last, key));
        self.folder_order |= !by_bytes && by_folders;
        if by_bytes && !self.folder_order || by_folders {
            return Ok(());
        }
        wrong(format!("the server lists {:?} after {:?}: out of order", key.as_str(), last.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_before_their_siblings_in_folder_order() {
        let before = |a: &str, b: &str| in_folder_order(&Key::from(a), &Key::from(b));
        assert!(before("a/b", "a-b") && before("a", "a/b") && before("a/b", "a/c"));
        assert!(!before("a-b", "a/b") && !before("a", "a"));
    }
}
