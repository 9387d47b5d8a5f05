//! Matches a key against a source template as the regular expression of lazy groups would, without its blow-up.
//!
//! [`Pattern::reach`] first works out from the end, for every piece and position, whether the rest of the key can match at all
//! when repeated names are taken as free groups. Without repeated names a walk along it needs no step back, so a match takes time
//! in proportion to pieces times bytes. Only a repeated name can make the walk return; dead ends are then remembered
//! for as long as the texts of the names that are still to be repeated stay the same. Matching with many repeated
//! names is NP-hard, so the steps are counted and limited.

use std::{collections::HashMap, ops::Range};

use crate::{Template, template::Piece};

/// Steps before a key is called too ambiguous: well under a second, and far beyond any sensible template.
const MAX_STEPS: u32 = 20_000_000;

/// A source template, ready to match.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pieces: Vec<Part>,
    /// Each distinct name, in order of first appearance.
    names: Vec<String>,
    /// For each piece: the names captured before it that are repeated in it or after it.
    live: Vec<Vec<usize>>,
}

#[derive(Clone, Debug)]
enum Part {
    Literal(String),
    /// The first time that a name stands: it takes what it needs.
    Capture(usize),
    /// Any further time: the text must be the same.
    Repeat(usize),
}

/// Why there is no match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    NoMatch,
    TooAmbiguous,
}

impl Pattern {
    pub(crate) fn new(template: &Template) -> Self {
        let mut names: Vec<String> = Vec::new();
        let pieces: Vec<Part> = template
            .pieces()
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => Part::Literal(text.clone()),
                Piece::Group(name, _) => match names.iter().position(|n| n == name) {
                    Some(known) => Part::Repeat(known),
                    None => {
                        names.push(name.clone());
                        Part::Capture(names.len() - 1)
                    }
                },
            })
            .collect();
        let live = (0..=pieces.len()).map(|at| live_at(&pieces, at)).collect();
        Self { pieces, names, live }
    }

    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The text of each name, in the order of [`Self::names`].
    pub(crate) fn captures(&self, key: &str) -> Result<Vec<Range<usize>>, Failure> {
        let reach = self.reach(key);
        let mut search = Search {
            pattern: self,
            key,
            reach,
            texts: vec![0..0; self.names.len()],
            bindings: vec![0; self.names.len()],
            next_binding: 1,
            dead: HashMap::new(),
            steps: 0,
        };
        if search.run(0, 0)? { Ok(search.texts) } else { Err(Failure::NoMatch) }
    }

    /// `reach[i][at]`: pieces `i..` can match `key[at..]` if repeated names were free groups.
    fn reach(&self, key: &str) -> Vec<Vec<bool>> {
        let end = key.len();
        let mut rows = vec![Vec::new(); self.pieces.len()];
        let mut last: Vec<bool> = (0..=end).map(|at| at == end).collect();
        for (row, part) in rows.iter_mut().zip(&self.pieces).rev() {
            let mut here = vec![false; end + 1];
            match part {
                Part::Literal(text) => {
                    for at in (0..=end).filter(|at| key.as_bytes()[*at..].starts_with(text.as_bytes())) {
                        here[at] = last[at + text.len()];
                    }
                }
                Part::Capture(_) | Part::Repeat(_) => {
                    let mut any = false;
                    for at in (0..=end).rev() {
                        any |= last[at];
                        here[at] = any;
                    }
                }
            }
            *row = std::mem::replace(&mut last, here);
        }
        rows.insert(0, last);
        rows
    }
}

fn live_at(pieces: &[Part], at: usize) -> Vec<usize> {
    let captured = pieces[..at].iter().filter_map(|part| match part {
        Part::Capture(name) => Some(*name),
        _ => None,
    });
    captured.filter(|name| pieces[at..].iter().any(|part| matches!(part, Part::Repeat(n) if n == name))).collect()
}

struct Search<'a> {
    pattern: &'a Pattern,
    key: &'a str,
    reach: Vec<Vec<bool>>,
    texts: Vec<Range<usize>>,
    /// A fresh number each time that a name takes another text.
    bindings: Vec<u64>,
    next_binding: u64,
    /// The binding of the latest live name under which piece and position are known to fail.
    dead: HashMap<(usize, usize), u64>,
    steps: u32,
}

