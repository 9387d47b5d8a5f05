//! The plan: what is to happen to each key, and why.

use std::{
    fmt, iter,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use futures::{Stream, StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use transship_diff::{Filter, Fit, Join, Pair, Reason, Verdict};
use transship_list::{KeyRange, Piece, Side, pieces};
use transship_store::{ErrorKind, retry};
use transship_types::{Entry, Key};

use super::{
    Change, Content, Deletion, Ends, Gone, MirrorOptions,
    change::Found,
    content::{Reader, has_digest, settled},
    options::Judge,
    progress::Counts,
};
use crate::{Error, Result};

/// What was compared so far.
#[derive(Debug, Default)]
pub struct Compared {
    source: AtomicU64,
    /// Objects of the source that take part.
    fitting: AtomicU64,
    destination: AtomicU64,
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

/// Changes that are handed on together. A page has no more, and one at a time would cost more than the comparison.
const BATCH: usize = 1000;

/// What was found together.
type Batch<T> = Result<Vec<T>>;

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

/// Decides.
pub(super) struct Planning {
    judge: Judge,
    filter: Arc<Filter>,
    deletion: Deletion,
    immutable: bool,
    content: Content,
    sides: [Side; 2],
    compared: Arc<Compared>,
}

impl Planning {
    pub(super) fn new(ends: &Ends, options: &MirrorOptions, sides: [Side; 2], compared: Arc<Compared>) -> Self {
        Self {
            judge: Judge::new(ends, &options.policy),
            filter: Arc::clone(&options.filter),
            deletion: options.deletion,
            immutable: options.immutable,
            content: options.content,
            sides,
            compared,
        }
    }

    /// The changes in one range, found by a task of its own, so that ranges use every core.
    fn of(self: Arc<Self>, piece: Piece<2>) -> impl Stream<Item = Batch<Found>> + Send + Unpin {
        let (sender, receiver) = mpsc::channel(1);
        self.compared.counts.opens();
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            if let Err(error) = self.walk(piece, &sender).await {
                let _ = sender.send(Err(error)).await;
            }
            self.compared.counts.closes();
        }));
        Box::pin(crate::tasks::outcomes(receiver, task, "the comparison"))
    }

    async fn walk(&self, piece: Piece<2>, told: &mpsc::Sender<Batch<Found>>) -> Result<()> {
        let [source, destination] = piece.listings();
        let [from, to] = &self.sides;
        let mut join = Join::new((source, &from.prefix), (destination, &to.prefix));
        while let Some(first) = join.next().await? {
            let ready = iter::once(first).chain(iter::from_fn(|| join.ready()));
            let batch: Vec<Found> = ready.filter_map(|pair| self.decide(pair)).take(BATCH).collect();
            batch.iter().for_each(|found| self.compared.counts.finds(found));
            if !batch.is_empty() && told.send(Ok(batch)).await.is_err() {
                break;
            }
        }
        Ok(())
    }

    /// What is to be done, or `None` where the key takes no part.
    pub(super) fn decide(&self, pair: Pair) -> Option<Found> {
        let (source, destination) = match pair {
            Pair::Source(source) => (Some(source), None),
            Pair::Destination(destination) => (None, Some(destination)),
            Pair::Both { source, destination } => (Some(source), Some(destination)),
        };
        self.compared.source.fetch_add(u64::from(source.is_some()), Ordering::Relaxed);
        let at_source = source.is_some();
        let (source, other_age) = match source.map(|entry| (self.fit(0, &entry), entry)) {
            Some((Fit::Fits, entry)) => (Some(entry), false),
            Some((fit, _)) => (None, fit == Fit::OtherAge),
            None => (None, false),
        };
        self.compared.fitting.fetch_add(u64::from(source.is_some()), Ordering::Relaxed);
        let destination = self.taking_part(destination, other_age);
        self.compared.destination.fetch_add(u64::from(destination.is_some()), Ordering::Relaxed);
        let change = match (source, destination) {
            (None, None) => return None,
            (Some(source), Some((destination, _))) => return Some(self.judge(source, destination)),
            (Some(source), None) => self.new_there(source),
            (None, Some((destination, fit))) => {
                let gone = match (at_source, fit) {
                    (_, Fit::Excluded) => Gone::Excluded,
                    (true, _) => Gone::SourceExcluded,
                    (false, _) => Gone::Missing,
                };
                self.only_there(destination, gone)
            }
        };
        Some(Found::Change(change))
    }

    fn fit(&self, side: usize, entry: &Entry) -> Fit {
        match self.sides[side].relative(&entry.key) {
            // The marker of the folder itself.
            "" => Fit::Excluded,
            // Directories are there with their first file.
            path if path.ends_with('/') && entry.size == 0 && self.sides[1].bucket.capabilities().is_disk() => {
                Fit::Excluded
            }
            path => self.filter.fit(path, entry),
        }
    }

    /// What the destination has, unless it takes no part. A store knows when an object was written there, and not how old
    /// it is: `other_age` is whether the source's object is kept out by its age.
    fn taking_part(&self, destination: Option<Entry>, other_age: bool) -> Option<(Entry, Fit)> {
        let entry = destination?;
        let fit = self.fit(1, &entry);
        let takes_part = match fit {
            _ if self.sides[1].relative(&entry.key).is_empty() => false,
            _ if self.deletion == Deletion::ExtraAndExcluded => true,
            Fit::Fits => self.tells_age() || !other_age,
            Fit::OtherAge => !self.tells_age() && !other_age,
            Fit::Excluded => false,
        };
        takes_part.then_some((entry, fit))
    }

    /// Whether the times at the destination are those that objects had at the source.
    fn tells_age(&self) -> bool {
        self.sides[1].bucket.capabilities().is_disk()
    }

    fn new_there(&self, source: Entry) -> Change {
        let [from, to] = &self.sides;
        let key = Key::from(from.relative(&source.key)).prefixed(&to.prefix);
        match to.bucket.check_key(&key) {
            Ok(()) => Change::Copy { source, replaces: None },
            Err(error) => Change::Impossible { source, error: error.to_string() },
        }
    }

    /// Where age decides and cannot be told, what the source does not have stays.
    fn only_there(&self, destination: Entry, gone: Gone) -> Change {
        let unknown_age = gone == Gone::Missing && self.filter.limits_age() && !self.tells_age();
        match self.deletion {
            Deletion::Nothing => Change::Extra { destination },
            Deletion::Extra if unknown_age => Change::Extra { destination },
            _ => Change::Delete { destination, gone },
        }
    }

    fn is_disk_and_store(&self) -> bool {
        let [from, to] = &self.sides;
        from.bucket.capabilities().is_disk() != to.bucket.capabilities().is_disk()
    }

    fn have_digests(&self, source: &Entry, destination: &Entry) -> bool {
        let ([from, to], [here, there]) = (&self.sides, self.judge.etags);
        has_digest(&*from.bucket, here, source) && has_digest(&*to.bucket, there, destination)
    }

    fn judge(&self, source: Entry, destination: Entry) -> Found {
        let verdict = self.judge.compare(&source, &destination);
        let open = match self.content {
            // A file that came from a store has the time of its source, and the store the time of writing: times alone
            // would bring it again each time. Reading the file is cheaper.
            Content::AsListed => {
                matches!(verdict, Verdict::Differs(Reason::DestinationOlder(_) | Reason::DestinationNewer(_)))
                    && self.is_disk_and_store()
                    && self.have_digests(&source, &destination)
            }
            Content::Hashed => verdict == Verdict::Same(Reason::SizeOnly) && self.have_digests(&source, &destination),
            Content::Read => source.size == destination.size,
        };
        if open {
            Found::Open { source, destination }
        } else {
            Found::Change(Change::judged(source, destination, verdict, self.immutable))
        }
    }
}
