use std::fmt;

use super::{Outcome, profile::Profile};

/// How a suite went. Prints each failed case by name.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The profile's name.
    pub suite: String,
    /// Cases that passed.
    pub passed: Vec<String>,
    /// Cases that failed as the profile says they do, each with what happened.
    pub deviated: Vec<(String, String)>,
    /// Cases that failed, each with what happened: broken promises, and deviations that are no longer there.
    pub failed: Vec<(String, String)>,
    /// Cases in which the store said that it cannot do this.
    pub not_offered: Vec<String>,
    /// Cases that the store's capabilities or the profile's doors left out.
    pub not_chosen: Vec<String>,
}

impl Report {
    pub(super) fn new(profile: &Profile) -> Self {
        Self { suite: profile.name.clone(), ..Self::default() }
    }

    pub(super) fn not_chosen(&mut self, case: &str) {
        self.not_chosen.push(case.to_owned());
    }

    pub(super) fn add(&mut self, case: &str, outcome: Outcome, profile: &Profile) {
        let case = case.to_owned();
        match (outcome, profile.deviation(&case)) {
            (Outcome::Passed, Some(known)) if known.always => {
                self.failed.push((case, format!("passes, though a deviation is noted: {}", known.observed)));
            }
            (Outcome::Passed, _) => self.passed.push(case),
            (Outcome::NotOffered(_), _) if !profile.offers_all => self.not_offered.push(case),
            (Outcome::NotOffered(what) | Outcome::Broken(what) | Outcome::Failed(what), Some(_)) => {
                self.deviated.push((case, what))
            }
            (Outcome::NotOffered(what) | Outcome::Broken(what) | Outcome::Failed(what), None) => {
                self.failed.push((case, what))
            }
        }
    }

    pub(super) fn finish(mut self, profile: &Profile) -> Self {
        for deviation in profile.deviations {
            let named = |case: &str| case == deviation.case;
            let known = self.deviated.iter().chain(&self.failed).any(|(case, _)| named(case));
            if !known && !self.not_offered.iter().chain(&self.passed).any(|case| named(case)) {
                self.failed.push((deviation.case.to_owned(), "a deviation is noted, but no such case ran".to_owned()));
            }
        }
        for list in [&mut self.passed, &mut self.not_offered, &mut self.not_chosen] {
            list.sort();
        }
        self.deviated.sort();
        self.failed.sort();
        self
    }

    /// Whether every promise was kept, but for the deviations that are known.
    pub fn passes(&self) -> bool {
        self.failed.is_empty() && !self.passed.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} cases passed, {} deviated as known, {} failed, {} not offered, {} not chosen",
            self.suite,
            self.passed.len(),
            self.deviated.len(),
            self.failed.len(),
            self.not_offered.len(),
            self.not_chosen.len()
        )?;
        for (case, what) in &self.failed {
            writeln!(f, "  FAILED {case}\n    {what}")?;
        }
        for (case, what) in &self.deviated {
            writeln!(f, "  deviates: {case}\n    {what}")?;
        }
        for case in &self.not_offered {
            writeln!(f, "  not offered: {case}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::profile::Deviation;
    use super::*;

    const DEVIATIONS: &[Deviation] = &[
        Deviation::always("water is wet", "It is dry."),
        Deviation::always("the sun rises", "It does not."),
        Deviation::sometimes("birds fly", "Some are penguins."),
        Deviation::sometimes("a typing error", "-"),
    ];

    #[test]
    fn a_deviation_that_went_away_or_never_was_fails_the_suite() {
        let profile = Profile { deviations: DEVIATIONS, offers_all: true, ..Profile::new("test") };
        let mut report = Report::new(&profile);
        report.add("water is wet", Outcome::Failed("dry".to_owned()), &profile);
        report.add("the sun rises", Outcome::Passed, &profile);
        report.add("birds fly", Outcome::Passed, &profile);
        report.add("birds sing", Outcome::NotOffered("no".to_owned()), &profile);
        let report = report.finish(&profile);
        assert_eq!(report.deviated.len(), 1);
        let failed: Vec<_> = report.failed.iter().map(|(case, _)| case.as_str()).collect();
        assert_eq!(failed, ["a typing error", "birds sing", "the sun rises"]);
        assert!(!report.passes());
    }
}
