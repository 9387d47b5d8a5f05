//! Who lists what, and where the next cut is made.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use transship_types::{ETag, Entry, Key};

use crate::{
    KeyRange, Side, alphabet::Alphabet, growth::Growth, own_order::in_both_orders, pages::Pages, pieces::Favour,
    progress::Progress,
};

/// Keys of each page that the alphabet learns from.
const SAMPLES: usize = 16;
/// A range that is thought to hold less than this many pages more is left to its lister.
const WORTH_A_CUT: f64 = 3.0;
/// Requests that may be in vain: one for each three pages up to so many, and one more for each sixteen.
const MOST_UNSEEN: usize = 16;
/// Pages of a range where ranges are read one after the other, and all but the first have to wait.
const WINDOW: usize = 5;
/// Pages for each lister that may wait there. Where ranges are read side by side, each lister has as many in hand: on two
/// sides, one that arrives, one that waits, and one that is read.
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
}

#[derive(Debug)]
struct State {
    alphabet: Alphabet,
    growth: Growth,
    /// Those that are being listed, by number.
    pieces: BTreeMap<usize, Progress>,
    /// The number of the next piece.
    next: usize,
    /// Pages that arrived, on all sides.
    pages: usize,
    /// The most entries that a page had.
    page_size: f64,
    /// The most memory that a page took lately, in KiB; not less than there is for each.
    page_memory: usize,
    /// How far expectations are believed: keys that come in clusters seem to go on for ever.
    trust: f64,
    /// Requests that brought nothing, because of cuts.
    vain: usize,
}

impl Pool {
    /// The whole range is piece 0.
    pub(crate) fn new(range: KeyRange, sides: usize, listers: usize, favour: Favour) -> Self {
        let listers = listers.max(1);
        let state = State {
            alphabet: Alphabet::default(),
            growth: Growth::up_to(listers),
            pieces: BTreeMap::from([(0, Progress::new(range, sides))]),
            next: 1,
            pages: 0,
            page_size: 0.0,
            page_memory: PAGE,
            trust: 1.0,
            vain: 0,
        };
        let ahead = match favour {
            Favour::First => LISTER * listers,
            Favour::Longest => 0,
        };
        let ahead = Arc::new(Semaphore::new(ahead.min(Semaphore::MAX_PERMITS)));
        Self { sides, listers, favour, state: Mutex::new(state), changed: Notify::new(), ahead }
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
        state.page_memory.min(LISTER * self.listers)
    }

