use std::sync::Arc;

use futures::{Stream, stream};

use crate::{KeyRange, ListOptions, Piece, Side, piece::Share, pool::Pool};

/// Splits a range while it is listed, on one side or on several at the same keys, so that who compares them can do so
/// piece by piece.
///
/// The first piece is the whole range. Others follow as soon as its pages show where it can be cut, and as long as
/// pieces are being listed. Together they hold every key of the range once. Read them side by side: one that is not read
/// holds one page in memory and goes no further.
///
/// A range of up to two pages costs no request more than listing it from its beginning to its end.
pub fn pieces<const N: usize>(
    sides: [Side; N],
    range: KeyRange,
    options: ListOptions,
) -> impl Stream<Item = Piece<N>> + Send {
    split(sides, range, options, Favour::Longest)
}

/// Which range is cut first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Favour {
    /// The one that is thought to hold the most.
    Longest,
    /// The one that is read first.
    First,
}

pub(crate) fn split<const N: usize>(
    sides: [Side; N],
    range: KeyRange,
    options: ListOptions,
    favour: Favour,
) -> impl Stream<Item = Piece<N>> + Send {
    let pool = Arc::new(Pool::new(range, N, options.listers, favour));
    stream::unfold(Some(0), move |first| {
        let (pool, sides, options) = (Arc::clone(&pool), sides.clone(), options.clone());
        async move {
            let id = match first {
                Some(id) => id,
                None => pool.next().await?,
            };
            Some((Piece::new(Share { pool, id }, sides, options), None))
        }
    })
}
