//! What is to happen to a key, from what both listings tell of it.

use std::{
    iter,
    sync::{Arc, atomic::Ordering},
};

use futures::Stream;
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use transship_diff::{Filter, Fit, Join, Pair, Reason, Verdict};
use transship_list::{Piece, Side};
use transship_types::{Entry, Key};

use super::{
    Change, Content, Deletion, Ends, Gone, MirrorOptions,
    change::Found,
    changes::{Batch, Compared},
    content::has_digest,
    options::Judge,
};
use crate::Result;

/// Changes that are handed on together. A page has no more, and one at a time would cost more than the comparison.
const BATCH: usize = 1000;

/// Decides what is to happen to each key.
pub(super) struct Planning {
    judge: Judge,
    filter: Arc<Filter>,
    deletion: Deletion,
    immutable: bool,
    content: Content,
    sides: [Side; 2],
    pub(super) compared: Arc<Compared>,
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
    pub(super) fn of(self: Arc<Self>, piece: Piece<2>) -> impl Stream<Item = Batch<Found>> + Send + Unpin {
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
