//! What the micro-benchmark measures: it is of no use to anybody else.

use crate::alphabet::Alphabet;

/// What was seen of the keys, and where they may be cut.
#[derive(Debug, Default)]
pub struct Cuts(Alphabet);

impl Cuts {
    /// Takes note of a key.
    pub fn learn(&mut self, key: &str) {
        self.0.learn(key);
    }

    /// A key between two.
    pub fn cut(&self, seen: &str, until: Option<&str>) -> Option<String> {
        self.0.cut(seen, until)
    }

    /// How much of a range lies behind a key.
    pub fn left(&self, start: &str, seen: &str, until: Option<&str>) -> f64 {
        self.0.left(start, seen, until)
    }
}
