//! Copies under a limit on bandwidth.

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use transship_store::{Bucket, S3Bucket, S3Credentials, S3Spec};
use transship_testbed::{
    conformance::{self, Profile},
    s3::{Effect, Fault, Operation as Op, StoredObject},
};
use transship_transfer::{Bandwidth, Destination, Done, Failure, Rates};
use transship_types::{Secret, Strength};

use crate::{
    log::logged,
    stage::{BUCKET, MIB, Stage, content, directory, in_parts, job, memory, opened, server, strength},
};

fn rates(up: u64, down: u64) -> Rates {
    Rates { up: NonZeroU64::new(up), down: NonZeroU64::new(down) }
}

#[tokio::test]
async fn a_bucket_under_a_limit_keeps_all_promises() {
    let bandwidth = Bandwidth::new(rates(1 << 30, 1 << 30));
    let server = server().await;
    for bucket in bandwidth.over(vec![opened(&server)]) {
        let report = conformance::run(bucket, "", &Profile::new("limited")).await;
        assert!(report.passes(), "{report}");
    }
}

/// Nothing passes at a byte a second, so what passes does so because the limit is not asked.
#[tokio::test]
async fn nothing_arrives_before_the_limit_lets_it() {
    for (held, key, object, operation) in [
        (rates(1, 0), "small", StoredObject::new(content(MIB, 1)), Op::PutObject),
        (rates(0, 1), "small", StoredObject::new(content(MIB, 2)), Op::GetObject),
        (rates(1, 0), "large", StoredObject::new(content(20 * MIB, 3)), Op::PutObject),
        (rates(0, 1), "parts", in_parts(&content(20 * MIB, 4), 8 * MIB), Op::UploadPart),
    ] {
        let mut stage = Stage::new().await;
        stage.put(key, object);
        stage.options.bandwidth = Bandwidth::new(held);
        let (copier, job) = (stage.copier(), job(stage.listed(key).await, 1));
        let running = tokio::spawn(async move { copier.copy(job).await });
        let began = || stage.source.count(operation) + stage.site().count(operation) > 0;
        while !began() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!running.is_finished() && stage.site().keys(BUCKET).is_empty(), "{key} {held:?}");
        stage.options.bandwidth.set(Rates::default());
        let copied = running.await.unwrap();
        assert!(matches!(copied.targets[0].result, Ok(Done::Copied { .. })), "{:?}", copied.targets);
        assert_eq!((copied.source_reads, copied.targets[0].attempts), (1, 1));
    }
}

#[tokio::test]
async fn a_server_that_copies_by_itself_needs_no_leave() {
    let mut stage = Stage::new().await;
    stage.put("x", StoredObject::new(content(MIB, 1)));
    stage.options.bandwidth = Bandwidth::new(rates(1, 1));
    let mut job = job(stage.listed("x").await, 1);
    job.targets[0].key = "copy".into();
    let copied = stage.copier_to(vec![opened(&stage.source)]).copy(job).await;
    assert_eq!((strength(&copied), copied.source_reads), (Strength::Md5, 0));
}

#[tokio::test]
async fn a_disk_counts_only_beside_disks() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::write(one.path().join("x"), content(MIB, 1)).unwrap();
    let down = Bandwidth::new(rates(0, 1));
    let is_limited = |buckets: Vec<Arc<dyn Bucket>>| {
        let before = buckets.clone();
        let pairs = down.over(buckets).into_iter().zip(before);
        pairs.map(|(after, before)| !Arc::ptr_eq(&after, &before)).collect::<Vec<_>>()
    };
    let server = server().await;
    assert_eq!(is_limited(vec![directory(&one), opened(&server)]), [false, true]);
    assert_eq!(is_limited(vec![directory(&one), directory(&other)]), [true, true]);
}

