//! Where a range of keys may be cut in two.
//!
//! Nothing is known of a key space but the keys that were listed so far. They show at which positions keys vary, and by
//! which characters: a digit at a position promises the other digits. A cut is made at the outermost position that is
//! known to vary, so that what lies behind it is likely to hold keys; a range that was cut is bounded, and is cut further
//! inside. A cut that was made in vain costs one request, and is never made again.

use std::cmp::Ordering;

/// Beyond this many characters keys are taken to be equal.
const DEPTH: usize = 512;

/// Characters that come together: who saw one may expect the others.
const CLASSES: [(char, char); 3] = [('0', '9'), ('A', 'Z'), ('a', 'z')];
/// The letters of hexadecimal digits, where nothing else was seen among letters.
const HEX: [(char, char); 2] = [('A', 'F'), ('a', 'f')];

/// Which characters stand where in the keys that were seen.
#[derive(Debug, Default)]
pub(crate) struct Alphabet(Vec<Place>);

/// What was seen at one position.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// One bit for each ASCII character.
    ascii: u128,
    /// The greatest character beyond ASCII, and the least.
    beyond: Option<(char, char)>,
}

impl Place {
    fn see(&mut self, c: char) {
        if c.is_ascii() {
            self.ascii |= 1 << u32::from(c);
        } else {
            let (low, high) = self.beyond.unwrap_or((c, c));
            self.beyond = Some((low.min(c), high.max(c)));
        }
    }

    /// Whether more than one character was seen here.
    fn varies(&self) -> bool {
        let beyond = self.beyond.map_or(0, |(low, high)| 1 + u32::from(low != high));
        self.ascii.count_ones() + beyond > 1
    }

    /// The characters to be expected here.
    fn expected(&self) -> u128 {
        let (mut expected, hex) = (self.ascii, self.is_hex());
        for (first, last) in CLASSES {
            if self.ascii & span(first, last) != 0 && !(hex && first != '0') {
                expected |= span(first, last);
            }
        }
        for (first, last) in HEX {
            if hex && self.ascii & span(first, last) != 0 {
                expected |= span(first, last);
            }
        }
        expected
    }

    fn is_hex(&self) -> bool {
        let letters = span('A', 'Z') | span('a', 'z');
        self.ascii & span('0', '9') != 0 && self.ascii & letters & !(span('A', 'F') | span('a', 'f')) == 0
    }

    /// What may stand here between `low` and `high`, both excluded, in order.
    fn between(&self, low: Option<char>, high: Option<char>) -> Vec<char> {
        let inside = |c: &char| low.is_none_or(|low| *c > low) && high.is_none_or(|high| *c < high);
        let expected = self.expected();
        let ascii = (0_u8..128).filter(|c| expected >> c & 1 == 1).map(char::from).filter(inside);
        let mut all: Vec<char> = ascii.collect();
        if let Some((least, greatest)) = self.beyond {
            // As far again as was seen, in steps that leave some tens of them.
            let (least, greatest) = (u32::from(least), u32::from(greatest));
            let end = greatest.saturating_add(greatest - least + 1).min(u32::from(char::MAX));
            let step = usize::try_from((end - least) / 32 + 1).unwrap_or(1);
            all.extend((least..=end).step_by(step).filter_map(char::from_u32).filter(inside));
        }
        all
    }
}

const fn span(first: char, last: char) -> u128 {
    (1 << (last as u32 + 1)) - (1 << first as u32)
}

impl Alphabet {
    /// Takes note of a key.
    pub(crate) fn learn(&mut self, key: &str) {
        for (at, c) in key.chars().take(DEPTH).enumerate() {
            if at == self.0.len() {
                self.0.push(Place::default());
            }
            if let Some(place) = self.0.get_mut(at) {
                place.see(c);
            }
        }
    }

    /// A key between `seen` and `until`, both excluded, on both sides of which keys may be expected.
    pub(crate) fn cut(&self, seen: &str, until: Option<&str>) -> Option<String> {
        let common = until.map_or(0, |until| shared(seen, until));
        let mut chars = seen.char_indices().skip(common);
        for at in common..self.0.len() {
            let next = chars.next();
            let (end, low) = next.map_or((seen.len(), None), |(end, c)| (end, Some(c)));
            // Behind the first differing character every key is below `until`.
            let bound = until.filter(|_| at == common);
            let high = bound.and_then(|until| until.chars().nth(at));
            let place = self.0[at];
            let open = if bound.is_none() && !place.varies() { Vec::new() } else { place.between(low, high) };
            if let Some(middle) = open.get(open.len() / 2) {
                let mut cut = seen[..end].to_owned();
                cut.push(*middle);
                // A cut elsewhere would have keys listed twice.
                return Some(cut).filter(|cut| cut.as_str() > seen && until.is_none_or(|until| cut.as_str() < until));
            }
            if next.is_none() {
                break;
            }
        }
        None
    }

