//! A range that is listed by itself.

use std::sync::Arc;

use futures::{Stream, stream};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use transship_types::{Entry, Key};

use crate::{Error, ListOptions, Result, Side, pages::Pages, pool::Pool};

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
        self.listings_ahead(1)
    }

    /// The key behind which it begins.
    pub fn after(&self) -> Option<Key> {
        self.share.pool.range(self.share.id).after
    }

    /// The same, where `ahead` pages may wait.
    pub(crate) fn listings_ahead(self, ahead: usize) -> [impl Stream<Item = Result<Vec<Entry>>> + Send + use<N>; N] {
        let Self { share, sides, options } = self;
        let mut at = 0;
        sides.map(|side| {
            let index = at;
            at += 1;
            listing(Arc::clone(&share), index, side, options.clone(), ahead)
        })
    }
}

fn listing(
    share: Arc<Share>,
    index: usize,
    side: Side,
    options: ListOptions,
    ahead: usize,
) -> impl Stream<Item = Result<Vec<Entry>>> + Send {
    let (sender, receiver) = mpsc::channel(ahead);
    let location = side.bucket.location().to_owned();
    let pump = AbortOnDropHandle::new(tokio::spawn(pump(share, index, side, options, sender)));
    stream::unfold(Some((receiver, pump, location)), |state| async {
        let (mut receiver, pump, location) = state?;
        if let Some(page) = receiver.recv().await {
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
    sender: mpsc::Sender<Result<Vec<Entry>>>,
) {
    let range = share.pool.range(share.id);
    let mut pages = Pages::new(side.clone(), &range, options);
    loop {
        // First room, then the page: no more wait than there is room for.
        let Ok(room) = sender.reserve().await else { return };
        match pages.next().await {
            Err(error) => return room.send(Err(error)),
            Ok(None) => return share.pool.ended(share.id, index),
            Ok(Some(mut page)) => {
                let more = share.pool.arrived(share.id, index, &side, &mut page, &pages);
                if !page.is_empty() {
                    room.send(Ok(page));
                }
                if !more {
                    return;
                }
            }
        }
    }
}
