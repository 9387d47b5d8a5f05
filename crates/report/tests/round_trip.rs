//! A report that was written is JSON, holds what was put in, and adds up.
#![allow(clippy::unwrap_used, clippy::panic)] // in what the tests call, too

use std::{collections::BTreeMap, time::Duration};

use proptest::{collection::vec, option, prelude::*};
use time::OffsetDateTime;
use transship_report::{
    Counts, DestinationReport, Ending, Former, Header, ObjectReport, Place, Report, ReportWriter, SCHEMA,
    StoreRequests, Totals, Verdict,
};
use transship_types::{ETag, Key, Outcome, Strength};

fn strength() -> impl Strategy<Value = Strength> {
    use Strength::{Crc32c, Crc64nvme, Md5, MultipartEtag, Reread, Sha256, Size};
    prop::sample::select(vec![Sha256, Md5, MultipartEtag, Crc64nvme, Crc32c, Reread, Size])
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        strength().prop_map(|verified| Outcome::Copied { verified }),
        any::<String>().prop_map(|reason| Outcome::Skipped { reason }),
        any::<String>().prop_map(|error| Outcome::Failed { error }),
        Just(Outcome::Cancelled),
        Just(Outcome::Planned),
        Just(Outcome::Deleted),
        Just(Outcome::PlannedDeletion),
    ]
}

fn time() -> impl Strategy<Value = OffsetDateTime> {
    (0..4_000_000_000i64).prop_map(|s| OffsetDateTime::from_unix_timestamp(s).unwrap())
}

prop_compose! {
    fn destination()(
        destination in "[abc]",
        key in option::of(any::<String>()),
        outcome in outcome(),
        because in option::of(any::<String>()),
        kept_as in option::of(any::<String>()),
        bytes in 0..1u64 << 40,
        attempts in any::<u32>(),
        millis in 0..1u64 << 40,
        notes in vec(any::<String>(), 0..2),
    ) -> DestinationReport {
        let duration = Duration::from_millis(millis);
        let was = (bytes % 2 == 0).then_some(Former { size: bytes, last_modified: OffsetDateTime::UNIX_EPOCH, e_tag: None });
        let (key, kept_as) = (key.map(Key::from), kept_as.map(Key::from));
        DestinationReport { destination, key, outcome, because, was, kept_as, bytes, attempts, duration, notes }
    }
}

prop_compose! {
    fn object()(
        key in any::<String>(),
        size in option::of(0..1u64 << 40),
        last_modified in option::of(time()),
        e_tag in option::of("[0-9a-f]{32}"),
        changed_since_listing in any::<bool>(),
        source_reads in any::<u32>(),
        destinations in vec(destination(), 0..4),
    ) -> ObjectReport {
        let (key, e_tag) = (Key::from(key), e_tag.map(|tag| ETag::new(&tag)));
        ObjectReport { key, size, last_modified, e_tag, changed_since_listing, source_reads, destinations }
    }
}

fn header() -> Header {
    let place = |name: &str| Place { name: name.into(), location: format!("s3://{name}") };
    Header {
        started: OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap(),
        source: Some(place("source")),
        destinations: vec![place("a"), place("b")],
        ..Header::new("solgate", "1.2.3", "sync")
    }
}

fn write(objects: &[ObjectReport], ending: &Ending) -> (Vec<u8>, Totals) {
    let header = header();
    let mut totals = Totals::of(&header.destinations);
    let mut writer = ReportWriter::start(Vec::new(), &header).unwrap();
    for object in objects {
        writer.object(object).unwrap();
        totals.add(object);
    }
    (writer.finish(ending, &totals).unwrap(), totals)
}

fn ending() -> Ending {
    Ending {
        finished: OffsetDateTime::from_unix_timestamp(1_700_000_010).unwrap(),
        error: Some("stopped by SIGTERM".into()),
        requests: vec![StoreRequests { store: "source".into(), get: 7, ..StoreRequests::default() }],
        ..Ending::now(6)
    }
}

