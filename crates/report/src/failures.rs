use serde::{Deserialize, Serialize};
use transship_types::Key;

use crate::DestinationReport;

/// How many different reasons are kept, and how many keys as examples of all of them together. Whatever comes after
/// is only counted, so that a run in which everything fails needs no more memory than any other.
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
    pub(crate) fn add(&mut self, key: &Key, report: &DestinationReport, error: &str) {
        let error = without_keys(error, [Some(key), report.key.as_ref()]);
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
        if examples < EXAMPLES {
            reason.examples.push(key.clone());
        }
    }
}

/// Errors quote keys the way that Rust quotes text, or print them as they are.
fn without_keys(error: &str, keys: [Option<&Key>; 2]) -> String {
    let mut error = error.to_owned();
    for key in keys.into_iter().flatten() {
        error =
            error.replace(&format!(" {:?}", key.as_str()), "").replace(&format!("{:?}", key.as_str()), "the object");
    }
    error
}
