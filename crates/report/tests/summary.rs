//! What people read.
#![allow(clippy::unwrap_used)] // in what the tests call, too

use time::OffsetDateTime;
use transship_report::{DestinationReport, Ending, Header, ObjectReport, Place, StoreRequests, Summary, Totals};
use transship_types::{Key, Outcome, Strength};

fn header() -> Header {
    let place = |name: &str| Place { name: name.into(), location: format!("file:///data/{name}/") };
    Header {
        started: OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap(),
        destinations: vec![place("historic"), place("latest")],
        ..Header::new("solgate", "1.2.3", "sync")
    }
}

fn ending(seconds: i64, exit_code: u8) -> Ending {
    let finished = header().started + time::Duration::seconds(seconds);
    let requests = vec![StoreRequests { store: "source".into(), get: 3_000, put: 21, ..StoreRequests::default() }];
    Ending { finished, requests, ..Ending::now(exit_code) }
}

fn add(totals: &mut Totals, count: u64, outcome: &Outcome, size: u64) {
    for n in 0..count {
        let mut object = ObjectReport::new(Key::from(format!("2024/{n}\u{1b}.csv")));
        object.size = Some(size);
        for name in ["historic", "latest"] {
            let bytes = if matches!(outcome, Outcome::Copied { .. }) { size } else { 0 };
            object
                .destinations
                .push(DestinationReport { bytes, ..DestinationReport::new(name, None, outcome.clone()) });
        }
        totals.add(&object);
    }
}

#[test]
fn a_good_run_is_told_in_a_few_lines() {
    let (header, ending) = (header(), ending(75, 0));
    let mut totals = Totals::of(&header.destinations);
    add(&mut totals, 1234, &Outcome::Copied { verified: Strength::Md5 }, 3 << 20);
    add(&mut totals, 2, &Outcome::Copied { verified: Strength::Size }, 10);
    add(&mut totals, 3, &Outcome::Skipped { reason: "equal".into() }, 10);
    let files = [("report", "run.json".to_owned())];
    let meaning = "all done, all verified";
    let summary = Summary { header: &header, ending: &ending, totals: &totals, meaning, files: &files };
    insta::assert_snapshot!(summary.to_string());
}

#[test]
fn a_dry_run_tells_what_would_be_done() {
    let (mut header, ending) = (header(), ending(1, 4));
    header.dry_run = true;
    let mut totals = Totals::of(&header.destinations);
    add(&mut totals, 1234, &Outcome::Planned, 3 << 20);
    add(&mut totals, 3, &Outcome::Skipped { reason: "already there".into() }, 10);
    add(&mut totals, 2, &Outcome::Skipped { reason: "a newer object gets the same key".into() }, 10);
    add(&mut totals, 1, &Outcome::Failed { error: "the key cannot be held".into() }, 10);
    add(&mut totals, 5, &Outcome::PlannedDeletion, 10);
    let meaning = "some objects failed; the rest are done";
    let summary = Summary { header: &header, ending: &ending, totals: &totals, meaning, files: &[] };
    insta::assert_snapshot!(summary.to_string());
}

#[test]
fn failures_are_grouped_by_reason_with_examples() {
    let (header, mut ending) = (header(), ending(4000, 4));
    ending.error = Some("stopped by SIGTERM".into());
    let mut totals = Totals::of(&header.destinations);
    add(&mut totals, 7, &Outcome::Failed { error: "put s3://x: denied (403 AccessDenied)".into() }, 10);
    add(&mut totals, 1, &Outcome::Cancelled, 10);
    let meaning = "some objects failed; the rest are done";
    let summary = Summary { header: &header, ending: &ending, totals: &totals, meaning, files: &[] };
    insta::assert_snapshot!(summary.to_string());
}

#[test]
fn a_run_without_objects_is_told_too() {
    let (header, ending) = (Header { dry_run: true, ..header() }, ending(0, 3));
    let totals = Totals::of(&header.destinations);
    let summary = Summary { header: &header, ending: &ending, totals: &totals, meaning: "nothing to do", files: &[] };
    insta::assert_snapshot!(summary.to_string());
}