/// Each destination's share is so small that all are far behind the time in which a destination has to keep up, and the
/// server's read timeout is shorter than the copy.
#[tokio::test]
async fn who_waits_for_bandwidth_neither_lags_nor_is_silent() {
    for object in [
        StoredObject::new(content(300 << 10, 1)),
        StoredObject::new(content(9 * MIB, 2)),
        in_parts(&content(12 * MIB, 3), 6 * MIB),
    ] {
        let mut stage = Stage::with_sites(3).await;
        let size = object.bytes().unwrap().len() as u64;
        stage.put("x", object);
        stage.options.longest_lag = Duration::from_millis(100);
        stage.options.longest_silence = Duration::from_millis(100);
        stage.options.split_above = 1;
        // Three times the object takes more than two seconds.
        stage.options.bandwidth = Bandwidth::new(rates(size * 5 / 4, size * 2));
        let impatient = |server: &transship_testbed::s3::S3Server| -> Arc<dyn Bucket> {
            let credentials = S3Credentials::Static {
                access_key_id: server.access_key().to_owned(),
                secret_access_key: Secret::new(server.secret_key()),
                session_token: None,
            };
            let mut spec = S3Spec::new(BUCKET, credentials);
            (spec.endpoint, spec.region) = (Some(server.endpoint()), Some(server.region().to_owned()));
            spec.read_timeout = Duration::from_millis(700);
            Arc::new(S3Bucket::open(&spec).unwrap())
        };
        let destinations = stage.sites.iter().map(impatient).map(Destination::new).collect();
        let job = job(stage.listed("x").await, 3);
        let options = stage.options.clone();
        let copier =
            transship_transfer::Copier::new(impatient(&stage.source), destinations, options, stage.cancel.clone());
        let (lines, _guard) = logged();
        let copied = copier.copy(job).await;
        assert_eq!(lines.with("WARN"), [""; 0]);
        for placed in &copied.targets {
            assert!(matches!(placed.result, Ok(Done::Copied { .. })), "{:?}", placed.result);
            assert_eq!(placed.attempts, 1, "nobody was left behind");
        }
        assert_eq!(copied.source_reads, 1);
    }
}

/// One sends a single request and the other many parts side by side, each of which gets as much of the bandwidth.
#[tokio::test]
async fn who_gets_less_of_the_bandwidth_is_not_left_behind() {
    let mut stage = Stage::new().await;
    stage.put("x", StoredObject::new(content(24 * MIB, 1)));
    stage.options.longest_lag = Duration::from_millis(100);
    stage.options.part_size = 5 * MIB as u64;
    stage.options.bandwidth = Bandwidth::new(rates(24 * MIB as u64, 0));
    let copier = stage.copier_to(vec![opened(stage.site()), memory("there")]);
    let copied = copier.copy(job(stage.listed("x").await, 2)).await;
    assert!(copied.targets.iter().all(|placed| matches!(placed.result, Ok(Done::Copied { .. }))), "{copied:?}");
    assert_eq!(copied.source_reads, 1);
}

#[tokio::test]
async fn a_retry_after_a_long_wait_for_bandwidth_finds_the_destination_not_given_up() {
    let mut stage = Stage::new().await;
    stage.put("x", StoredObject::new(content(400 << 10, 1)));
    stage.options.longest_silence = Duration::from_millis(200);
    stage.options.bandwidth = Bandwidth::new(rates(400 << 10, 0));
    stage.site().faults().add(Fault::new(Effect::ResetRequest { after: 300 << 10 }).on(Op::PutObject).times(2));
    let copied = stage.copy("x").await;
    assert!(matches!(copied.targets[0].result, Ok(Done::Copied { .. })), "{:?}", copied.targets);
}

#[tokio::test]
async fn a_run_that_is_stopped_does_not_wait_for_bandwidth() {
    for held in [rates(1, 0), rates(0, 1)] {
        let mut stage = Stage::with_sites(2).await;
        stage.options.grace = Duration::ZERO;
        stage.options.transfers = 4;
        stage.options.bandwidth = Bandwidth::new(held);
        let mut jobs = Vec::new();
        for (n, key) in ["small", "large", "parts"].into_iter().enumerate() {
            let bytes = content([1000, 20 * MIB, 20 * MIB][n], n as u64);
            let object = if key == "parts" { in_parts(&bytes, 8 * MIB) } else { StoredObject::new(bytes) };
            stage.put(key, object);
            jobs.push(job(stage.listed(key).await, 2));
        }
        let copier = stage.copier();
        let running: Vec<_> = jobs
            .into_iter()
            .map(|job| {
                let copier = copier.clone();
                tokio::spawn(async move { copier.copy(job).await })
            })
            .collect();
        while stage.source.count(Op::GetObject) < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stage.cancel.cancel();
        for copied in running {
            // At a byte a second this would never end.
            let copied = copied.await.unwrap();
            assert!(copied.targets.iter().all(|placed| matches!(placed.result, Err(Failure::Cancelled))));
        }
        assert_eq!(stage.site().keys(BUCKET), [""; 0]);
    }
}
