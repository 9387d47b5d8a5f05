//! Which objects count as the same, and what is said of it.

use time::{Duration, OffsetDateTime, macros::datetime};
use transship_diff::{Criterion, Facts, Policy};
use transship_types::{Algorithm, Digest, ETag};

const NOON: OffsetDateTime = datetime!(2024-01-01 12:00 UTC);
const MD5: &str = "9e107d9d372bb6826bd81d3542a419d6";
const OTHER: &str = "e4d909c290d0fb1ca068ffaddf22cbd0";
const MIB: u64 = 1 << 20;

fn facts(size: u64, etag: &str, minutes: i64) -> Facts {
    let etag = Some(ETag::new(etag)).filter(|_| !etag.is_empty());
    Facts { size, modified: Some(NOON + Duration::minutes(minutes)), etag, digests: Vec::new() }
}

/// Whether they are the same, and why.
fn verdict(policy: &[Criterion], source: &Facts, destination: &Facts) -> (bool, String) {
    let verdict = Policy(policy.to_vec()).compare(source, destination);
    (verdict.is_same(), verdict.reason().to_string())
}

const LISTED: &[Criterion] = &[Criterion::Size, Criterion::ETag, Criterion::NotOlder];

#[test]
fn from_listings_alone_size_comes_first_then_etags_then_age() {
    let source = facts(1, MD5, 0);
    for (destination, same, why) in [
        (facts(2, MD5, 5), false, "size 1, there 2"),
        (facts(1, MD5, -5), true, "same ETag"),
        (facts(1, OTHER, 5), false, "another ETag"),
        (facts(1, "0x8DC", 5), true, "same size, and the destination is not older"),
        (facts(1, "0x8DC", -90), false, "the destination is older by 1h 30m"),
        (Facts { modified: None, ..facts(1, "", 0) }, false, "a time is not known"),
    ] {
        assert_eq!(verdict(LISTED, &source, &destination), (same, why.to_owned()));
    }
    assert_eq!(Policy::listed(), Policy(LISTED.to_vec()));
}

#[test]
fn etags_of_parts_are_compared_where_the_parts_can_only_have_been_of_one_size() {
    let of = |digest: &str, parts: u32| format!("{digest}-{parts}");
    let older = -1;
    // 100 MiB in 13 parts: 8 MiB each. In 7: 15 or 16 MiB.
    let thirteen = facts(100 * MIB, &of(MD5, 13), 0);
    let seven = facts(100 * MIB, &of(MD5, 7), 0);
    assert_eq!(verdict(LISTED, &thirteen, &facts(100 * MIB, &of(MD5, 13), older)).1, "same ETag");
    assert_eq!(verdict(LISTED, &thirteen, &facts(100 * MIB, &of(OTHER, 13), 1)).1, "another ETag");
    assert!(verdict(LISTED, &seven, &facts(100 * MIB, &of(OTHER, 7), 1)).0, "the parts may be other ones");
    assert!(verdict(LISTED, &thirteen, &seven).0, "another number of parts says nothing");
    assert!(verdict(LISTED, &thirteen, &facts(100 * MIB, MD5, 0)).0, "one part or many says nothing");
}

#[test]
fn a_digest_decides_where_both_sides_have_it() {
    let with = |byte: u8| {
        let digest = Digest { algorithm: Algorithm::Sha256, bytes: vec![byte; 32] };
        Facts { digests: vec![digest], ..facts(1, "", 0) }
    };
    let checksum = &[Criterion::Size, Criterion::Digest, Criterion::ETag];
    assert_eq!(verdict(checksum, &with(1), &with(1)), (true, "same sha256".to_owned()));
    assert_eq!(verdict(checksum, &with(1), &with(2)), (false, "another sha256".to_owned()));
    assert_eq!(verdict(checksum, &with(1), &facts(1, "", 0)), (true, "same size".to_owned()));
}

#[test]
fn times_within_the_window_are_the_same() {
    let window = Duration::seconds(1);
    let disks = &[Criterion::Size, Criterion::SameTime { window }];
    let shifted = |by: Duration| Facts { modified: Some(NOON + by), ..facts(1, "", 0) };
    assert_eq!(verdict(disks, &facts(1, "", 0), &shifted(window)).1, "same time");
    let by = Duration::milliseconds(1_006);
    assert_eq!(verdict(disks, &facts(1, "", 0), &shifted(by)).1, "the destination is newer by 1.006s");
    assert!(!verdict(disks, &facts(1, "", 0), &shifted(-by)).0);
}

#[test]
fn what_stands_first_decides() {
    let window = Duration::ZERO;
    let update = &[Criterion::Newer { window }, Criterion::Size];
    assert_eq!(verdict(update, &facts(1, "", 0), &facts(2, "", 3)).1, "the destination is newer by 3m 0s");
    assert_eq!(verdict(update, &facts(1, "", 0), &facts(1, "", -3)).1, "same size");
    assert_eq!(verdict(update, &facts(1, "", 0), &facts(2, "", 0)).1, "size 1, there 2");
    assert!(verdict(&[Criterion::Exists], &facts(1, "", 0), &facts(2, "", -3)).0);
    assert!(!verdict(&[Criterion::Always], &facts(1, MD5, 0), &facts(1, MD5, 0)).0);
    assert_eq!(verdict(&[], &facts(1, MD5, 0), &facts(2, OTHER, 0)).1, "same size");
}
