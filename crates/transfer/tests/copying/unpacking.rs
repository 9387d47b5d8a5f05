//! Gzip that is unpacked on the way.

use std::io::Write;

use bytes::Bytes;
use transship_store::ErrorKind;
use transship_testbed::s3::{Attributes, Effect, Fault, Operation as Op, StoredObject};
use transship_transfer::{Copied, Copier, Done, Job, Target};
use transship_types::{ErrorClass, Strength};

use crate::stage::{BUCKET, MIB, Stage, content, directory, error, memory, opened, read, strength, verified};

pub(crate) fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().into()
}

/// To the first `destinations`, unpacked, as `unpacked`.
async fn unpack(stage: &Stage, copier: &Copier, destinations: usize) -> Copied {
    let target = |destination| Target { destination, key: "unpacked".into(), unpack: true, newest_wins: false };
    let targets = (0..destinations).map(target).collect();
    copier.copy(Job { source: stage.listed("packed.gz").await, hint: false, targets }).await
}

#[tokio::test]
async fn a_small_archive_takes_one_get_and_one_put() {
    let stage = Stage::new().await;
    let bytes = content(5000, 1);
    stage.source.put_object(BUCKET, "packed.gz", gzip(&bytes));
    let copied = unpack(&stage, &stage.copier(), 1).await;
    assert_eq!((strength(&copied), copied.source_reads), (Strength::Md5, 1));
    assert!(matches!(copied.targets[0].result, Ok(Done::Copied { bytes: 5000, .. })), "bytes are those written");
    assert!(stage.site().requests_of(Op::PutObject)[0].header("content-md5").is_some());
    assert_eq!(stage.requests(), (vec![(Op::GetObject, 1)], vec![(Op::PutObject, 1)]));
    assert_eq!(stage.arrived(0, "unpacked").unwrap(), bytes);
}

#[tokio::test]
async fn every_member_of_an_archive_is_unpacked() {
    let stage = Stage::new().await;
    let members = [content(3_000_000, 1), Bytes::new(), content(12 * MIB, 2), Bytes::from_static(b"end")];
    stage.source.put_object(BUCKET, "packed.gz", members.iter().flat_map(|m| gzip(m)).collect::<Bytes>());
    let copied = unpack(&stage, &stage.copier(), 1).await;
    assert_eq!(strength(&copied), Strength::MultipartEtag, "written in parts whose digests are known");
    assert_eq!(stage.arrived(0, "unpacked").unwrap(), members.concat());
}

#[tokio::test]
async fn an_archive_that_was_padded_with_zeros_is_unpacked() {
    let stage = Stage::new().await;
    for (size, padding) in [(5000, 1), (12 * MIB, 500_000)] {
        let bytes = content(size, 10);
        let padded: Bytes = [gzip(&bytes), gzip(b"end"), vec![0; padding].into()].concat().into();
        stage.source.put_object(BUCKET, "packed.gz", padded);
        let copied = unpack(&stage, &stage.copier(), 1).await;
        assert!(strength(&copied) <= Strength::MultipartEtag, "the packed bytes, padding too, are those of the ETag");
        assert_eq!(stage.arrived(0, "unpacked").unwrap(), [&bytes[..], b"end"].concat());
    }
}

#[tokio::test]
async fn headers_about_the_archive_stay_with_it() {
    let stage = Stage::new().await;
    let attributes = Attributes {
        content_type: Some("application/gzip".into()),
        content_encoding: Some("gzip".into()),
        cache_control: Some("no-store".into()),
        metadata: [("owner".to_owned(), "jo".to_owned())].into(),
        ..Attributes::default()
    };
    stage.put("packed.gz", StoredObject::new(gzip(b"text")).with_attributes(attributes.clone()));
    unpack(&stage, &stage.copier(), 1).await;
    let there = stage.site().object(BUCKET, "unpacked").unwrap().attributes.clone();
    assert_eq!((there.content_encoding, there.cache_control), (None, attributes.cache_control));
    assert_ne!(there.content_type.as_deref(), Some("application/gzip"));
    assert_eq!(there.metadata, attributes.metadata);
}

#[tokio::test]
async fn what_is_no_intact_archive_fails_and_leaves_nothing_behind() {
    let long = gzip(&content(20 * MIB, 3));
    let flipped = |at: usize| {
        let mut bytes = long.to_vec();
        bytes[at] ^= 1;
        Bytes::from(bytes)
    };
    let stage = Stage::with_sites(2).await;
    let root = tempfile::tempdir().unwrap();
    let to = vec![opened(&stage.sites[0]), opened(&stage.sites[1]), directory(&root)];
    let copier = stage.copier_to(to);
    for (what, bytes) in [
        ("cut short by a byte", long.slice(..long.len() - 1)),
        ("cut short by half", long.slice(..long.len() / 2)),
        ("of a wrong CRC", flipped(long.len() - 8)),
        ("of a wrong length", flipped(long.len() - 1)),
        ("damaged inside", flipped(long.len() / 2)),
        ("followed by something else", [&long[..], b"something else"].concat().into()),
        ("padded before its end", [&long[..], &[0; 9], &long[..]].concat().into()),
        ("no archive", content(20 * MIB, 4)),
        ("small and no archive", Bytes::from_static(b"plain text")),
        ("empty", Bytes::new()),
    ] {
        stage.source.put_object(BUCKET, "packed.gz", bytes);
        stage.source.clear_requests();
        let copied = unpack(&stage, &copier, 3).await;
        for placed in &copied.targets {
            let error = error(placed);
            assert_eq!((error.class(), placed.attempts), (ErrorClass::Permanent, 1), "{what}: {error}");
            assert!(error.to_string().contains("gzip"), "{what}: {error}");
        }
        assert_eq!(stage.source.count(Op::GetObject), 1, "{what}");
        assert_eq!((stage.unfinished(), stage.site().keys(BUCKET).len()), (0, 0), "{what}");
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "{what}");
    }
}