    /// A place for a page to wait in, ahead of what is read.
    pub(crate) async fn place_ahead(&self) -> Option<OwnedSemaphorePermit> {
        let places = u32::try_from(self.places(&self.state())).unwrap_or(u32::MAX);
        Arc::clone(&self.ahead).acquire_many_owned(places).await.ok()
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
    pub(crate) fn arrived(&self, id: usize, at: usize, side: &Side, page: &mut Vec<Entry>, pages: &Pages) -> bool {
        let memory = memory(page) >> 10;
        let mut state = self.state();
        state.page_memory = (state.page_memory - state.page_memory / LATELY).max(memory).max(PAGE);
        state.learn(side, page, self.sides, self.favour);
        let Some(piece) = state.pieces.get_mut(&id) else { return false };
        let inside = page.partition_point(|entry| piece.range.contains(side.relative(&entry.key)));
        let beyond = piece.until().zip(pages.known()).is_some_and(|(until, known)| known >= until);
        piece.ended[at] |= pages.ended() || beyond;
        if let Some(known) = pages.known().filter(|known| piece.seen.as_deref().is_none_or(|seen| seen < *known)) {
            piece.seen = Some(known.to_owned());
            piece.brought |= inside > 0;
            piece.since_cut = piece.since_cut.map(|entries| entries + inside);
            piece.saw(side, page);
        }
        page.truncate(inside);
        let more = !piece.ended[at];
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

impl State {
    /// How many ranges are being listed. One that waits to be read stands in nobody's way, but where all are read side by
    /// side it shows that there are enough of them.
    fn running(&self, favour: Favour) -> usize {
        self.pieces.values().filter(|piece| favour == Favour::Longest || !piece.waits).count()
    }

    fn learn(&mut self, side: &Side, page: &[Entry], sides: usize, favour: Favour) {
        self.pages += 1;
        #[allow(clippy::cast_precision_loss)]
        let size = page.len() as f64;
        self.page_size = size.max(self.page_size);
        self.growth.page(sides, self.running(favour));
        let step = page.len().div_ceil(SAMPLES).max(1);
        let samples = page.iter().step_by(step).chain(page.last());
        samples.for_each(|entry| self.alphabet.learn(side.relative(&entry.key)));
    }

    /// Learns from what a range brought until it met the one that was cut off.
    fn judge(&mut self, piece: &Progress) {
        #[allow(clippy::cast_precision_loss)]
        match piece.since_cut {
            Some(0) => {
                self.trust /= 4.0;
                self.vain += 1;
            }
            Some(entries) if entries as f64 >= self.page_size => self.trust = (2.0 * self.trust).min(1.0),
            _ => {}
        }
        self.vain += usize::from(piece.parent.is_some() && !piece.brought);
        if let Some(parent) = piece.parent.and_then(|parent| self.pieces.get_mut(&parent)) {
            parent.trust = if piece.brought { 1.0 } else { parent.trust / 8.0 };
        }
    }

    /// Takes a part of a range of which much is still to come.
    fn cut(&mut self, sides: usize, favour: Favour, is_full: bool) -> Option<usize> {
        let unseen = self.pieces.values().filter(|piece| piece.parent.is_some() && !piece.brought).count();
        let pages = self.pages / sides;
        if self.vain + unseen >= (pages / 3).min(MOST_UNSEEN) + pages / 16 {
            return None;
        }
        let (parent, cut, leap) = match favour {
            Favour::Longest => self.cut_end().or_else(|| self.cut_longest())?,
            Favour::First => self.cut_first(is_full)?,
        };
        let piece = self.pieces.get_mut(&parent)?;
        let cut = in_both_orders(cut, piece.known().unwrap_or_default())?;
        let until = piece.range.until.replace(Key::from(cut.as_str()));
        let mut behind = Progress::new(KeyRange { after: Some(Key::from(cut)), until }, sides);
        (behind.inherited, behind.leap, behind.parent) = (piece.legacy(&self.alphabet), leap, Some(parent));
        let id = self.next;
        self.next += 1;
        self.pieces.insert(id, behind);
        Some(id)
    }

    /// Nobody knows how far a range without an end goes: as far again as it went so far, and each time it is cut before
    /// it has been seen, twice as far.
    fn cut_end(&self) -> Option<(usize, String, f64)> {
        let (&id, piece) = self.pieces.iter().find(|(_, piece)| piece.range.until.is_none())?;
        if !piece.ended.contains(&false) {
            return None;
        }
        #[allow(clippy::cast_precision_loss)]
        let so_far = self.pages as f64 * self.page_size;
        let leap = if piece.seen.is_some() { so_far } else { 2.0 * piece.leap };
        let cut = piece.ahead(&self.alphabet, leap / self.trust, true)?;
        Some((id, cut, leap))
    }

    fn cut_longest(&self) -> Option<(usize, String, f64)> {
        let left = |(id, piece)| Some((Progress::left(piece, &self.alphabet, self.trust)?, id, piece));
        let seen = self.pieces.iter().filter(|(_, piece)| piece.seen.is_some());
        let mut worthy: Vec<(f64, &usize, &Progress)> =
            seen.filter_map(left).filter(|(left, ..)| *left > WORTH_A_CUT * self.page_size).collect();
        worthy.sort_by(|(one, ..), (other, ..)| other.total_cmp(one));
        worthy.into_iter().find_map(|(_, id, piece)| {
            let until = piece.until()?;
            let cut = self.alphabet.between(piece.seen.as_deref()?, until, piece.trust / 2.0)?;
            let near = piece.ahead(&self.alphabet, WORTH_A_CUT * self.page_size / self.trust, false);
            let cut = near.filter(|near| near.as_str() < until).map_or(cut.clone(), |near| near.max(cut));
            Some((*id, cut, 0.0))
        })
    }

    /// What is read first is not to hold more than may wait. Where no more may wait, nothing is to be gained from going
    /// further: what is read first is shared then.
    fn cut_first(&self, is_full: bool) -> Option<(usize, String, f64)> {
        #[allow(clippy::cast_precision_loss)]
        let window = WINDOW as f64 * self.page_size;
        let mut pieces: Vec<_> = self.pieces.iter().filter(|(_, piece)| piece.is_running()).collect();
        pieces.sort_by(|(_, one), (_, other)| one.range.after.cmp(&other.range.after));
        pieces.into_iter().find_map(|(id, piece)| {
            let leap = match piece.until() {
                None => Some(window).filter(|_| !is_full)?,
                Some(_) => match piece.left(&self.alphabet, self.trust)? {
                    left if left > 2.0 * window => window,
                    left if left > WORTH_A_CUT * self.page_size && is_full => left / 2.0,
                    _ => return None,
                },
            };
            let cut = piece.ahead(&self.alphabet, leap / self.trust, false)?;
            piece.until().is_none_or(|until| cut.as_str() < until).then_some((*id, cut, leap))
        })
    }
}
