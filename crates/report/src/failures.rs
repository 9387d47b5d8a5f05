use std::ops::Range;

use serde::{Deserialize, Serialize};
use transship_types::{Key, Outcome};

use crate::DestinationReport;

/// How many different reasons are kept, and how many keys as examples of all of them together; each has one at least.
/// Whatever comes after is only counted, so that a run in which everything fails needs no more memory than any other.
const REASONS: usize = 20;
const EXAMPLES: usize = 10;

/// Why objects failed: errors that differ only in the key count as one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// The reasons, in the order in which they came up.
    pub reasons: Vec<Reason>,
    /// Failures for further reasons.
    pub others: u64,
}

/// One reason why objects failed at one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// The destination's name.
    pub destination: String,
    /// The error, without the key.
    pub error: String,
    /// How many objects failed for it.
    pub count: u64,
    /// Some of their keys.
    pub examples: Vec<Key>,
}

impl Failures {
    pub(crate) fn add(&mut self, key: &Key, report: &DestinationReport) {
        let Some(error) = report.reason(key) else { return };
        let examples: usize = self.reasons.iter().map(|reason| reason.examples.len()).sum();
        let at = self.reasons.iter().position(|r| r.destination == report.destination && r.error == error);
        let at = match at {
            Some(at) => at,
            None if self.reasons.len() < REASONS => {
                let destination = report.destination.clone();
                self.reasons.push(Reason { destination, error, count: 0, examples: Vec::new() });
                self.reasons.len() - 1
            }
            None => {
                self.others += 1;
                return;
            }
        };
        let reason = &mut self.reasons[at];
        reason.count += 1;
        if examples < EXAMPLES || reason.examples.is_empty() {
            reason.examples.push(key.clone());
        }
    }
}

impl DestinationReport {
    /// Why it failed, without the key: the same for objects of which nothing else differs. `object` is the source's
    /// key.
    pub fn reason(&self, object: &Key) -> Option<String> {
        match &self.outcome {
            Outcome::Failed { error } => Some(without_key(error, [Some(object), self.key.as_ref()])),
            _ => None,
        }
    }
}

/// Errors quote the key the way that Rust quotes text, with the prefix that it has in its bucket. Only the first one is
/// cut: `"."` may be a key, and a word of the error as well.
fn without_key(error: &str, keys: [Option<&Key>; 2]) -> String {
    let quoted = keys.into_iter().flatten().filter_map(|key| quoted(error, key));
    let Some(Range { start, end }) = quoted.min_by_key(|found| found.start) else { return error.to_owned() };
    match error[..start].strip_suffix(' ') {
        Some(before) => format!("{before}{}", &error[end..]),
        None => format!("{}the object{}", &error[..start], &error[end..]),
    }
}

/// Where a key stands in an error, its quotes included.
fn quoted(error: &str, key: &Key) -> Option<Range<usize>> {
    let closed = &format!("{:?}", key.as_str())[1..];
    error.match_indices(closed).find_map(|(at, _)| {
        let before = &error[..at];
        let start = match before.strip_suffix('"') {
            Some(before) => before.len(),
            None => before.strip_suffix('/').and_then(|prefix| prefix.rfind(" \""))? + 1,
        };
        Some(start..at + closed.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(error: &str, key: &str) -> String {
        without_key(error, [Some(&Key::from(key)), None])
    }

    #[test]
    fn only_the_key_is_cut_and_not_a_word_that_is_the_same() {
        assert_eq!(
            cut("write file:///d \".\": it has a segment \".\"", "."),
            "write file:///d: it has a segment \".\""
        );
        assert_eq!(cut("put s3://b \"in/a\\nb\": denied (403)", "a\nb"), "put s3://b: denied (403)");
        assert_eq!(cut("put s3://b \"in/\": denied (403)", ""), "put s3://b: denied (403)");
        assert_eq!(cut("key \"a\" does not match \"{a}/b\"", "a"), "key does not match \"{a}/b\"");
        assert_eq!(cut("\"a\" is gone", "a"), "the object is gone");
        assert_eq!(cut("put s3://b \"ba\": denied", "a"), "put s3://b \"ba\": denied");
        let (source, there) = (Key::from("b"), Key::from("a.gz"));
        let error = "write file:///d \"out/a.gz\": \"b\" is there";
        assert_eq!(without_key(error, [Some(&source), Some(&there)]), "write file:///d: \"b\" is there");
    }
}
