use futures::{Stream, TryStreamExt};
use transship_list::{ListOptions, Side, in_any_order};
use transship_types::Entry;

use crate::{Error, Place, Result};

/// Everything below a place, ranges side by side: in the order of the keys' bytes, or in the store's own where it has
/// another. Nothing is sent until somebody reads.
///
/// Each page is checked: a server that repeats a page, or sends empty ones without end, ends the listing with an error,
/// never with a wrong one.
pub fn list(place: &Place, options: &ListOptions) -> impl Stream<Item = Result<Entry>> + Send + use<> {
    let side = Side::new(place.bucket.clone(), place.prefix.clone());
    in_any_order(side, options.clone()).map_err(Error::from)
}
