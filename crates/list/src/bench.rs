//! What the micro-benchmark measures: it is of no use to anybody else.

use crate::alphabet::{Alphabet, Stretch};

/// What was seen of keys, and what is expected behind them.
#[derive(Debug)]
pub struct Seen {
    alphabet: Alphabet,
    stretch: Stretch,
}

impl Seen {
    /// Takes note of keys, which are in order.
    pub fn of(keys: &[String]) -> Self {
        let mut alphabet = Alphabet::default();
        keys.iter().for_each(|key| alphabet.learn(key));
        let end = |key: Option<&String>| key.cloned().unwrap_or_default();
        #[allow(clippy::cast_precision_loss)]
        let stretch = Stretch { first: end(keys.first()), last: end(keys.last()), entries: keys.len() as f64 };
        Self { alphabet, stretch }
    }

    /// How many entries are expected between two keys.
    pub fn left(&self, seen: &str, until: &str) -> f64 {
        self.alphabet.left(&self.stretch, seen, until)
    }

    /// A key so many entries behind another.
    pub fn ahead(&self, seen: &str, entries: f64) -> Option<String> {
        self.alphabet.ahead(&self.stretch, seen, entries, true)
    }

    /// A key half-way between two.
    pub fn between(&self, seen: &str, until: &str) -> Option<String> {
        self.alphabet.between(seen, until, 0.5)
    }
}
