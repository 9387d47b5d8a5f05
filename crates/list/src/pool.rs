//! Who lists what, and where the next cut is made.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;
use transship_types::{Entry, Key};

use crate::{KeyRange, Side, alphabet::Alphabet, pages::Pages, pieces::Favour};

/// Keys of each page that the alphabet learns from.
const SAMPLES: usize = 16;
/// A range that is thought to hold less than this many pages more is left to its lister.
const WORTH_A_CUT: f64 = 3.0;

/// All pieces of a listing.
#[derive(Debug)]
pub(crate) struct Pool {
    listers: usize,
    sides: usize,
    favour: Favour,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    alphabet: Alphabet,
    /// Those that are being listed, by number.
    pieces: BTreeMap<usize, Progress>,
    /// The number of the next piece.
    next: usize,
    /// Pages that arrived, on all sides.
    pages: usize,
    /// The most entries that a page had.
    page_size: usize,
}

/// How far a piece is.
#[derive(Debug)]
struct Progress {
    range: KeyRange,
    /// The greatest key that any side is known up to.
    seen: Option<String>,
    /// Which sides have ended.
    ended: Vec<bool>,
    /// Entries that arrived, on the side that has the most.
    entries: Vec<u64>,
}

impl Progress {
    fn new(range: KeyRange, sides: usize) -> Self {
        Self { range, seen: None, ended: vec![false; sides], entries: vec![0; sides] }
    }

    /// How many entries are still to come on the longest side.
    fn left(&self, alphabet: &Alphabet) -> f64 {
        let Some(seen) = self.seen.as_deref().filter(|_| self.ended.contains(&false)) else { return 0.0 };
        let until = self.range.until.as_ref().map(Key::as_str);
        let most = self.entries.iter().copied().max().unwrap_or_default();
        // One side may be far ahead of the other, and beyond the end.
        if most == 0 || until.is_some_and(|until| seen >= until) {
            return 0.0;
        }
        let start = self.range.after.as_ref().map_or("", Key::as_str);
        #[allow(clippy::cast_precision_loss)]
        let most = most as f64;
        most * alphabet.left(start, seen, until)
    }
}

impl Pool {
    /// The whole range is piece 0.
    pub(crate) fn new(range: KeyRange, sides: usize, listers: usize, favour: Favour) -> Self {
        let pieces = BTreeMap::from([(0, Progress::new(range, sides))]);
        let state = State { pieces, next: 1, ..State::default() };
        Self { listers: listers.max(1), sides, favour, state: Mutex::new(state), changed: Notify::new() }
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
                let running = state.pieces.len();
                if running == 0 {
                    return None;
                }
                // Short listings cost no request more than they must; then it may double with every round.
                let wanted = if state.pages <= 2 * self.sides { 1 } else { self.listers.min(state.pages / self.sides) };
                if running < wanted
                    && let Some(id) = state.cut(self.sides, self.favour)
                {
                    return Some(id);
                }
            }
            changed.await;
        }
    }

    pub(crate) fn range(&self, id: usize) -> KeyRange {
        self.state().pieces.get(&id).map_or_else(KeyRange::default, |piece| piece.range.clone())
    }

    pub(crate) fn give_back(&self, id: usize) {
        self.state().pieces.remove(&id);
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
        let mut state = self.state();
        let State { alphabet, pieces, pages: count, page_size, .. } = &mut *state;
        *count += 1;
        *page_size = page.len().max(*page_size);
        let step = page.len().div_ceil(SAMPLES).max(1);
        page.iter().step_by(step).chain(page.last()).for_each(|entry| alphabet.learn(side.relative(&entry.key)));
        let Some(piece) = pieces.get_mut(&id) else { return false };
        let inside = page.partition_point(|entry| piece.range.contains(side.relative(&entry.key)));
        page.truncate(inside);
        piece.entries[at] += page.len() as u64;
        let until = piece.range.until.as_ref().map(Key::as_str);
        let beyond = until.zip(pages.known()).is_some_and(|(until, known)| known >= until);
        piece.ended[at] |= pages.ended() || beyond;
        if let Some(known) = pages.known().filter(|known| piece.seen.as_deref().is_none_or(|seen| seen < *known)) {
            piece.seen = Some(known.to_owned());
        }
        let more = !piece.ended[at];
        drop(state);
        self.changed.notify_one();
        more
    }
}

impl State {
    /// Takes the far part of a range of which much is still to come.
    fn cut(&mut self, sides: usize, favour: Favour) -> Option<usize> {
        #[allow(clippy::cast_precision_loss)]
        let worth = WORTH_A_CUT * self.page_size as f64;
        let known = self.pieces.values_mut().map(|piece| (piece.left(&self.alphabet), piece));
        let mut worthy: Vec<_> = known.filter(|(left, _)| *left > worth).collect();
        match favour {
            Favour::Longest => worthy.sort_by(|(one, _), (other, _)| other.total_cmp(one)),
            Favour::First => worthy.sort_by(|(_, one), (_, other)| one.range.after.cmp(&other.range.after)),
        }
        for (_, piece) in worthy {
            let until = piece.range.until.as_ref().map(Key::as_str);
            let Some(cut) = self.alphabet.cut(piece.seen.as_deref().unwrap_or_default(), until).map(Key::from) else {
                continue;
            };
            let until = piece.range.until.replace(cut.clone());
            let id = self.next;
            self.next += 1;
            self.pieces.insert(id, Progress::new(KeyRange { after: Some(cut), until }, sides));
            return Some(id);
        }
        None
    }
}
