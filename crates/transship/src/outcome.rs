//! From what the engine did to what the report says.

use time::OffsetDateTime;
use transship_report::{DestinationReport, ObjectReport};
use transship_transfer::{Copied, Done, Doubt, Failure, Placed};
use transship_types::{Entry, Key, Outcome, Strength};

use crate::{Decision, Planned, PlannedTarget, Route};

/// An object that came back from the engine, together with what had been decided without it.
pub(crate) fn report(route: &Route, planned: &Planned, copied: Option<Copied>) -> ObjectReport {
    let seen = copied.as_ref().map_or(&planned.source, |c| &c.source);
    let mut object = ObjectReport::from(&Entry { key: route.relative(&seen.key), ..seen.clone() });
    object.changed_since_listing = copied.as_ref().is_some_and(|c| c.changed);
    object.source_reads = copied.as_ref().map_or(0, |c| c.source_reads);
    let mut placed = copied.map(|c| c.targets).unwrap_or_default().into_iter();
    for target in &planned.targets {
        let name = &route.legs[target.leg].name;
        object.destinations.push(match &target.decision {
            Decision::Write { .. } => match placed.next() {
                Some(placed) => {
                    let prefix = &route.legs[placed.target.destination].place.prefix;
                    of_placed(prefix, name, placed, object.last_modified)
                }
                None => of_target(route, name, target, Outcome::Cancelled),
            },
            Decision::GiveWay { to } => given_way(route, name, target, to),
            Decision::Skip { reason } => of_target(route, name, target, Outcome::Skipped { reason: reason.clone() }),
            Decision::Fail { error } => of_target(route, name, target, Outcome::Failed { error: error.clone() }),
        });
    }
    object
}

fn of_target(route: &Route, name: &str, target: &PlannedTarget, outcome: Outcome) -> DestinationReport {
    let prefix = &route.legs[target.leg].place.prefix;
    let key = target.key.as_ref().and_then(|key| key.strip_prefix(prefix));
    DestinationReport::new(name, key, outcome)
}

/// The reason is the same for all, so that they can be counted; which object it was stands beside it.
fn given_way(route: &Route, name: &str, target: &PlannedTarget, to: &Key) -> DestinationReport {
    let reason = "a newer object gets the same key".to_owned();
    let report = of_target(route, name, target, Outcome::Skipped { reason });
    DestinationReport { notes: vec![format!("the newer object is {:?}", to.as_str())], ..report }
}

pub(crate) fn of_placed(prefix: &str, name: &str, placed: Placed, source: Option<OffsetDateTime>) -> DestinationReport {
    let skipped = |reason: &str| Outcome::Skipped { reason: reason.to_owned() };
    let mut notes: Vec<String> = placed.not_kept.iter().map(|what| format!("{what} not kept")).collect();
    let mut bytes = 0;
    let outcome = match placed.result {
        Ok(Done::Copied { verified, bytes: written, on_server, split, doubt, .. }) => {
            bytes = written;
            let said = [
                on_server.then_some("copied by the server"),
                (on_server && verified == Strength::Md5).then_some("by the server's own ETag"),
                split.then_some("split into parts"),
                doubt.map(about),
            ];
            notes.extend(said.into_iter().flatten().map(str::to_owned));
            Outcome::Copied { verified }
        }
        Ok(Done::KeptNewer(there)) if Some(there) == source => skipped("already there"),
        Ok(Done::KeptNewer(_)) => skipped("newer at the destination"),
        Err(Failure::Cancelled) => Outcome::Cancelled,
        Err(Failure::Error(error)) => Outcome::Failed { error: error.to_string() },
    };
    let key = placed.target.key.strip_prefix(prefix);
    DestinationReport {
        bytes,
        attempts: placed.attempts,
        duration: placed.duration,
        notes,
        ..DestinationReport::new(name, key, outcome)
    }
}

fn about(doubt: Doubt) -> &'static str {
    match doubt {
        Doubt::Contradicted => "the source's ETag is not the MD5 of what it sends",
        _ => "the source's ETag could not be confirmed",
    }
}
