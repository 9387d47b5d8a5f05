//! What a run has to do next.

use transship_report::ObjectReport;
use transship_transfer::Copied;

use crate::{Plan, Planned, Result, Route, found::Found, outcome};

/// One object, and what is to be done with it.
pub(crate) struct Due {
    pub(crate) planned: Planned,
    /// Size, time and ETag are only hints.
    pub(crate) hint: bool,
    changed: bool,
}

impl Due {
    /// What came of it.
    pub(crate) fn report(&self, route: &Route, copied: Option<Copied>) -> ObjectReport {
        let mut report = outcome::report(route, &self.planned, copied);
        report.changed_since_listing |= self.changed;
        report
    }
}

impl Plan {
    pub(crate) fn due(&self, found: Found) -> Result<Due> {
        let Found { entry, hint, changed, failure } = found;
        let planned = match failure {
            None => self.decide(entry)?,
            Some(error) => self.fail(entry, &error),
        };
        Ok(Due { planned, hint, changed })
    }
}