#[tokio::test]
async fn damage_on_the_way_that_gzip_would_not_notice_is_noticed_by_the_sources_etag() {
    let stage = Stage::new().await;
    let bytes = content(1000, 5);
    let packed = gzip(&bytes);
    stage.source.put_object(BUCKET, "packed.gz", packed);
    // The header's time: no part of what gzip checks.
    for n in 0..8 {
        let wrong = Fault::new(Effect::CorruptReply { at: 4 }).on(Op::GetObject).after(2 * n).times(1);
        stage.source.faults().add(wrong);
    }
    let copied = unpack(&stage, &stage.copier(), 1).await;
    assert_eq!(error(&copied.targets[0]).kind(), ErrorKind::DigestMismatch);
    assert_eq!(stage.site().keys(BUCKET), [""; 0]);
}

#[tokio::test]
async fn two_destinations_that_unpack_and_one_that_does_not_share_one_reading() {
    let stage = Stage::with_sites(3).await;
    let bytes = content(20 * MIB, 6);
    let packed = gzip(&bytes);
    stage.source.put_object(BUCKET, "packed.gz", packed.clone());
    let target = |(destination, unpack)| Target { destination, key: "x".into(), unpack, newest_wins: false };
    let targets = [(0, true), (1, false), (2, true)].map(target).into();
    let copied = stage.copier().copy(Job { source: stage.listed("packed.gz").await, hint: false, targets }).await;
    assert_eq!((copied.source_reads, stage.source.count(Op::GetObject)), (1, 1));
    let strengths: Vec<_> = copied.targets.iter().map(verified).collect();
    assert_eq!(strengths, [Strength::MultipartEtag, Strength::Md5, Strength::MultipartEtag]);
    for (site, expected) in [(0, &bytes), (1, &packed), (2, &bytes)] {
        assert_eq!(stage.arrived(site, "x").unwrap(), expected, "{site}");
    }
}

#[tokio::test]
async fn one_destination_that_fails_does_not_disturb_another_that_unpacks() {
    let stage = Stage::with_sites(2).await;
    let bytes = content(30 * MIB, 7);
    stage.source.put_object(BUCKET, "packed.gz", gzip(&bytes));
    stage.sites[0].faults().add(Fault::answer(403, "AccessDenied").on(Op::UploadPart).after(1));
    let copied = unpack(&stage, &stage.copier(), 2).await;
    assert_eq!(error(&copied.targets[0]).kind(), ErrorKind::AccessDenied);
    assert_eq!((verified(&copied.targets[1]), copied.source_reads), (Strength::MultipartEtag, 1));
    assert_eq!(stage.arrived(1, "unpacked").unwrap(), bytes);
    assert_eq!(stage.unfinished(), 0);
}

#[tokio::test]
async fn an_archive_is_unpacked_into_files_and_memory() {
    let stage = Stage::new().await;
    let root = tempfile::tempdir().unwrap();
    let copier = stage.copier_to(vec![directory(&root), memory("unpacked")]);
    for size in [700, 30 * MIB] {
        let bytes = content(size, 8);
        stage.source.put_object(BUCKET, "packed.gz", gzip(&bytes));
        let copied = unpack(&stage, &copier, 2).await;
        assert_eq!((verified(&copied.targets[0]), verified(&copied.targets[1])), (Strength::Reread, Strength::Reread));
        assert_eq!(std::fs::read(root.path().join("unpacked")).unwrap(), bytes);
        assert_eq!(read(&*memory("unpacked"), "unpacked").await, bytes);
    }
}

#[tokio::test]
async fn reading_and_sending_go_on_at_the_same_time() {
    let mut stage = Stage::new().await;
    stage.options.memory = 64 * MIB as u64;
    stage.options.part_size = 5 * MIB as u64;
    let bytes = content(40 * MIB, 9);
    stage.source.put_object(BUCKET, "packed.gz", gzip(&bytes));
    // The source takes four seconds for it: long before that, the first part must be on its way.
    stage.source.faults().add(Fault::new(Effect::DripReply { bytes_per_second: 20 << 20 }).on(Op::GetObject));
    let copied = unpack(&stage, &stage.copier(), 1).await;
    assert_eq!(strength(&copied), Strength::MultipartEtag);
    let parts = stage.site().requests_of(Op::UploadPart);
    let last = parts.last().unwrap().arrived;
    let early = parts.iter().filter(|part| last - part.arrived > std::time::Duration::from_millis(400)).count();
    assert!(early >= 5, "parts are sent as they are filled: {:?}", parts.iter().map(|p| p.arrived).collect::<Vec<_>>());
}
