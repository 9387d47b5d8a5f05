//! Who lists what, and how much of it may wait in memory.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use transship_types::{ETag, Entry};

use crate::{KeyRange, Side, cutting::State, growth::Asked, pages::Pages, pieces::Favour};

/// Pages for each lister: those that may wait there, and the one that each range may hold in any case. Where ranges are read
/// side by side, each lister has as many in hand: on two sides, one that arrives, one that waits, and one that is read.
const AHEAD: usize = 6;
/// KiB of memory that there are for a page; where pages are larger there are fewer of them.
const PAGE: usize = 256;
/// Pages after which it hardly counts any more that one was larger.
const LATELY: usize = 128;
/// KiB of memory that the pages of a lister take.
pub(crate) const LISTER: usize = AHEAD * PAGE;

/// All pieces of a listing.
#[derive(Debug)]
pub(crate) struct Pool {
    sides: usize,
    listers: usize,
    favour: Favour,
    state: Mutex<State>,
    changed: Notify,
    /// KiB of pages that may wait to be read, of all listings together and beside one page of each.
    ahead: Arc<Semaphore>,
    /// As many as there are.
    most_ahead: usize,
}

impl Pool {
    /// The whole range is piece 0.
    pub(crate) fn new(range: KeyRange, sides: usize, listers: usize, favour: Favour) -> Self {
        let listers = listers.max(1);
        let state = State::new(range, sides, listers, PAGE);
        let most_ahead = ((LISTER - PAGE) * listers).min(Semaphore::MAX_PERMITS);
        let ahead = match favour {
            Favour::First => most_ahead,
            Favour::Longest => 0,
        };
        let ahead = Arc::new(Semaphore::new(ahead));
        Self { sides, listers, favour, state: Mutex::new(state), changed: Notify::new(), ahead, most_ahead }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a new piece, as soon as there is one to be made; `None` when all have been given back.
    pub(crate) async fn next(&self) -> Option<usize> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state();
                if state.pieces.is_empty() {
                    return None;
                }
                // Short listings cost no request more than they must.
                let affordable = (self.listers * PAGE / state.page_memory).max(1);
                let wanted = if state.pages <= 2 * self.sides { 1 } else { state.growth.listers().min(affordable) };
                let is_full = self.ahead.available_permits() < self.places(&state);
                if state.running(self.favour) < wanted
                    && let Some(id) = state.cut(self.sides, self.favour, is_full)
                {
                    return Some(id);
                }
            }
            changed.await;
        }
    }

    /// KiB that a page takes ahead: never more than there are.
    fn places(&self, state: &State) -> usize {
        state.page_memory.min(self.most_ahead)
    }

    /// A place for a page to wait in, ahead of what is read.
    pub(crate) async fn place_ahead(&self) -> Option<OwnedSemaphorePermit> {
        let places = u32::try_from(self.places(&self.state())).unwrap_or(u32::MAX);
        Arc::clone(&self.ahead).acquire_many_owned(places).await.ok()
    }

    /// Whether all ranges are read side by side, and not one after the other.
    pub(crate) fn is_side_by_side(&self) -> bool {
        self.favour == Favour::Longest
    }

    /// Whether its pages have to wait for those before them to be read.
    pub(crate) fn waits(&self, id: usize, waits: bool) {
        if let Some(piece) = self.state().pieces.get_mut(&id) {
            piece.waits = waits;
        }
        self.changed.notify_one();
    }

    pub(crate) fn range(&self, id: usize) -> KeyRange {
        self.state().pieces.get(&id).map_or_else(KeyRange::default, |piece| piece.range.clone())
    }

    pub(crate) fn give_back(&self, id: usize) {
        let mut state = self.state();
        if let Some(piece) = state.pieces.remove(&id) {
            state.judge(&piece);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Nothing more comes on one side.
    pub(crate) fn ended(&self, id: usize, side: usize) {
        if let Some(piece) = self.state().pieces.get_mut(&id) {
            piece.ended[side] = true;
        }
        self.changed.notify_one();
    }

    /// Takes note of a page, and takes out of it what others have taken over. Says whether to go on.
    pub(crate) fn arrived(
        &self,
        id: usize,
        index: usize,
        side: &Side,
        page: &mut Vec<Entry>,
        pages: &Pages,
        asked: Asked,
    ) -> bool {
        let memory = memory(page) >> 10;
        let mut state = self.state();
        state.page_memory = (state.page_memory - state.page_memory / LATELY).max(memory).max(PAGE);
        state.learn(side, page, asked, self.sides, self.favour);
        let Some(piece) = state.pieces.get_mut(&id) else { return false };
        let inside = page.partition_point(|entry| piece.range.contains(side.relative(&entry.key)));
        let beyond = piece.until().zip(pages.known()).is_some_and(|(until, known)| known >= until);
        piece.ended[index] |= pages.ended() || beyond;
        if let Some(known) = pages.known().filter(|known| piece.seen.as_deref().is_none_or(|seen| seen < *known)) {
            piece.seen = Some(known.to_owned());
            piece.saw(side, page);
            piece.came(inside);
        }
        page.truncate(inside);
        let more = !piece.ended[index];
        drop(state);
        self.changed.notify_one();
        more
    }
}

/// Bytes that the entries of a page take, about.
fn memory(page: &[Entry]) -> usize {
    let of = |entry: &Entry| {
        let texts = [entry.etag.as_ref().map(ETag::as_str), entry.storage_class.as_deref()];
        size_of::<Entry>() + entry.key.as_str().len() + texts.into_iter().flatten().map(str::len).sum::<usize>()
    };
    page.iter().map(of).sum()
}
