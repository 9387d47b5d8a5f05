//! The plan: what is to happen to each key, and why.

use std::{
    fmt,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use futures::{Stream, StreamExt, TryStreamExt, stream};
use transship_list::{KeyRange, Side, pieces};
use transship_store::{ErrorKind, retry};

use super::{
    Change, Ends, MirrorOptions,
    change::Found,
    content::{Reader, settled},
    planning::Planning,
    progress::Counts,
};
use crate::{Error, Result};

/// What was compared so far.
#[derive(Debug, Default)]
pub struct Compared {
    pub(super) source: AtomicU64,
    /// Objects of the source that take part.
    pub(super) fitting: AtomicU64,
    pub(super) destination: AtomicU64,
    pub(super) counts: Counts,
}

impl Compared {
    /// Forgets it all: the comparison begins again.
    pub(super) fn reset(&self) {
        self.source.store(0, Ordering::Relaxed);
        self.fitting.store(0, Ordering::Relaxed);
        self.destination.store(0, Ordering::Relaxed);
        self.counts.reset();
    }

    /// Objects that the source listed, before filters.
    pub fn source(&self) -> u64 {
        self.source.load(Ordering::Relaxed)
    }

    /// Objects of the source that take part.
    pub fn fitting(&self) -> u64 {
        self.fitting.load(Ordering::Relaxed)
    }

    /// Objects of the destination that take part.
    pub fn destination(&self) -> u64 {
        self.destination.load(Ordering::Relaxed)
    }
}

/// The plan as it becomes known.
pub struct Changes {
    /// Changes, in the order of their keys within each range, ranges mixed. An error is a listing's: what came before it
    /// holds, and of the rest nothing is known.
    pub stream: stream::BoxStream<'static, Result<Change>>,
    /// How far the comparison is.
    pub compared: Arc<Compared>,
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Changes").field("compared", &self.compared).finish_non_exhaustive()
    }
}

/// What was found together.
pub(super) type Batch<T> = Result<Vec<T>>;

/// Compares both ends from their listings alone, range by range, many ranges at once. Nothing else is sent.
///
/// Ends that do not list in the order of the keys' bytes are listed whole first and sorted on disk.
pub fn changes(ends: &Ends, options: &MirrorOptions) -> Changes {
    let compared = Arc::new(Compared::default());
    let found = counted(ends, options, Arc::clone(&compared));
    Changes { stream: found.map_ok(|batch| stream::iter(batch).map(Ok)).try_flatten().boxed(), compared }
}

/// The same, many at a time, for who has the counts already.
pub(super) fn counted(
    ends: &Ends,
    options: &MirrorOptions,
    compared: Arc<Compared>,
) -> stream::BoxStream<'static, Batch<Change>> {
    let (ends, options) = (ends.clone(), options.clone());
    let reader = Arc::new(Reader::new(&ends, &options));
    let at_once = options.copy.transfers;
    let counting = Arc::clone(&compared);
    let changes = stream::once(in_order(ends, options, compared)).try_flatten();
    settled(changes, reader, counting, at_once).boxed()
}

/// Whether a comparison broke off only because a store lists in another order than that of the keys' bytes: begun again with
/// [`MirrorOptions::sort`] it may come to its end.
pub fn is_about_order(error: &Error) -> bool {
    use transship_list::Error::{OutOfOrder, StartIgnored, Unordered};
    matches!(error, Error::Listing(OutOfOrder { .. } | StartIgnored { .. } | Unordered { .. }))
}

/// A store that is known to list in another order says so with its first page, before anything was decided.
async fn in_order(
    ends: Ends,
    options: MirrorOptions,
    compared: Arc<Compared>,
) -> Result<impl Stream<Item = Batch<Found>> + Send> {
    let mut found = start(ends.clone(), options.clone(), Arc::clone(&compared)).await?.boxed().peekable();
    match Pin::new(&mut found).peek().await {
        Some(Err(Error::Listing(error @ transship_list::Error::Unordered { .. }))) if !options.sort => {
            tracing::debug!("{error}: both ends are listed whole, and sorted on disk");
            drop(found);
            compared.reset();
            Ok(start(ends, MirrorOptions { sort: true, ..options }, compared).await?.boxed().peekable())
        }
        _ => Ok(found),
    }
}

async fn start(
    ends: Ends,
    options: MirrorOptions,
    compared: Arc<Compared>,
) -> Result<impl Stream<Item = Batch<Found>> + Send> {
    let listing = options.listing();
    let [source, destination] = options.sides(&ends);
    let ordered = |side: Side| async {
        match side.is_sorted() || side.bucket.capabilities().ordered_listing && !options.sort {
            true => Ok(side),
            false => side.sorted(&listing, &options.work_dir).await,
        }
    };
    let destination = if is_to_be_made(&destination, &options).await { destination.known_empty() } else { destination };
    let (source, destination) = futures::try_join!(ordered(source), ordered(destination))?;
    let listers = listing.listers.max(1);
    let plan = Arc::new(Planning::new(&ends, &options, [source.clone(), destination.clone()], compared));
    let compared = Arc::clone(&plan.compared);
    let pieces = pieces([source, destination], KeyRange::ALL, listing);
    let end = stream::poll_fn(move |_| {
        compared.counts.opens_no_more();
        Poll::Ready(None)
    });
    Ok(pieces.map(move |piece| Arc::clone(&plan).of(piece)).chain(end).flatten_unordered(listers))
}

/// A destination that is made with its first object holds nothing until then.
async fn is_to_be_made(destination: &Side, options: &MirrorOptions) -> bool {
    let bucket = &destination.bucket;
    if !bucket.capabilities().made_by_writing {
        return false;
    }
    let probed = retry(&options.list.retry.at_first_contact(), |_| bucket.probe()).await;
    probed.is_err_and(|error| error.kind() == ErrorKind::NoSuchBucket)
}
