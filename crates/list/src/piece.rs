//! A range that is listed by itself.

use std::{pin::pin, sync::Arc};

use futures::{FutureExt, Stream, stream};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    time::Instant,
};
use tokio_util::task::AbortOnDropHandle;
use transship_types::{Entry, Key};

use crate::{Error, ListOptions, Result, Side, growth::Asked, pages::Pages, pool::Pool};

/// A range of keys that somebody lists, on all sides. Its end comes nearer when others take over what lies behind.
#[derive(Debug)]
pub struct Piece<const N: usize> {
    share: Arc<Share>,
    sides: [Side; N],
    options: ListOptions,
}

/// A piece's place in the pool, given back with the last of its sides.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) pool: Arc<Pool>,
    pub(crate) id: usize,
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.give_back(self.id);
    }
}

impl<const N: usize> Piece<N> {
    pub(crate) fn new(share: Share, sides: [Side; N], options: ListOptions) -> Self {
        Self { share: Arc::new(share), sides, options }
    }

    /// What each side lists in this range: pages of entries, in the order of the keys' bytes. Pages are asked for from
    /// now on, one ahead of who reads.
    pub fn listings(self) -> [impl Stream<Item = Result<Vec<Entry>>> + Send + use<N>; N] {
        let Self { share, sides, options } = self;
        let mut at = 0;
        sides.map(|side| {
            let index = at;
            at += 1;
            listing(Arc::clone(&share), index, side, options.clone())
        })
    }

    /// The key behind which it begins.
    pub fn after(&self) -> Option<Key> {
        self.share.pool.range(self.share.id).after
    }
}

/// A page, and its place until it is read.
type Waiting = (Result<Vec<Entry>>, Option<OwnedSemaphorePermit>);

impl Share {
    /// A place for a page to wait in: each listing has one in any case, so that whoever reads is never waited for in vain.
    async fn place(&self, own: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        let mut place = pin!(async {
            tokio::select! {
                biased;
                place = Arc::clone(own).acquire_owned() => place.ok(),
                place = self.pool.place_ahead() => place,
            }
        });
        if let Some(place) = (&mut place).now_or_never() {
            return place;
        }
        self.pool.waits(self.id, true);
        let place = place.await;
        self.pool.waits(self.id, false);
        place
    }
}

fn listing(
    share: Arc<Share>,
    index: usize,
    side: Side,
    options: ListOptions,
) -> impl Stream<Item = Result<Vec<Entry>>> + Send {
    // Bounded by the places.
    let (sender, receiver) = mpsc::unbounded_channel();
    let location = side.bucket.location().to_owned();
    let pump = AbortOnDropHandle::new(tokio::spawn(pump(share, index, side, options, sender)));
    stream::unfold(Some((receiver, pump, location)), |state| async {
        let (mut receiver, pump, location) = state?;
        if let Some((page, _place)) = receiver.recv().await {
            return Some((page, Some((receiver, pump, location))));
        }
        // A listing that dies on the way is no short one.
        let cause = pump.await.err()?;
        Some((Err(Error::Interrupted { location, cause }), None))
    })
}

async fn pump(
    share: Arc<Share>,
    index: usize,
    side: Side,
    options: ListOptions,
    sender: mpsc::UnboundedSender<Waiting>,
) {
    let range = share.pool.range(share.id);
    let mut pages = Pages::new(side.clone(), &range, options);
    let own = Arc::new(Semaphore::new(1));
    let mut first = true;
    loop {
        let waits = Instant::now();
        // First a place, then the page: no more wait than there is room for.
        let place = share.place(&own).await;
        // Where all are read side by side, the wait for whoever reads is part of what a page takes: more ranges are read no
        // faster. In order, a range waits because others come first.
        let at = if share.pool.is_side_by_side() { waits } else { Instant::now() };
        let asked = Asked { at, first: std::mem::take(&mut first) };
        match pages.next().await {
            Err(error) => return drop(sender.send((Err(error), place))),
            Ok(None) => return share.pool.ended(share.id, index),
            Ok(Some(mut page)) => {
                let more = share.pool.arrived(share.id, index, &side, &mut page, &pages, asked);
                if !page.is_empty() && sender.send((Ok(page), place)).is_err() || !more {
                    return;
                }
            }
        }
    }
}
