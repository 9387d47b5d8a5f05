use futures::{Stream, StreamExt, TryStreamExt, stream, stream::BoxStream};
use transship_types::{Entry, Key};

use crate::{
    Error, KeyRange, ListOptions, Result, Side,
    entries::{in_order, one_by_one},
    side::Order,
};

/// Everything below a prefix, each entry once: in the order of the keys' bytes where the store lists by it, as
/// [`entries`](crate::entries()) do; otherwise from the first page to the last, in the store's own order. `skip` is not
/// asked there.
///
/// A store whose order shows only on the way is listed again from its first page on, and what has come already is passed
/// over. After an error nothing more comes.
pub fn in_any_order(side: Side, options: ListOptions) -> impl Stream<Item = Result<Entry>> + Send {
    let can = side.bucket.capabilities();
    // Where nothing has to travel, ranges side by side save no time.
    let split = side.is_sorted() || can.ordered_listing && !can.is_disk();
    let order = if split { Order::Any } else { Order::Own };
    let listing = Listing { pages: listed(&side, order, &options), side, order, options, last: None };
    one_by_one(stream::try_unfold(listing, |mut listing| async move {
        let page = listing.next().await?;
        Ok(page.map(|page| (page, listing)))
    }))
}

struct Listing {
    pages: BoxStream<'static, Result<Vec<Entry>>>,
    side: Side,
    order: Order,
    options: ListOptions,
    /// The last key that was given.
    last: Option<Key>,
}

fn listed(side: &Side, order: Order, options: &ListOptions) -> BoxStream<'static, Result<Vec<Entry>>> {
    in_order(side.clone().in_order(order), KeyRange::ALL, options.clone()).boxed()
}

impl Listing {
    async fn next(&mut self) -> Result<Option<Vec<Entry>>> {
        let page = match self.pages.try_next().await {
            Err(error) if self.order == Order::Any && is_about_order(&error) => self.again(error).await?,
            page => page?,
        };
        if let Some(last) = page.as_ref().and_then(|page| page.last()) {
            self.last = Some(last.key.clone());
        }
        Ok(page)
    }

    /// What came so far was in the order of bytes and in that of the store, so it is what comes first again: all up to the
    /// last key. Where that is gone by now, nobody knows what is left.
    async fn again(&mut self, error: Error) -> Result<Option<Vec<Entry>>> {
        tracing::debug!("{error}: it is listed again, from its first page to its last");
        self.order = Order::Own;
        self.pages = listed(&self.side, self.order, &self.options);
        let Some(last) = self.last.take() else { return self.pages.try_next().await };
        while let Some(mut page) = self.pages.try_next().await? {
            if let Some(at) = page.iter().position(|entry| entry.key == last) {
                return Ok(Some(page.split_off(at + 1)));
            }
        }
        Err(error)
    }
}

fn is_about_order(error: &Error) -> bool {
    matches!(error, Error::OutOfOrder { .. } | Error::StartIgnored { .. } | Error::Unordered { .. })
}
