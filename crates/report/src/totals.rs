use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use transship_types::{Outcome, Strength};

use crate::{DestinationReport, Failures, ObjectReport, Place, Verdict};

/// How many objects came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Written, and all right everywhere.
    pub copied: u64,
    /// Had to be written nowhere.
    pub skipped: u64,
    /// Failed somewhere.
    pub failed: u64,
    /// Not finished because the run was being stopped.
    pub cancelled: u64,
    /// Would be written, in a dry run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub planned: u64,
    /// Would be deleted, in a dry run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub planned_deletions: u64,
    /// Deleted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deleted: u64,
}

impl Counts {
    fn add(&mut self, verdict: Verdict) {
        *match verdict {
            Verdict::Copied => &mut self.copied,
            Verdict::Skipped => &mut self.skipped,
            Verdict::Failed => &mut self.failed,
            Verdict::Cancelled => &mut self.cancelled,
            Verdict::Planned => &mut self.planned,
            Verdict::PlannedDeletion => &mut self.planned_deletions,
            Verdict::Deleted => &mut self.deleted,
        } += 1;
    }
}

/// What a run's objects add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Objects.
    pub objects: u64,
    /// Their bytes at the source, as far as they are known.
    pub bytes: u64,
    /// What became of them: of each the gravest of its outcomes.
    #[serde(flatten)]
    pub counts: Counts,
    /// Bytes of objects that were deleted, or would be in a dry run.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub bytes_deleted: u64,
    /// Objects that were replaced or deleted and are kept elsewhere.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub kept: u64,
    /// Objects that had changed since they were listed.
    pub changed_since_listing: u64,
    /// Times that an object's bytes were requested from the source.
    pub source_reads: u64,
    /// Bytes written, over all destinations.
    pub bytes_written: u64,
    /// Copies by the strength at which they were verified, over all destinations.
    pub verified: BTreeMap<Strength, u64>,
    /// The same for each destination.
    pub destinations: Vec<DestinationTotals>,
    /// Why objects were not written, with how many there were, over all destinations. Reasons beyond the first twenty
    /// are counted together, as `other reasons`.
    pub skipped_because: BTreeMap<String, u64>,
    /// What was noted of copies, with how many there were, over all destinations, as reasons are counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, u64>,
    /// Why objects failed.
    pub failures: Failures,
}

/// What one destination's objects add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestinationTotals {
    /// Its name.
    pub name: String,
    /// What became of objects there.
    #[serde(flatten)]
    pub counts: Counts,
    /// Bytes at the source of those that would be written.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub planned_bytes: u64,
    /// Bytes written.
    pub bytes: u64,
    /// Attempts, the first ones included.
    pub attempts: u64,
    /// Copies by the strength at which they were verified.
    pub verified: BTreeMap<Strength, u64>,
    /// Why objects were not written, with how many there were, as over all destinations.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub skipped_because: BTreeMap<String, u64>,
}

impl DestinationTotals {
    fn add(&mut self, object: &ObjectReport, report: &DestinationReport) {
        self.bytes += report.bytes;
        self.attempts += u64::from(report.attempts);
        self.counts.add(report.verdict());
        if let Some(strength) = report.verified() {
            *self.verified.entry(strength).or_default() += 1;
        }
        match &report.outcome {
            Outcome::Skipped { reason } => count(&mut self.skipped_because, reason),
            Outcome::Planned => self.planned_bytes += object.size.unwrap_or(0),
            _ => {}
        }
    }
}

fn count(reasons: &mut BTreeMap<String, u64>, reason: &str) {
    if let Some(known) = reasons.get_mut(reason) {
        *known += 1;
        return;
    }
    let reason = if reasons.len() < 20 { reason } else { "other reasons" };
    *reasons.entry(reason.to_owned()).or_default() += 1;
}

#[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Totals {
    /// Nothing yet, for these destinations: each is told of, also where no object gets to it.
    pub fn of(destinations: &[Place]) -> Self {
        let named = |place: &Place| DestinationTotals { name: place.name.clone(), ..DestinationTotals::default() };
        Self { destinations: destinations.iter().map(named).collect(), ..Self::default() }
    }

    /// Counts one object.
    pub fn add(&mut self, object: &ObjectReport) {
        self.objects += 1;
        self.bytes += object.size.unwrap_or(0);
        self.counts.add(object.verdict());
        self.changed_since_listing += u64::from(object.changed_since_listing);
        self.source_reads += u64::from(object.source_reads);
        for report in &object.destinations {
            self.destination(&report.destination).add(object, report);
            self.bytes_written += report.bytes;
            if matches!(report.outcome, Outcome::Deleted | Outcome::PlannedDeletion) {
                self.bytes_deleted += report.was.as_ref().map_or(0, |was| was.size);
            }
            self.kept += u64::from(report.kept_as.is_some());
            if let Some(strength) = report.verified() {
                *self.verified.entry(strength).or_default() += 1;
            }
            self.failures.add(&object.key, report);
            if matches!(report.outcome, Outcome::Copied { .. }) {
                report.notes.iter().for_each(|note| count(&mut self.notes, note));
            }
            if let Outcome::Skipped { reason } = &report.outcome {
                count(&mut self.skipped_because, reason);
            }
        }
    }

    /// Counts one object that had to be written nowhere, without a report of it.
    pub fn skip(&mut self, destination: &str, bytes: u64, reason: &str) {
        self.objects += 1;
        self.bytes += bytes;
        self.counts.skipped += 1;
        count(&mut self.skipped_because, reason);
        let there = self.destination(destination);
        there.counts.skipped += 1;
        count(&mut there.skipped_because, reason);
    }

    fn destination(&mut self, name: &str) -> &mut DestinationTotals {
        let at = self.destinations.iter().position(|totals| totals.name == name).unwrap_or_else(|| {
            self.destinations.push(DestinationTotals { name: name.to_owned(), ..DestinationTotals::default() });
            self.destinations.len() - 1
        });
        &mut self.destinations[at]
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use transship_types::{Entry, Key};

    use super::*;

    #[test]
    fn an_object_that_is_only_counted_counts_as_one_that_is_reported() {
        let place = Place { name: "backup".to_owned(), location: "s3://backup".to_owned() };
        let (mut counted, mut added) = (Totals::of(std::slice::from_ref(&place)), Totals::of(&[place]));
        for n in 0..25_u64 {
            let (reason, last_modified) = (format!("reason {n}"), OffsetDateTime::UNIX_EPOCH);
            let entry = Entry { key: Key::from("a"), size: n, last_modified, etag: None, storage_class: None };
            let mut object = ObjectReport::from(&entry);
            let outcome = Outcome::Skipped { reason: reason.clone() };
            object.destinations.push(DestinationReport::new("backup", Key::from("a"), outcome));
            counted.skip("backup", n, &reason);
            added.add(&object);
        }
        assert_eq!(counted, added);
        assert_eq!((counted.objects, counted.skipped_because["other reasons"]), (25, 5));
    }
}