    /// How much of the range from `start` to `until` lies behind `seen`, as a multiple of what lies before it, where
    /// keys are spread evenly. Infinite where nothing can be told.
    pub(crate) fn left(&self, start: &str, seen: &str, until: Option<&str>) -> f64 {
        let from = until.map_or(0, |until| shared(start, until));
        let end = until.map_or(1.0, |until| self.measure(until, from));
        let (start, seen) = (self.measure(start, from), self.measure(seen, from));
        let ahead = (end - seen).max(0.0);
        match seen.partial_cmp(&start) {
            Some(Ordering::Greater) => ahead / (seen - start),
            _ => f64::INFINITY,
        }
    }

    /// Where a key stands among those that share its first characters, from 0 to 1.
    fn measure(&self, key: &str, from: usize) -> f64 {
        let (mut value, mut scale) = (0.0, 1.0);
        for (place, c) in self.0.iter().zip(key.chars()).skip(from).filter(|(place, _)| place.varies()) {
            let all = place.between(None, None);
            let before = all.iter().filter(|other| **other < c).count();
            #[allow(clippy::cast_precision_loss)] // some hundred characters
            let (before, count) = (before as f64, all.len() as f64);
            scale /= count;
            value += before * scale;
            if scale < 1e-12 {
                break;
            }
        }
        value
    }
}

/// How many characters two keys share at their beginning.
fn shared(one: &str, other: &str) -> usize {
    one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(keys: &[&str]) -> Alphabet {
        let mut alphabet = Alphabet::default();
        keys.iter().for_each(|key| alphabet.learn(key));
        alphabet
    }

    #[test]
    fn a_range_is_cut_where_keys_are_known_to_vary() {
        let alphabet = seen(&["obj-0000001", "obj-0000999"]);
        assert_eq!(alphabet.cut("obj-0000999", None), None, "the nines leave nothing behind");
        let alphabet = seen(&["obj-0000001", "obj-0000123", "obj-0001000"]);
        assert_eq!(alphabet.cut("obj-0001000", None).as_deref(), Some("obj-0006"));
        assert_eq!(alphabet.cut("obj-0001000", Some("obj-0006")).as_deref(), Some("obj-0004"));
        assert_eq!(alphabet.cut("obj-0001000", Some("obj-0002")).as_deref(), Some("obj-00015"));
    }

    #[test]
    fn hexadecimal_digits_bring_no_other_letters() {
        let alphabet = seen(&["00", "0a", "10"]);
        assert_eq!(alphabet.cut("0e", Some("1")).as_deref(), Some("0f"));
        assert_eq!(alphabet.cut("0f", Some("1")), None);
    }

    #[test]
    fn characters_beyond_ascii_are_expected_to_go_on() {
        let alphabet = seen(&["é", "ê"]);
        let cut = alphabet.cut("ê", None).unwrap();
        assert!(cut.as_str() > "ê", "{cut}");
    }

    #[test]
    fn what_is_left_follows_from_how_far_it_went() {
        let alphabet = seen(&["000", "999"]);
        let left = alphabet.left("000", "250", Some("999"));
        assert!((2.9..3.1).contains(&left), "{left}");
        assert!(alphabet.left("000", "999", Some("999")) < 0.01);
    }

    proptest! {
        #[test]
        fn a_cut_lies_inside(
            keys in prop::collection::vec("[a-c0-9/é\u{10FFFF}]{0,6}", 1..20),
            seen in "[a-c0-9/é]{0,6}",
            until in prop::option::of("[a-c0-9/é]{1,6}"),
        ) {
            let mut alphabet = Alphabet::default();
            keys.iter().for_each(|key| alphabet.learn(key));
            if let Some(cut) = alphabet.cut(&seen, until.as_deref()) {
                prop_assert!(cut.as_str() > seen.as_str());
                prop_assert!(until.as_ref().is_none_or(|until| cut < *until), "{cut} {until:?}");
            }
        }
    }
}
