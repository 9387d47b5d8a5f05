//! Many destinations, one reading, and nobody in anybody's way.

use std::time::{Duration, Instant};

use transship_store::ErrorKind;
use transship_testbed::s3::{Effect, Fault, Operation as Op};
use transship_types::Strength;

use crate::{
    stage::{BUCKET, MIB, Stage, content, directory, error, in_parts, job, opened, opened_at, verified},
    throttle::Throttle,
};

#[tokio::test]
async fn three_destinations_are_served_from_one_reading() {
    let stage = Stage::with_sites(3).await;
    for (key, object, gets) in [
        ("small", in_parts(&content(1000, 1), 1000), 1),
        ("single", transship_testbed::s3::StoredObject::new(content(20 * MIB, 2)), 1),
        ("parts", in_parts(&content(20 * MIB, 3), 8 * MIB), 3),
    ] {
        let bytes = object.bytes().unwrap();
        stage.put(key, object);
        stage.source.clear_requests();
        let copied = stage.copy(key).await;
        assert_eq!(copied.source_reads, 1, "{key}");
        assert_eq!(stage.source.count(Op::GetObject), gets, "{key}");
        for site in 0..3 {
            assert!(verified(&copied.targets[site]) <= Strength::MultipartEtag, "{key}");
            assert_eq!(stage.arrived(site, key).unwrap(), bytes, "{key}");
        }
    }
}

#[tokio::test]
async fn s3_a_disk_and_memory_are_served_from_one_reading() {
    let stage = Stage::new().await;
    let root = tempfile::tempdir().unwrap();
    let copier =
        stage.copier_to(vec![opened(stage.site()), directory(&root), crate::stage::memory("served from one reading")]);
    for (key, object) in [
        ("single", transship_testbed::s3::StoredObject::new(content(30 * MIB, 2))),
        ("parts", in_parts(&content(30 * MIB, 3), 8 * MIB)),
    ] {
        let bytes = object.bytes().unwrap();
        stage.put(key, object);
        stage.source.clear_requests();
        let copied = copier.copy(job(stage.listed(key).await, 3)).await;
        assert_eq!((copied.source_reads, stage.source.count(Op::GetObject)), (1, 1), "{key}");
        assert_eq!(
            copied.targets.iter().map(verified).collect::<Vec<_>>(),
            [Strength::Md5, Strength::Reread, Strength::Reread]
        );
        assert_eq!(stage.arrived(0, key).unwrap(), bytes);
        assert_eq!(std::fs::read(root.path().join(key)).unwrap(), bytes);
        assert_eq!(crate::stage::read(&*crate::stage::memory("served from one reading"), key).await, bytes);
    }
}

