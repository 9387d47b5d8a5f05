//! Where the next cut is made.

use std::collections::BTreeMap;

use transship_types::{Entry, Key};

use crate::{
    KeyRange, Side,
    alphabet::{Alphabet, Stretch},
    growth::{Asked, Growth},
    pieces::Favour,
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

/// What is known of the pieces of a listing.
#[derive(Debug)]
pub(crate) struct State {
    alphabet: Alphabet,
    pub(crate) growth: Growth,
    /// Those that are being listed, by number.
    pub(crate) pieces: BTreeMap<usize, Progress>,
    /// The number of the next piece.
    next: usize,
    /// Pages that arrived, on all sides.
    pub(crate) pages: usize,
    /// The most entries that a page had.
    page_size: f64,
    /// The most memory that a page took lately, in KiB; not less than there is for each.
    pub(crate) page_memory: usize,
    /// Requests that brought nothing, because of cuts.
    vain: usize,
    /// There are gaps between keys, so that the last ones do not tell how far the next ones are.
    gaps: bool,
    /// The first key that arrived: of all sides' first ones perhaps not the least.
    first: Option<String>,
}

impl State {
    /// The whole range is piece 0.
    pub(crate) fn new(range: KeyRange, sides: usize, listers: usize, page_memory: usize) -> Self {
        Self {
            alphabet: Alphabet::default(),
            growth: Growth::up_to(listers),
            pieces: BTreeMap::from([(0, Progress::new(range, sides))]),
            next: 1,
            pages: 0,
            page_size: 0.0,
            page_memory,
            vain: 0,
            gaps: false,
            first: None,
        }
    }

    /// How many ranges are being listed. One that waits to be read stands in nobody's way, but where all are read side by
    /// side it shows that there are enough of them.
    pub(crate) fn running(&self, favour: Favour) -> usize {
        self.pieces.values().filter(|piece| favour == Favour::Longest || !piece.waits).count()
    }

    pub(crate) fn learn(&mut self, side: &Side, page: &[Entry], asked: Asked, sides: usize, favour: Favour) {
        self.pages += 1;
        #[allow(clippy::cast_precision_loss)]
        let size = page.len() as f64;
        self.page_size = size.max(self.page_size);
        self.growth.page(asked, sides, self.running(favour));
        if self.first.is_none() {
            self.first = page.first().map(|entry| side.relative(&entry.key).to_owned());
        }
        let step = page.len().div_ceil(SAMPLES).max(1);
        let samples = page.iter().step_by(step).chain(page.last());
        samples.for_each(|entry| self.alphabet.learn(side.relative(&entry.key)));
    }

    /// Learns from whether a range brought anything.
    pub(crate) fn judge(&mut self, piece: &Progress) {
        self.gaps |= piece.fell_short();
        self.vain += usize::from(piece.parent.is_some() && !piece.brought);
        if let Some(parent) = piece.parent.and_then(|parent| self.pieces.get_mut(&parent)) {
            parent.trust = if piece.brought { 1.0 } else { parent.trust / 8.0 };
        }
    }

    /// Takes a part of a range of which much is still to come.
    pub(crate) fn cut(&mut self, sides: usize, favour: Favour, is_full: bool) -> Option<usize> {
        let unseen = self.pieces.values().filter(|piece| piece.parent.is_some() && !piece.brought).count();
        let pages = self.pages / sides;
        if self.vain + unseen >= (pages / 3).min(MOST_UNSEEN) + pages / 16 {
            return None;
        }
        let (parent, cut, leap) = match favour {
            Favour::Longest => self.cut_end().or_else(|| self.cut_longest())?,
            Favour::First => self.cut_first(is_full)?,
        };
        let mut behind = self.pieces.get_mut(&parent)?.cut(Key::from(cut), leap, &self.alphabet);
        behind.parent = Some(parent);
        let id = self.next;
        self.next += 1;
        self.pieces.insert(id, behind);
        Some(id)
    }

    /// Nobody knows how far a range without an end goes. As many entries again as came so far are expected; where it is cut
    /// before any of it has been seen, twice as many as the last time.
    fn cut_end(&self) -> Option<(usize, String, f64)> {
        let (&id, piece) = self.pieces.iter().find(|(_, piece)| piece.range.until.is_none())?;
        if !piece.ended.contains(&false) {
            return None;
        }
        #[allow(clippy::cast_precision_loss)]
        let so_far = self.pages as f64 * self.page_size;
        let leap = if piece.seen.is_some() { so_far } else { 2.0 * piece.leap };
        // As dense as the last ones, or as all so far, gaps included: the farther one.
        let known = piece.known()?;
        let whole = Stretch { first: self.first.clone()?, last: known.to_owned(), entries: so_far };
        let whole = self.alphabet.ahead(&whole, known, leap, true);
        let cut = piece.ahead(&self.alphabet, leap, true).into_iter().chain(whole).max()?;
        Some((id, piece.cut_at(cut)?, leap))
    }

    fn cut_longest(&self) -> Option<(usize, String, f64)> {
        let seen = self.pieces.iter().filter(|(_, piece)| piece.seen.is_some());
        let left = seen.filter_map(|(id, piece)| Some((piece.left(&self.alphabet)?, id, piece)));
        let mut worthy: Vec<_> = left.filter(|(left, ..)| *left > WORTH_A_CUT * self.page_size).collect();
        worthy.sort_by(|(one, ..), (other, ..)| other.total_cmp(one));
        worthy.into_iter().find_map(|(_, id, piece)| {
            let until = piece.until()?;
            let half = self.alphabet.between(piece.seen.as_deref()?, until, piece.trust / 2.0);
            let near = piece.ahead(&self.alphabet, WORTH_A_CUT * self.page_size, false);
            let near = near.filter(|near| near.as_str() < until);
            let cut = [half, near].into_iter().flatten().filter_map(|cut| piece.cut_at(cut)).max()?;
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
                Some(_) => match piece.left(&self.alphabet)? {
                    left if left > 2.0 * window => window,
                    left if left > WORTH_A_CUT * self.page_size && is_full => left / 2.0,
                    _ => return None,
                },
            };
            // One that is cut too far ahead fills what may wait, and those before it have to do with little.
            let cut = if self.gaps {
                piece.ahead(&self.alphabet, leap, false)
            } else {
                piece.near(&self.alphabet, leap, self.page_size)
            };
            let cut = cut.and_then(|cut| piece.cut_at(cut))?;
            piece.until().is_none_or(|until| cut.as_str() < until).then_some((*id, cut, leap))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_was_cut_in_vain_again_and_again_is_still_cut() {
        let mut state = State::new(KeyRange::ALL, 1, 16, 256);
        let keys: Vec<String> = (0..1000).map(|n| format!("logs/{n:06}")).collect();
        keys.iter().for_each(|key| state.alphabet.learn(key));
        let range = KeyRange { after: None, until: Some(Key::from("logs/5")) };
        let stretch = Stretch { first: keys[0].clone(), last: keys[999].clone(), entries: 1000.0 };
        let mut piece = Progress::new(range, 1);
        (piece.seen, piece.inherited, piece.brought) = (Some(keys[999].clone()), vec![stretch], true);
        (state.pieces, state.pages, state.page_size) = (BTreeMap::from([(0, piece)]), 900, 100.0);
        for vain in 0..40 {
            let behind = state.cut(1, Favour::Longest, false);
            let behind = behind.and_then(|id| state.pieces.remove(&id));
            let behind = behind.unwrap_or_else(|| panic!("not cut after {vain} times"));
            assert!(behind.known() >= Some("logs/00129"), "three pages are left to whoever is there: {behind:?}");
            state.judge(&behind);
            // What lay behind the cut was empty, and more of the same was known to come before.
            state.pieces.get_mut(&0).unwrap().range.until = Some(Key::from("logs/5"));
        }
    }
}
