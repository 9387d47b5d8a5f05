//! Which failures are logged.

use std::collections::HashMap;

use transship::{report::ObjectReport, types::Outcome};

/// How many objects are named in the log for each reason, and for how many reasons. Where everything fails, summary,
/// failed list and report tell the rest: twenty thousand equal lines help nobody.
const NAMED: u64 = 20;
const REASONS: usize = 20;

/// Counts failures by destination and reason.
#[derive(Default)]
pub(crate) struct Failures {
    reasons: HashMap<(String, String), u64>,
    others: u64,
}

impl Failures {
    /// Logs what failed: while there are few of the kind, or all where they are named nowhere else.
    pub(crate) fn tell(&mut self, object: &ObjectReport, elsewhere: Option<&str>) {
        for report in &object.destinations {
            let Outcome::Failed { error } = &report.outcome else { continue };
            let destination = &report.destination;
            let count = self.count(destination, report.reason(&object.key).unwrap_or_default());
            if count <= NAMED || elsewhere.is_none() {
                tracing::error!(key = %object.key, destination, "{error}");
            }
            if let Some(place) = elsewhere.filter(|_| count == NAMED) {
                tracing::error!(destination, "further objects that fail like this are named in {place} only");
            }
        }
    }

    fn count(&mut self, destination: &str, reason: String) -> u64 {
        let known = self.reasons.len();
        let key = (destination.to_owned(), reason);
        let count = match self.reasons.get_mut(&key) {
            Some(count) => count,
            None if known < REASONS => self.reasons.entry(key).or_default(),
            None => &mut self.others,
        };
        *count += 1;
        *count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_by_themselves_up_to_a_bound() {
        let mut failures = Failures::default();
        assert_eq!(failures.count("a", "gone".into()), 1);
        assert_eq!(failures.count("a", "gone".into()), 2);
        assert_eq!(failures.count("b", "gone".into()), 1);
        for n in 0..10 * REASONS {
            failures.count("a", format!("reason {n}"));
        }
        assert_eq!(failures.reasons.len(), REASONS);
    }
}