impl Search<'_> {
    /// Whether pieces `piece..` match from `at`, given the texts taken so far. Recursion is as deep as the template.
    fn run(&mut self, piece: usize, at: usize) -> Result<bool, Failure> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(Failure::TooAmbiguous);
        }
        if !self.reach[piece][at] {
            return Ok(false);
        }
        let Some(part) = self.pattern.pieces.get(piece) else { return Ok(true) };
        let under = self.pattern.live[piece].last().map_or(0, |name| self.bindings[*name]);
        if self.dead.get(&(piece, at)) == Some(&under) {
            return Ok(false);
        }
        let matched = match part {
            Part::Literal(text) => self.run(piece + 1, at + text.len())?,
            Part::Repeat(name) => {
                let text = &self.key[self.texts[*name].clone()];
                self.key[at..].starts_with(text) && self.run(piece + 1, at + text.len())?
            }
            Part::Capture(name) => self.capture(*name, piece, at)?,
        };
        if !matched {
            self.dead.insert((piece, at), under);
        }
        Ok(matched)
    }

    /// Lazy: the shortest text first.
    fn capture(&mut self, name: usize, piece: usize, at: usize) -> Result<bool, Failure> {
        for end in at..=self.key.len() {
            if !self.reach[piece + 1][end] || !self.key.is_char_boundary(end) {
                continue;
            }
            self.texts[name] = at..end;
            self.bindings[name] = self.next_binding;
            self.next_binding += 1;
            if self.run(piece + 1, end)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn captures(template: &str, key: &str) -> Result<Vec<String>, Failure> {
        let pattern = Pattern::new(&Template::parse(template).unwrap());
        Ok(pattern.captures(key)?.into_iter().map(|range| key[range].to_owned()).collect())
    }

    /// The plainest backtracking there is: what a regular expression engine does, exponential as it is.
    fn oracle(pieces: &[Part], key: &str, texts: &mut Vec<String>) -> bool {
        let Some((first, rest)) = pieces.split_first() else { return key.is_empty() };
        match first {
            Part::Literal(text) => key.strip_prefix(text.as_str()).is_some_and(|key| oracle(rest, key, texts)),
            Part::Repeat(name) => {
                let text = texts[*name].clone();
                key.strip_prefix(text.as_str()).is_some_and(|key| oracle(rest, key, texts))
            }
            Part::Capture(_) => {
                for end in (0..=key.len()).filter(|end| key.is_char_boundary(*end)) {
                    texts.push(key[..end].to_owned());
                    let depth = texts.len();
                    if oracle(rest, &key[end..], texts) {
                        return true;
                    }
                    texts.truncate(depth - 1);
                }
                false
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn every_match_is_the_one_that_lazy_backtracking_finds(
            template in "((\\{[a-d]\\})|[xy/é]){0,8}",
            key in "[xy/é]{0,10}",
        ) {
            let pattern = Pattern::new(&Template::parse(&template).unwrap());
            let mut texts = Vec::new();
            let expected = if oracle(&pattern.pieces, &key, &mut texts) { Ok(texts) } else { Err(Failure::NoMatch) };
            prop_assert_eq!(captures(&template, &key), expected);
        }
    }

    #[test]
    fn a_repeated_name_must_match_the_same_text() {
        assert_eq!(captures("{a}/{a}", "x/x").unwrap(), ["x"]);
        assert_eq!(captures("{a}/{a}", "x/y/x/y").unwrap(), ["x/y"]);
        assert_eq!(captures("{a}/{b}-{a}", "2020/x-2020").unwrap(), ["2020", "x"]);
        assert_eq!(captures("{a}/{a}", "x/y"), Err(Failure::NoMatch));
    }

    #[test]
    fn literals_are_no_regular_expressions() {
        assert_eq!(captures("a.b*{x}", "a.b*c").unwrap(), ["c"]);
        assert_eq!(captures("a.b*{x}", "aXbbc"), Err(Failure::NoMatch));
    }

    #[test]
    fn groups_span_slashes_newlines_and_nothing() {
        assert_eq!(captures("{a}.csv", "x/y\nz.csv").unwrap(), ["x/y\nz"]);
        assert_eq!(captures("{a}/{b}", "/").unwrap(), ["", ""]);
        assert_eq!(captures("plain", "plain").unwrap(), [] as [&str; 0]);
        assert_eq!(captures("plain", "plainer"), Err(Failure::NoMatch));
        assert_eq!(captures("", "").unwrap(), [] as [&str; 0]);
    }

    /// Exponential time would be for ever: the test would never end.
    #[test]
    fn ten_groups_over_the_longest_key_take_no_exponential_time() {
        let key = format!("{}b", "a".repeat(1023));
        let groups = "{a}a{b}a{c}a{d}a{e}a{f}a{g}a{h}a{i}a{j}";
        let none = captures(&format!("{groups}Z{{k}}"), &key);
        assert_eq!(none, Err(Failure::NoMatch));
        assert_eq!(captures(&format!("{groups}ab"), &key).unwrap().len(), 10);
        let slashes = "/".repeat(1024);
        captures("{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}", &slashes).unwrap();
    }

    #[test]
    fn one_repeated_name_over_the_longest_key_is_decided() {
        let key = format!("{}b", "a/".repeat(511));
        assert_eq!(captures("{a}/x{a}{b}b", &key), Err(Failure::NoMatch));
        assert_eq!(captures("{a}/{b}/{a}/b", &key).unwrap()[0], "a");
    }

    #[test]
    fn more_ways_than_can_be_tried_is_said_and_not_suffered() {
        let key = "a".repeat(1023) + "b";
        let result = captures("{z}{a}{y}{b}{x}{a}{w}{b}{v}a{a}b{b}bb{u}b", &key);
        assert!(matches!(result, Err(Failure::NoMatch | Failure::TooAmbiguous)));
        let harder = "x{p}a{q}a{r}a{p}a{q}a{r}{p}b{q}b";
        let result = captures(harder, &format!("x{}bcb", "a".repeat(1000)));
        assert_eq!(result, Err(Failure::TooAmbiguous));
    }
}