/// What may happen at one destination, and what it says then.
fn misfortunes() -> [(&'static str, Effect, ErrorKind, u32); 3] {
    let answer = |status, code: &str| Effect::Answer { status, code: code.into(), retry_after: None };
    [
        ("denied", answer(403, "AccessDenied"), ErrorKind::AccessDenied, 1),
        ("broken", answer(500, "InternalError"), ErrorKind::Server, 4),
        ("reset", Effect::ResetRequest { after: 100 }, ErrorKind::Connection, 4),
    ]
}

#[tokio::test]
async fn one_destination_that_fails_disturbs_no_other_and_is_tried_on_its_own() {
    for (name, effect, kind, attempts) in misfortunes() {
        for (key, object) in [
            ("small", transship_testbed::s3::StoredObject::new(content(9000, 1))),
            ("single", transship_testbed::s3::StoredObject::new(content(12 * MIB, 2))),
        ] {
            let stage = Stage::with_sites(3).await;
            let bytes = object.bytes().unwrap();
            stage.put(key, object);
            let hits = stage.sites[1].faults().add(Fault::new(effect.clone()).method(http::Method::PUT));
            let copied = stage.copy(key).await;
            for site in [0, 2] {
                let placed = &copied.targets[site];
                assert_eq!((verified(placed), placed.attempts), (Strength::Md5, 1), "{name} {key}");
                assert_eq!(stage.arrived(site, key).unwrap(), bytes);
                assert_eq!(stage.sites[site].count(Op::PutObject), 1, "{name} {key}");
            }
            let failed = &copied.targets[1];
            assert_eq!((error(failed).kind(), failed.attempts), (kind, attempts), "{name} {key}: {}", error(failed));
            assert_eq!(hits.count(), u64::from(attempts), "{name} {key}: each attempt is one request");
            assert_eq!(copied.source_reads, attempts, "{name} {key}: each attempt reads the source itself");
            assert_eq!(stage.arrived(1, key), None);
        }
    }
}

#[tokio::test]
async fn a_destination_that_fails_in_parts_leaves_no_upload_and_the_others_alone() {
    for (name, effect, kind, _) in misfortunes() {
        let stage = Stage::with_sites(3).await;
        let bytes = content(24 * MIB, 3);
        stage.put("parts", in_parts(&bytes, 8 * MIB));
        let hits = stage.sites[1].faults().add(Fault::new(effect).on(Op::UploadPart).after(1));
        let copied = stage.copy("parts").await;
        for site in [0, 2] {
            assert_eq!(verified(&copied.targets[site]), Strength::MultipartEtag, "{name}");
            assert_eq!(stage.sites[site].count(Op::UploadPart), 3, "{name}: no part is sent twice");
        }
        assert_eq!(error(&copied.targets[1]).kind(), kind, "{name}");
        assert!(hits.count() <= 8, "{name}: a part is tried four times, and not four times four: {}", hits.count());
        assert_eq!(stage.unfinished(), 0, "{name}");
    }
}

#[tokio::test]
async fn an_attempt_that_fails_once_is_made_up_for() {
    for (name, effect, kind, _) in misfortunes() {
        if kind == ErrorKind::AccessDenied {
            continue;
        }
        let stage = Stage::with_sites(2).await;
        let bytes = content(24 * MIB, 4);
        stage.put("parts", in_parts(&bytes, 8 * MIB));
        stage.sites[1].faults().add(Fault::new(effect).on(Op::UploadPart).after(1).times(1));
        let copied = stage.copy("parts").await;
        assert_eq!(copied.source_reads, 1, "{name}: only the part is sent again");
        for site in 0..2 {
            assert_eq!(verified(&copied.targets[site]), Strength::MultipartEtag, "{name}");
            assert_eq!(stage.arrived(site, "parts").unwrap(), bytes);
        }
        assert_eq!(stage.sites[1].count(Op::UploadPart), 4, "{name}");
    }
}

/// A destination far behind the others.
async fn lags(key: &str, object: transship_testbed::s3::StoredObject) {
    let mut stage = Stage::with_sites(3).await;
    stage.options.longest_lag = Duration::from_millis(300);
    let bytes = object.bytes().unwrap();
    stage.put(key, object);
    let throttle = Throttle::before(stage.sites[1].address()).await;
    let slow = opened_at(&stage.sites[1], &throttle.endpoint());
    let copier = stage.copier_to(vec![opened(&stage.sites[0]), slow, opened(&stage.sites[2])]);
    let listed = stage.listed(key).await;
    throttle.pace(1_000_000);
    let started = Instant::now();
    let running = tokio::spawn(async move { copier.copy(job(listed, 3)).await });
    while stage.arrived(0, key).is_none() || stage.arrived(2, key).is_none() {
        assert!(started.elapsed() < Duration::from_secs(20), "the others wait for the slow one");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(stage.arrived(1, key).is_none());
    tokio::time::sleep(Duration::from_millis(400)).await;
    throttle.pace(u64::MAX);
    let copied = running.await.unwrap();
    assert_eq!(copied.source_reads, 2, "the slow one reads the source itself");
    for site in 0..3 {
        assert!(verified(&copied.targets[site]) <= Strength::MultipartEtag);
        assert_eq!(stage.arrived(site, key).unwrap(), bytes);
    }
    assert_eq!((copied.targets[0].attempts, copied.targets[1].attempts, copied.targets[2].attempts), (1, 2, 1));
    let [fast, slow] = [0, 1].map(|site: usize| copied.targets[site].duration);
    assert!(fast + Duration::from_millis(200) < slow, "each has its own time: {fast:?}, {slow:?}");
    assert_eq!(stage.unfinished(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_lags_is_left_behind_and_reads_the_source_itself() {
    lags("single", transship_testbed::s3::StoredObject::new(content(40 * MIB, 5))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_lags_in_parts_is_left_behind_too() {
    lags("parts", in_parts(&content(64 * MIB, 6), 8 * MIB)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_that_stands_still_is_left_behind() {
    let mut stage = Stage::with_sites(2).await;
    stage.options.longest_lag = Duration::from_millis(200);
    let bytes = content(24 * MIB, 7);
    stage.source.put_object(BUCKET, "single", bytes.clone());
    let hits =
        stage.sites[0].faults().add(Fault::new(Effect::Delay(Duration::from_secs(5))).on(Op::PutObject).times(1));
    let started = Instant::now();
    let copied = stage.copy("single").await;
    assert_eq!(hits.count(), 1);
    assert!(started.elapsed() < Duration::from_secs(4), "nobody waits for an answer that is not wanted any more");
    assert_eq!((copied.source_reads, copied.targets[0].attempts, copied.targets[1].attempts), (2, 2, 1));
    for site in 0..2 {
        assert_eq!(verified(&copied.targets[site]), Strength::Md5);
        assert_eq!(stage.arrived(site, "single").unwrap(), bytes);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn destinations_that_are_equally_slow_are_not_left_behind() {
    let mut stage = Stage::with_sites(2).await;
    (stage.options.longest_lag, stage.options.part_size) = (Duration::from_millis(800), 5 * MIB as u64);
    let bytes = content(6 * MIB, 8);
    stage.source.put_object(BUCKET, "single", bytes.clone());
    let (one, two) =
        (Throttle::before(stage.sites[0].address()).await, Throttle::before(stage.sites[1].address()).await);
    one.pace(4_000_000);
    two.pace(4_000_000);
    let slow = vec![opened_at(&stage.sites[0], &one.endpoint()), opened_at(&stage.sites[1], &two.endpoint())];
    let copied = stage.copier_to(slow).copy(job(stage.listed("single").await, 2)).await;
    assert_eq!(copied.source_reads, 1);
    for site in 0..2 {
        assert_eq!(verified(&copied.targets[site]), Strength::Md5);
    }
}
