//! What stands at one position of the keys.

/// Characters that come together: who saw one may expect the others.
const CLASSES: [(char, char); 3] = [('0', '9'), ('A', 'Z'), ('a', 'z')];
/// The letters of hexadecimal digits, where nothing else was seen among letters.
const HEX: [(char, char); 2] = [('A', 'F'), ('a', 'f')];
/// Characters beyond ASCII are not told apart better.
const STEPS: u32 = 32;

/// The characters that were seen at one position, and through them those to be expected. Each has a share of the keys: in
/// a class all have the same, for keys come in order and those of its end are still to come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    /// One bit for each ASCII character.
    seen: u128,
    /// The same with those to be expected.
    expected: u128,
    /// How often a character of each class was seen, and any other one.
    counts: [u32; CLASSES.len() + 1],
    /// The greatest character beyond ASCII, and the least.
    beyond: Option<(char, char)>,
    /// What was expected when that was looked at last, in order.
    sections: Vec<(char, Section)>,
    /// How many characters had been seen then.
    looked: u32,
}

/// Where a character begins among the keys, and how many it has, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Section {
    pub(crate) start: f64,
    pub(crate) width: f64,
}

impl Place {
    pub(crate) fn see(&mut self, c: char) {
        self.counts[class(c)] += 1;
        let mut is_new = false;
        if !c.is_ascii() {
            let (low, high) = self.beyond.unwrap_or((c, c));
            is_new = self.beyond.is_none() || c < low || c > high;
            self.beyond = Some((low.min(c), high.max(c)));
        } else if self.seen & bit(c) == 0 {
            is_new = true;
            self.seen |= bit(c);
            self.expected = expected(self.seen);
        }
        let seen = self.counts.iter().sum();
        if is_new || seen / 2 > self.looked {
            self.looked = seen;
            self.look();
        }
    }

    fn look(&mut self) {
        let total: f64 = self.shares().map(|(_, share)| share).sum();
        let mut start = 0.0;
        let section = |(c, share): (char, f64)| {
            let section = Section { start, width: share / total };
            start += section.width;
            (c, section)
        };
        self.sections = self.shares().map(section).collect();
    }

    /// The section of a character; an empty one between its neighbours where it is not expected.
    pub(crate) fn section(&self, c: char) -> Section {
        match self.sections.binary_search_by_key(&c, |(c, _)| *c) {
            Ok(at) => self.sections[at].1,
            Err(at) => Section { start: self.sections.get(at).map_or(1.0, |(_, next)| next.start), width: 0.0 },
        }
    }

    /// The character in whose section a point lies, and that section.
    pub(crate) fn at(&self, point: f64) -> Option<(char, Section)> {
        let behind = self.sections.partition_point(|(_, section)| section.start <= point);
        self.sections.get(behind.saturating_sub(1)).copied()
    }

    /// Every character that is to be expected, in order.
    fn shares(&self) -> impl Iterator<Item = (char, f64)> {
        let each: [f64; CLASSES.len() + 1] = std::array::from_fn(|class| {
            let members = CLASSES.get(class).map_or_else(|| !classes(), |(first, last)| span(*first, *last));
            let seen = (self.seen & members).count_ones() + u32::from(class == CLASSES.len() && self.beyond.is_some());
            f64::from(self.counts[class]) / f64::from(seen.max(1))
        });
        let ascii = Bits(self.expected).filter_map(char::from_u32);
        let steps = self.steps();
        let share = 1.0 / steps.map_or(1.0, |(_, _, count)| f64::from(count));
        let beyond = steps.into_iter().flat_map(|(least, step, count)| (0..count).map(move |n| least + n * step));
        let beyond = beyond.filter_map(char::from_u32).map(move |c| (c, share * each[CLASSES.len()]));
        ascii.map(move |c| (c, each[class(c)])).chain(beyond)
    }

    /// Beyond ASCII: the least character, and how many steps of which width follow. As far again as was seen.
    fn steps(&self) -> Option<(u32, u32, u32)> {
        let (least, greatest) = self.beyond.map(|(low, high)| (u32::from(low), u32::from(high)))?;
        let end = greatest.saturating_add(greatest - least + 1).min(u32::from(char::MAX));
        let step = (end - least) / STEPS + 1;
        Some((least, step, (end - least) / step + 1))
    }
}

/// The numbers of the bits that are set.
struct Bits(u128);

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let next = (self.0 != 0).then(|| self.0.trailing_zeros())?;
        self.0 &= self.0 - 1;
        Some(next)
    }
}

fn class(c: char) -> usize {
    CLASSES.iter().position(|(first, last)| (*first..=*last).contains(&c)).unwrap_or(CLASSES.len())
}

fn classes() -> u128 {
    CLASSES.iter().fold(0, |all, (first, last)| all | span(*first, *last))
}

fn expected(seen: u128) -> u128 {
    let (mut expected, hex) = (seen, is_hex(seen));
    let letters = if hex { &HEX[..] } else { &CLASSES[1..] };
    for (first, last) in CLASSES[..1].iter().chain(letters) {
        if seen & span(*first, *last) != 0 {
            expected |= span(*first, *last);
        }
    }
    expected
}

fn is_hex(seen: u128) -> bool {
    let letters = span('A', 'Z') | span('a', 'z');
    seen & span('0', '9') != 0 && seen & letters & !(span('A', 'F') | span('a', 'f')) == 0
}

const fn bit(c: char) -> u128 {
    1 << c as u32
}

const fn span(first: char, last: char) -> u128 {
    (1 << (last as u32 + 1)) - (1 << first as u32)
}
