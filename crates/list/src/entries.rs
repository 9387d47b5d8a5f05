use std::{collections::BTreeMap, pin::Pin};

use futures::{FutureExt, Stream, StreamExt, stream, stream::BoxStream};
use transship_types::{Entry, Key};

use crate::{
    KeyRange, ListOptions, Piece, Result, Side,
    pieces::{Favour, split},
};

type Listing = BoxStream<'static, Result<Vec<Entry>>>;

/// Everything in a range, in the order of the keys' bytes. Ranges that follow are listed while the first is read; up to six
/// pages for each lister wait in memory.
///
/// After an error nothing more comes.
pub fn entries(side: Side, range: KeyRange, options: ListOptions) -> impl Stream<Item = Result<Entry>> + Send {
    one_by_one(in_order(side, range, options))
}

/// The same, page by page.
pub(crate) fn in_order(
    side: Side,
    range: KeyRange,
    options: ListOptions,
) -> impl Stream<Item = Result<Vec<Entry>>> + Send {
    let pieces = split([side], range, options, Favour::First).boxed();
    let ordered = Ordered { pieces: Some(pieces), first: None, waiting: BTreeMap::new() };
    stream::unfold(Some(ordered), |ordered| async {
        let mut ordered = ordered?;
        let page = ordered.next().await?;
        let go_on = page.is_ok();
        Some((page, go_on.then_some(ordered)))
    })
}

/// The entries of pages.
pub(crate) fn one_by_one(
    pages: impl Stream<Item = Result<Vec<Entry>>> + Send,
) -> impl Stream<Item = Result<Entry>> + Send {
    pages.flat_map(|page| {
        let (entries, error) = match page {
            Ok(entries) => (entries, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        stream::iter(entries.into_iter().map(Ok).chain(error.map(Err)))
    })
}

struct Ordered {
    pieces: Option<Pin<Box<dyn Stream<Item = Piece<1>> + Send>>>,
    first: Option<Listing>,
    /// By the key behind which each begins.
    waiting: BTreeMap<Option<Key>, Listing>,
}

impl Ordered {
    /// The next page. Pieces are taken up while it is waited for.
    async fn next(&mut self) -> Option<Result<Vec<Entry>>> {
        loop {
            if self.first.is_none() {
                // What was cut off from the first lies directly behind it, so nothing can come in between.
                self.first = self.waiting.pop_first().map(|(_, listing)| listing);
            }
            match (self.first.as_mut(), self.pieces.as_mut()) {
                (None, None) => return None,
                (Some(first), None) => match first.next().await {
                    Some(page) => return Some(page),
                    None => self.first = None,
                },
                (None, Some(pieces)) => {
                    let piece = pieces.next().await;
                    self.take_up(piece);
                }
                (Some(first), Some(pieces)) => tokio::select! {
                    piece = pieces.next().fuse() => self.take_up(piece),
                    page = first.next().fuse() => match page {
                        Some(page) => return Some(page),
                        None => self.first = None,
                    },
                },
            }
        }
    }

    fn take_up(&mut self, piece: Option<Piece<1>>) {
        match piece {
            None => self.pieces = None,
            Some(piece) => {
                let (after, [listing]) = (piece.after(), piece.listings());
                self.waiting.insert(after, listing.boxed());
            }
        }
    }
}
