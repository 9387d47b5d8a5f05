//! How far a piece is, and what can be expected of it.

use std::{cmp::Reverse, collections::VecDeque};

use transship_types::{Entry, Key};

use crate::{
    KeyRange, Side,
    alphabet::{Alphabet, Stretch},
    own_order::in_both_orders,
};

/// Pages of a piece that tell how dense keys lie.
const RECENT: usize = 8;
/// Less than one of so many entries came: there is a gap where others were expected.
const SHORT: f64 = 10.0;
/// Stretches of others that tell it where it has few of its own.
const LEGACY: usize = 4;

/// How far a piece is.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) range: KeyRange,
    /// The greatest key that any side is known up to.
    pub(crate) seen: Option<String>,
    /// Its last pages, of the side that is farthest.
    recent: VecDeque<Stretch>,
    /// The last page of the piece that it was cut from.
    before: Option<Stretch>,
    /// Stretches of that piece, then.
    pub(crate) inherited: Vec<Stretch>,
    /// Entries by which it was put behind the piece it was cut from, where it has no page yet.
    pub(crate) leap: f64,
    /// The piece it was cut from.
    pub(crate) parent: Option<usize>,
    /// Whether it has brought anything.
    pub(crate) brought: bool,
    /// How far expectations of it are believed: what was cut off was empty.
    pub(crate) trust: f64,
    /// Its pages have to be read before it goes on.
    pub(crate) waits: bool,
    /// Entries that were expected before its end when it was cut last, none where nobody counted on a number, and those that
    /// have come since.
    expected: f64,
    come: f64,
    /// Which sides have ended.
    pub(crate) ended: Vec<bool>,
}

impl Progress {
    pub(crate) fn new(range: KeyRange, sides: usize) -> Self {
        Self {
            range,
            seen: None,
            recent: VecDeque::new(),
            before: None,
            inherited: Vec::new(),
            leap: 0.0,
            parent: None,
            brought: false,
            trust: 1.0,
            waits: false,
            expected: 0.0,
            come: 0.0,
            ended: vec![false; sides],
        }
    }

    /// Ends here, where so many entries are expected to have come by then; the piece that follows on it.
    pub(crate) fn cut(&mut self, at: Key, leap: f64, alphabet: &Alphabet) -> Self {
        let (inherited, before) = (self.legacy(alphabet), self.latest().cloned());
        let until = self.range.until.replace(at.clone());
        (self.expected, self.come) = (leap, 0.0);
        let behind = KeyRange { after: Some(at), until };
        Self { inherited, before, leap, ..Self::new(behind, self.ended.len()) }
    }

    /// So many entries came of its own.
    #[allow(clippy::cast_precision_loss)] // of a page
    pub(crate) fn came(&mut self, entries: usize) {
        self.brought |= entries > 0;
        self.come += entries as f64;
    }

    /// Whether next to nothing came of what was expected.
    pub(crate) fn fell_short(&self) -> bool {
        self.come * SHORT < self.expected
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.waits && self.ended.contains(&false)
    }

    /// Everything up to here is known, or another's.
    pub(crate) fn known(&self) -> Option<&str> {
        self.seen.as_deref().or(self.range.after.as_ref().map(Key::as_str))
    }

    pub(crate) fn until(&self) -> Option<&str> {
        self.range.until.as_ref().map(Key::as_str)
    }

    /// How dense keys lie, by what came last here and, as long as that is little, where it was cut from.
    fn stretches(&self) -> Vec<Stretch> {
        let recent = self.recent.front().zip(self.recent.back()).map(|(first, last)| Stretch {
            first: first.first.clone(),
            last: last.last.clone(),
            entries: self.recent.iter().map(|page| page.entries).sum(),
        });
        let inherited = self.inherited.iter().filter(|_| self.recent.len() < RECENT).cloned();
        recent.into_iter().chain(inherited).collect()
    }

    /// What a piece that is cut from this one is told of it: where keys lay the least dense.
    pub(crate) fn legacy(&self, alphabet: &Alphabet) -> Vec<Stretch> {
        let mut stretches = self.stretches();
        let known = self.known().unwrap_or_default();
        stretches.sort_by_cached_key(|stretch| Reverse(alphabet.ahead(stretch, known, 1.0, true)));
        stretches.truncate(LEGACY);
        stretches
    }

    /// A page arrived that goes farther than all before.
    pub(crate) fn saw(&mut self, side: &Side, page: &[Entry]) {
        let key = |entry: &Entry| side.relative(&entry.key).to_owned();
        let Some((first, last)) = page.first().zip(page.last()) else { return };
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        #[allow(clippy::cast_precision_loss)]
        let entries = page.len() as f64;
        self.recent.push_back(Stretch { first: key(first), last: key(last), entries });
    }

    /// Its last page, or that of the piece that it was cut from.
    fn latest(&self) -> Option<&Stretch> {
        self.recent.back().or(self.before.as_ref())
    }

    /// How many entries are still to come, if anything is known of them.
    pub(crate) fn left(&self, alphabet: &Alphabet) -> Option<f64> {
        let (known, until) = (self.known().filter(|_| self.ended.contains(&false))?, self.until()?);
        let left = self.stretches().into_iter().map(|stretch| alphabet.left(&stretch, known, until));
        left.reduce(f64::min)
    }

    /// Where it may be cut instead of there, whatever the store's order; `None` where it may not.
    pub(crate) fn cut_at(&self, cut: String) -> Option<String> {
        in_both_orders(cut, self.known().unwrap_or_default())
    }

    /// A key so many entries further, if they lie the least dense of what is known.
    pub(crate) fn ahead(&self, alphabet: &Alphabet, entries: f64, or_fewer: bool) -> Option<String> {
        let known = self.known()?;
        let ahead =
            self.stretches().into_iter().filter_map(|stretch| alphabet.ahead(&stretch, known, entries, or_fewer));
        ahead.max()
    }

    /// The same by the last page alone where that is nearer. One that is not half full says nothing.
    pub(crate) fn near(&self, alphabet: &Alphabet, entries: f64, page_size: f64) -> Option<String> {
        let page = self.latest().filter(|page| 2.0 * page.entries >= page_size);
        let near = page.and_then(|page| alphabet.ahead(page, self.known()?, entries, false));
        near.into_iter().chain(self.ahead(alphabet, entries, false)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_page_says_nothing_of_what_follows() {
        let mut alphabet = Alphabet::default();
        let page = |first: u32, count: u32| Stretch {
            first: format!("{first:06}"),
            last: format!("{:06}", first + count - 1),
            entries: f64::from(count),
        };
        (0..1000).for_each(|n| alphabet.learn(&format!("{n:06}")));
        let mut piece = Progress::new(KeyRange::ALL, 1);
        for page in [page(0, 100), page(100, 100), page(200, 3)] {
            piece.seen = Some(page.last.clone());
            piece.recent.push_back(page);
        }
        let near = piece.near(&alphabet, 500.0, 100.0).unwrap();
        assert!(("0006".."0008").contains(&near.as_str()), "{near}");
    }
}