proptest! {
    #[test]
    fn what_was_written_is_read_again_and_adds_up(objects in vec(object(), 0..20)) {
        let (json, totals) = write(&objects, &ending());
        let report = Report::read(&json[..]).unwrap();
        prop_assert_eq!(&report.objects, &objects);
        prop_assert_eq!(&report.header, &header());
        prop_assert_eq!(&report.ending, &ending());
        prop_assert_eq!(&report.totals, &totals);
        let verdicts = |which| objects.iter().filter(|o| o.verdict() == which).count() as u64;
        prop_assert_eq!(totals.objects, objects.len() as u64);
        prop_assert_eq!(totals.counts.copied, verdicts(Verdict::Copied));
        prop_assert_eq!(totals.counts.failed, verdicts(Verdict::Failed));
        let Counts { copied, skipped, failed, cancelled, planned, planned_deletions, deleted } = totals.counts;
        let outcomes = copied + skipped + failed + cancelled + planned + planned_deletions + deleted;
        prop_assert_eq!(outcomes, totals.objects);
        prop_assert_eq!(totals.bytes, objects.iter().filter_map(|o| o.size).sum::<u64>());
        let all = || objects.iter().flat_map(|o| &o.destinations);
        prop_assert_eq!(totals.bytes_written, all().map(|d| d.bytes).sum::<u64>());
        for sums in &totals.destinations {
            let mine = || all().filter(|d| d.destination == sums.name);
            prop_assert_eq!(sums.bytes, mine().map(|d| d.bytes).sum::<u64>());
            let written = sums.counts.copied + sums.counts.skipped + sums.counts.failed + sums.counts.cancelled + sums.counts.planned;
            prop_assert_eq!(written + sums.counts.planned_deletions + sums.counts.deleted, mine().count() as u64);
            prop_assert_eq!(sums.verified.values().sum::<u64>(), sums.counts.copied);
        }
        let failed = all().filter(|d| matches!(d.outcome, Outcome::Failed { .. })).count() as u64;
        let reasons = totals.failures.reasons.iter().map(|r| r.count).sum::<u64>() + totals.failures.others;
        prop_assert_eq!(reasons, failed);
    }
}

#[test]
fn the_form_is_the_documented_one() {
    let mut object = ObjectReport::new(Key::from("a//b\nc"));
    object.size = Some(10);
    object.last_modified = Some(OffsetDateTime::from_unix_timestamp(1_699_999_999).unwrap());
    object.e_tag = Some(ETag::new("9e107d9d372bb6826bd81d3542a419d6"));
    object.source_reads = 1;
    let copied = Outcome::Copied { verified: Strength::Md5 };
    object.destinations = vec![
        DestinationReport {
            bytes: 10,
            attempts: 2,
            duration: Duration::from_millis(1500),
            ..DestinationReport::new("a", Key::from("x/a//b"), copied)
        },
        DestinationReport::new("b", None, Outcome::Failed { error: "put s3://b \"a//b\\nc\": denied (403)".into() }),
    ];
    let (json, _) = write(&[object, ObjectReport::new(Key::from("only"))], &ending());
    insta::assert_snapshot!(String::from_utf8(json).unwrap());
}

#[test]
fn an_empty_run_is_a_report_as_well() {
    let (json, _) = write(&[], &Ending { finished: header().started, ..Ending::now(3) });
    let report = Report::read(&json[..]).unwrap();
    assert_eq!((report.objects.len(), report.bytes_written_per_second, report.schema.as_str()), (0, 0.0, SCHEMA));
    assert_eq!(report.totals.destinations.len(), 2, "each destination is told of");
}

#[test]
fn a_report_that_was_never_finished_is_no_json() {
    let writer = ReportWriter::start(Vec::new(), &header());
    drop(writer);
    let (json, _) = write(&[ObjectReport::new(Key::from("k"))], &ending());
    for cut in [1, 10, json.len() / 2, json.len() - 3] {
        assert!(Report::read(&json[..cut]).is_err());
    }
}

#[test]
fn a_report_of_another_version_is_refused() {
    let (json, _) = write(&[], &ending());
    let other = String::from_utf8(json).unwrap().replace(SCHEMA, "transship.report/2");
    assert!(Report::read(other.as_bytes()).unwrap_err().to_string().contains("transship.report/2"));
}

#[test]
fn a_run_in_which_everything_fails_needs_no_more_memory() {
    let mut totals = Totals::default();
    for n in 0..10_000 {
        let mut object = ObjectReport::new(Key::from(format!("key-{n}")));
        let error = match n % 3 {
            0 => format!("get s3://b \"key-{n}\": denied (403)"),
            1 => format!("\"key-{n}\" does not match the formatter"),
            _ => format!("random {n}"),
        };
        object.destinations.push(DestinationReport::new("a", None, Outcome::Failed { error }));
        totals.add(&object);
    }
    let failures = &totals.failures;
    assert_eq!(failures.reasons.len(), 20);
    let counts: BTreeMap<_, _> = failures.reasons.iter().map(|r| (r.error.as_str(), r.count)).collect();
    assert_eq!((counts["get s3://b: denied (403)"], counts["the object does not match the formatter"]), (3334, 3333));
    // Ten that came first, and one for each reason that came later.
    assert!(failures.reasons.iter().all(|reason| !reason.examples.is_empty()));
    assert_eq!(failures.reasons.iter().map(|r| r.examples.len()).sum::<usize>(), 25);
    assert_eq!(failures.others, 3333 - 18);
}
