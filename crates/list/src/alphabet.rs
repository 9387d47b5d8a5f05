//! Where a range of keys may be cut, and how much lies behind a key.
//!
//! Nothing is known of a key space but the keys that were listed so far. They show which characters stand at which
//! position: a digit promises the other digits. So every key is a point between 0 and 1, as in arithmetic coding, and a
//! page shows how many keys lie between two of them. What follows is expected to lie as dense as the last page did. A cut
//! that was made in vain costs one request, and is never made again.

use crate::place::Place;

/// Beyond this many characters keys are taken to be equal.
const DEPTH: usize = 512;

/// Positions before the one at which keys move are looked at, until they tell so many keys apart. Together with the
/// positions behind it, this is what a floating point number can hold.
const REACH: f64 = 1e9;

/// Which characters stand where in the keys that were seen.
#[derive(Debug, Default)]
pub(crate) struct Alphabet(Vec<Place>);

/// A page, or several that follow each other: how dense keys lie there.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    pub(crate) first: String,
    pub(crate) last: String,
    pub(crate) entries: f64,
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

    /// How many entries are to be expected between `seen` and `until`. Infinite where nothing can be told.
    pub(crate) fn left(&self, stretch: &Stretch, seen: &str, until: &str) -> f64 {
        let from = shared(&stretch.first, &stretch.last).min(shared(&stretch.last, until)).min(shared(seen, until));
        let at = |key| self.position(key, from);
        let (span, ahead) = (at(&stretch.last) - at(&stretch.first), at(until) - at(seen));
        if ahead <= 0.0 {
            return 0.0;
        }
        if span > 0.0 { stretch.entries * ahead / span } else { f64::INFINITY }
    }

    /// A key with about so many `entries` between it and `seen`; where fewer are to be expected by what is known, `None`,
    /// or half as many as are if `or_fewer`.
    pub(crate) fn ahead(&self, stretch: &Stretch, seen: &str, entries: f64, or_fewer: bool) -> Option<String> {
        let moves = shared(&stretch.first, &stretch.last);
        let from = self.reach(seen, moves.min(shared(&stretch.last, seen)));
        let at = |key| self.position(key, from);
        let step = (at(&stretch.last) - at(&stretch.first)) / stretch.entries * entries;
        let (seen_at, step) = (at(seen), step.max(f64::EPSILON));
        let step = if or_fewer { step.min((1.0 - seen_at) / 2.0) } else { step };
        if seen_at + step >= 1.0 {
            return None;
        }
        self.key_at(seen, from, seen_at + step, step / 8.0).filter(|key| key.as_str() > seen)
    }

    /// A key between two, both excluded, at this fraction of the way.
    pub(crate) fn between(&self, seen: &str, until: &str, fraction: f64) -> Option<String> {
        let from = shared(seen, until);
        let low = self.position(seen, from);
        let step = (self.position(until, from) - low) * fraction;
        self.key_at(seen, from, low + step, step / 2.0).filter(|key| key.as_str() > seen && key.as_str() < until)
    }

    /// The first position of those that are looked at where keys differ from position `moves` on.
    fn reach(&self, seen: &str, moves: usize) -> usize {
        let (mut from, mut apart) = (moves.min(self.0.len()), 1.0);
        while let Some(place) = from.checked_sub(1).and_then(|before| self.0.get(before))
            && apart < REACH
        {
            from -= 1;
            apart /= seen.chars().nth(from).map_or(1.0, |c| place.section(c).width).max(f64::EPSILON);
        }
        from
    }

    /// Where a key stands among those that share its first `from` characters, from 0 to 1.
    fn position(&self, key: &str, from: usize) -> f64 {
        let (mut value, mut scale) = (0.0, 1.0);
        for (place, c) in self.0.iter().zip(key.chars()).skip(from) {
            let section = place.section(c);
            value += section.start * scale;
            scale *= section.width;
            if scale < f64::EPSILON {
                break;
            }
        }
        value
    }

    /// The key that stands there, as exactly as `resolution` asks for, with the first `from` characters of `like`.
    fn key_at(&self, like: &str, from: usize, position: f64, resolution: f64) -> Option<String> {
        let mut key: String = like.chars().take(from).collect();
        let (mut rest, mut scale) = (position, 1.0);
        for place in self.0.get(from..)? {
            let (c, section) = place.at(rest)?;
            key.push(c);
            rest = ((rest - section.start) / section.width).clamp(0.0, 1.0);
            scale *= section.width;
            if scale < resolution {
                break;
            }
        }
        Some(key)
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

    /// What two pages of so many keys show.
    fn seen(keys: &[&str]) -> (Alphabet, Stretch) {
        let mut alphabet = Alphabet::default();
        keys.iter().for_each(|key| alphabet.learn(key));
        let stretch = Stretch { first: keys[0].into(), last: keys[keys.len() - 1].into(), entries: 1000.0 };
        (alphabet, stretch)
    }

    #[test]
    fn what_follows_is_as_dense_as_what_was_seen() {
        let (alphabet, stretch) = seen(&["obj-0000000", "obj-0000499", "obj-0000999"]);
        let ahead = |entries| alphabet.ahead(&stretch, "obj-0000999", entries, false);
        assert_eq!(ahead(500.0).as_deref(), Some("obj-000149"));
        assert_eq!(ahead(99_000.0).as_deref(), Some("obj-009"), "digits are expected where there was but one");
        assert_eq!(ahead(1e12), None, "no number is so long");
        let left = alphabet.left(&stretch, "obj-0000999", "obj-0004999");
        assert!((3990.0..4010.0).contains(&left), "{left}");
    }

    #[test]
    fn a_range_is_cut_at_a_fraction_of_what_lies_in_it() {
        let (alphabet, _) = seen(&["2024/a", "2025/b"]);
        let cut = alphabet.between("2024/a", "2028", 0.5).unwrap();
        assert!(cut.starts_with("2026"), "{cut}");
        assert_eq!(alphabet.between("2024", "2024", 0.5), None);
    }

    #[test]
    fn hexadecimal_digits_bring_no_other_letters() {
        let (alphabet, _) = seen(&["00", "0a", "10"]);
        assert_eq!(alphabet.between("0e", "1", 0.5).as_deref(), Some("0f"));
    }

    #[test]
    fn characters_beyond_ascii_are_expected_to_go_on() {
        let (alphabet, stretch) = seen(&["é", "ê"]);
        let cut = alphabet.ahead(&stretch, "ê", 2000.0, true).unwrap();
        assert!(cut.as_str() > "ê", "{cut}");
    }

    proptest! {
        #[test]
        fn a_cut_lies_inside(
            keys in prop::collection::btree_set("[a-c0-9/é\u{10FFFF}]{0,6}", 2..20),
            seen in "[a-c0-9/é]{0,6}",
            until in "[a-c0-9/é]{1,6}",
            entries in 0.1..1e6,
            fraction in 0.0..1.0,
        ) {
            let mut alphabet = Alphabet::default();
            keys.iter().for_each(|key| alphabet.learn(key));
            let (first, last) = (keys.first().unwrap().clone(), keys.last().unwrap().clone());
            let stretch = Stretch { first, last, entries: keys.len() as f64 };
            if let Some(cut) = alphabet.between(&seen, &until, fraction) {
                prop_assert!(cut > seen && cut < until, "{cut}");
            }
            for or_fewer in [false, true] {
                if let Some(cut) = alphabet.ahead(&stretch, &seen, entries, or_fewer) {
                    prop_assert!(cut > seen, "{cut}");
                }
            }
            prop_assert!(alphabet.left(&stretch, &seen, &until) >= 0.0);
        }
    }
}
