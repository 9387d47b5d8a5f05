//! What a dry run prints.

use transship::{
    mirror::{Change, Ends},
    report::{DestinationReport, ObjectReport},
    types::{Entry, Outcome},
};

use crate::results::DESTINATION;

/// A change as a line, and as the report's object. Nothing where nothing would happen.
pub(crate) fn foretold(change: &Change, ends: &Ends) -> (ObjectReport, Option<String>) {
    let source = |entry: &Entry| entry.key.strip_prefix(&ends.source.prefix).unwrap_or_else(|| entry.key.clone());
    let there = |entry: &Entry| entry.key.strip_prefix(&ends.destination.prefix).unwrap_or_else(|| entry.key.clone());
    let skipped = |reason: String| Outcome::Skipped { reason };
    let (entry, key, outcome, note, line) = match change {
        Change::Copy { source: entry, replaces } => {
            let why = replaces.as_ref().map_or_else(|| "not there yet".to_owned(), |(_, reason)| reason.to_string());
            let key = source(entry);
            let line = format!("copy {key}: {why}");
            (entry, key, Outcome::Planned, Some(why), Some(line))
        }
        Change::Same { source: entry, reason } => (entry, source(entry), skipped(reason.to_string()), None, None),
        Change::Unsure { source: entry, .. } => (entry, source(entry), Outcome::Planned, None, None),
        Change::Immutable { source: entry, reason } => {
            let error = format!("it differs ({reason}), and objects that are there must not be replaced");
            let key = source(entry);
            let line = format!("fail {key}: {error}");
            (entry, key, Outcome::Failed { error }, None, Some(line))
        }
        Change::Delete { destination } => {
            let key = there(destination);
            let line = format!("delete {key}: the source does not have it");
            (destination, key, Outcome::Planned, Some("deleted".to_owned()), Some(line))
        }
        Change::Extra { destination } => {
            (destination, there(destination), skipped("only at the destination".to_owned()), None, None)
        }
    };
    let mut object = ObjectReport::from(&Entry { key: key.clone(), ..entry.clone() });
    let notes = note.into_iter().collect();
    object.destinations.push(DestinationReport { notes, ..DestinationReport::new(DESTINATION, key, outcome) });
    (object, line)
}
