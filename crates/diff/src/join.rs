use std::{cmp::Ordering, collections::VecDeque, pin::Pin};

use futures::{Stream, TryStreamExt};
use transship_types::Entry;

/// What two listings have to say of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pair {
    /// Only the source has it.
    Source(Entry),
    /// Only the destination has it.
    Destination(Entry),
    /// Both have it.
    Both {
        /// As the source lists it.
        source: Entry,
        /// As the destination lists it.
        destination: Entry,
    },
}

/// Walks through two listings at once, each a stream of pages in the order of the keys' bytes. Holds one page of each.
///
/// ```
/// use futures::{executor::block_on, stream};
/// use transship_diff::{Join, Pair};
/// # use transship_types::{Entry, Key};
/// # let entry = |key: &str| Entry { key: Key::from(key), size: 1, last_modified: time::OffsetDateTime::UNIX_EPOCH, etag: None, storage_class: None };
///
/// let source = stream::iter([Ok::<_, ()>(vec![entry("in/a"), entry("in/b")])]);
/// let destination = stream::iter([Ok(vec![entry("b"), entry("c")])]);
/// let mut join = Join::new((source, "in/"), (destination, ""));
/// let mut pairs = Vec::new();
/// while let Some(pair) = block_on(join.next()).unwrap() {
///     pairs.push(pair);
/// }
/// assert!(matches!(&pairs[..], [Pair::Source(_), Pair::Both { .. }, Pair::Destination(_)]));
/// ```
#[derive(Debug)]
pub struct Join<S, D> {
    source: Pages<S>,
    destination: Pages<D>,
}

#[derive(Debug)]
struct Pages<S> {
    stream: Option<Pin<Box<S>>>,
    prefix: usize,
    page: VecDeque<Entry>,
}

impl<S, E> Pages<S>
where
    S: Stream<Item = Result<Vec<Entry>, E>>,
{
    fn new((stream, prefix): (S, &str)) -> Self {
        Self { stream: Some(Box::pin(stream)), prefix: prefix.len(), page: VecDeque::new() }
    }

    /// Makes sure that the next entry is here, if there is one.
    async fn fill(&mut self) -> Result<(), E> {
        while self.page.is_empty() {
            let Some(stream) = &mut self.stream else { return Ok(()) };
            match stream.try_next().await? {
                Some(page) => self.page = page.into(),
                None => self.stream = None,
            }
        }
        Ok(())
    }

    fn waits(&self) -> bool {
        self.page.is_empty() && self.stream.is_some()
    }

    fn key(&self) -> Option<&str> {
        self.page.front().map(|entry| entry.key.as_str().get(self.prefix..).unwrap_or_default())
    }
}

impl<S, D, E> Join<S, D>
where
    S: Stream<Item = Result<Vec<Entry>, E>>,
    D: Stream<Item = Result<Vec<Entry>, E>>,
{
    /// Two listings and the prefix of each, which every key has and which does not count.
    pub fn new(source: (S, &str), destination: (D, &str)) -> Self {
        Self { source: Pages::new(source), destination: Pages::new(destination) }
    }

    /// The next key's pair, in the order of the keys' bytes.
    ///
    /// # Errors
    /// Those of the listings. Nothing may be concluded from keys that did not come.
    pub async fn next(&mut self) -> Result<Option<Pair>, E> {
        if let Some(pair) = self.ready() {
            return Ok(Some(pair));
        }
        // Each waits for its own server, so both wait at once.
        futures::try_join!(self.source.fill(), self.destination.fill())?;
        Ok(self.pair())
    }

    /// The next key's pair, where both pages are at hand and nothing has to be waited for.
    pub fn ready(&mut self) -> Option<Pair> {
        if self.source.waits() || self.destination.waits() { None } else { self.pair() }
    }

    fn pair(&mut self) -> Option<Pair> {
        let order = match (self.source.key(), self.destination.key()) {
            (Some(source), Some(destination)) => source.cmp(destination),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let source = if order.is_le() { self.source.page.pop_front() } else { None };
        let destination = if order.is_ge() { self.destination.page.pop_front() } else { None };
        match (source, destination) {
            (Some(source), Some(destination)) => Some(Pair::Both { source, destination }),
            (source, destination) => source.map(Pair::Source).or_else(|| destination.map(Pair::Destination)),
        }
    }
}
