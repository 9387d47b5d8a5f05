//! What a dry run prints.

use transship::{
    mirror::{Change, DESTINATION, Ends},
    report::{DestinationReport, ObjectReport},
    types::{Entry, Outcome},
};

/// A change as a line, and as the report's object. Nothing where nothing would happen.
pub(crate) fn foretold(change: &Change, ends: &Ends) -> (ObjectReport, Option<String>) {
    let because = change.because();
    let (entry, place, outcome, line) = match change {
        Change::Copy { source, .. } => (source, &ends.source, Outcome::Planned, Some("copy")),
        Change::Same { source, .. } => (source, &ends.source, Outcome::Skipped { reason: because.clone() }, None),
        Change::Immutable { source, .. } | Change::Impossible { source, .. } => {
            let error = change.error().unwrap_or_default();
            (source, &ends.source, Outcome::Failed { error }, Some("fail"))
        }
        Change::Delete { destination, .. } => {
            (destination, &ends.destination, Outcome::PlannedDeletion, Some("delete"))
        }
        Change::Extra { destination } => {
            (destination, &ends.destination, Outcome::Skipped { reason: because.clone() }, None)
        }
    };
    let key = entry.key.strip_prefix(&place.prefix).unwrap_or_else(|| entry.key.clone());
    let line = line.map(|verb| match &outcome {
        Outcome::Failed { error } => format!("{verb} {key}: {error}"),
        _ => format!("{verb} {key}: {because}"),
    });
    let mut object = match outcome {
        // What only the destination has is nothing at the source.
        Outcome::PlannedDeletion => ObjectReport::new(key.clone()),
        _ => ObjectReport::from(&Entry { key: key.clone(), ..entry.clone() }),
    };
    let because = (!matches!(outcome, Outcome::Skipped { .. })).then_some(because);
    let was = match change {
        Change::Delete { destination, .. } => Some(destination.into()),
        Change::Copy { replaces: Some((there, _)), .. } => Some(there.into()),
        _ => None,
    };
    object.destinations.push(DestinationReport { because, was, ..DestinationReport::new(DESTINATION, key, outcome) });
    (object, line)
}
