//! Runs that are told to stop.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use transship_testbed::s3::{Effect, Fault, Operation as Op, StoredObject};
use transship_transfer::{Copied, Copier, Failure};

use crate::stage::{BUCKET, MIB, Stage, content, in_parts, job};

fn cancelled(copied: &Copied) -> bool {
    copied.targets.iter().all(|placed| matches!(placed.result, Err(Failure::Cancelled)))
}

async fn settled(stage: &Stage) {
    // What was dropped on this side takes a moment to be noticed on the other.
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(stage.unfinished(), 0);
}

#[tokio::test]
async fn nothing_new_is_started_and_what_is_under_way_is_finished() {
    let mut stage = Stage::new().await;
    stage.options.transfers = 2;
    for n in 0..10 {
        stage.source.put_object(BUCKET, &format!("{n}"), content(1000, n));
    }
    stage.site().faults().add(Fault::new(Effect::Delay(Duration::from_millis(200))).on(Op::PutObject));
    let mut jobs = Vec::new();
    for n in 0..10 {
        jobs.push(job(stage.listed(&format!("{n}")).await, 1));
    }
    let copier = stage.copier();
    let cancel = stage.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        cancel.cancel();
    });
    let copied: Vec<Copied> = copier.run(stream::iter(jobs)).collect().await;
    assert_eq!(copied.len(), 10, "every job has an outcome");
    assert_eq!(copied.iter().filter(|c| !cancelled(c)).count(), 2, "those that had been started");
    assert_eq!((stage.source.count(Op::GetObject), stage.site().keys(BUCKET).len()), (2, 2));
}

/// Cancels when the first site has got a request of this kind, and expects the end soon after the grace.
async fn ends_soon(mut stage: Stage, key: &str, first: Op) {
    stage.options.grace = Duration::from_millis(100);
    let copier = stage.copier();
    let job = job(stage.listed(key).await, stage.sites.len());
    let running = tokio::spawn(async move { copier.copy(job).await });
    while stage.site().count(first) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let started = Instant::now();
    stage.cancel.cancel();
    let copied = running.await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(2), "{key}: it took {:?}", started.elapsed());
    assert!(cancelled(&copied), "{key}: {:?}", copied.targets);
    assert_eq!(stage.site().keys(BUCKET), [""; 0]);
    settled(&stage).await;
}

#[tokio::test]
async fn after_the_grace_every_kind_of_copy_ends_and_leaves_nothing_behind() {
    for (key, object, operation) in [
        ("small", StoredObject::new(content(1000, 1)), Op::PutObject),
        ("single", StoredObject::new(content(20 * MIB, 2)), Op::PutObject),
        ("parts", in_parts(&content(40 * MIB, 3), 8 * MIB), Op::UploadPart),
    ] {
        let stage = Stage::with_sites(2).await;
        stage.put(key, object);
        for site in &stage.sites {
            site.faults().add(Fault::new(Effect::Delay(Duration::from_secs(5))).on(operation));
        }
        ends_soon(stage, key, operation).await;
    }
}

#[tokio::test]
async fn after_the_grace_an_upload_in_parts_of_our_own_is_aborted() {
    let mut stage = Stage::new().await;
    stage.options.split_above = 8 * MIB as u64;
    stage.put("split", StoredObject::new(content(40 * MIB, 4)));
    stage.site().faults().add(Fault::new(Effect::Delay(Duration::from_secs(5))).on(Op::UploadPart).after(2));
    ends_soon(stage, "split", Op::UploadPart).await;
}

#[tokio::test]
async fn after_the_grace_a_source_that_drips_is_left() {
    for object in [StoredObject::new(content(20 * MIB, 5)), in_parts(&content(40 * MIB, 6), 8 * MIB)] {
        let stage = Stage::new().await;
        stage.put("slow", object);
        stage.source.faults().add(Fault::new(Effect::DripReply { bytes_per_second: 1 << 20 }).on(Op::GetObject));
        let first = if stage.source.object(BUCKET, "slow").unwrap().part_sizes().is_empty() {
            Op::PutObject
        } else {
            Op::UploadPart
        };
        ends_soon(stage, "slow", first).await;
    }
}

#[tokio::test]
async fn a_wait_that_a_server_asked_for_does_not_outlive_the_run() {
    let mut stage = Stage::new().await;
    stage.options.retry.longest_wait = Duration::from_secs(30);
    stage.source.put_object(BUCKET, "x", "x");
    let busy = Effect::Answer { status: 503, code: "SlowDown".into(), retry_after: Some(Duration::from_secs(30)) };
    stage.site().faults().add(Fault::new(busy).on(Op::PutObject));
    ends_soon(stage, "x", Op::PutObject).await;
}

#[tokio::test]
async fn a_job_that_waits_for_memory_has_not_started() {
    let mut stage = Stage::new().await;
    stage.options.memory = 16 * MIB as u64;
    stage.options.part_size = 8 * MIB as u64;
    stage.options.grace = Duration::from_secs(5);
    for n in 0..8 {
        stage.source.put_object(BUCKET, &format!("{n}"), content(5 * MIB, n));
    }
    stage.site().faults().add(Fault::new(Effect::Delay(Duration::from_millis(300))).on(Op::PutObject));
    let mut jobs = Vec::new();
    for n in 0..8 {
        jobs.push(job(stage.listed(&format!("{n}")).await, 1));
    }
    let cancel = stage.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(200)).await;
        cancel.cancel();
    });
    let copier = stage.copier();
    let copied: Vec<Copied> = copier.run(stream::iter(jobs)).collect().await;
    let finished = copied.iter().filter(|c| !cancelled(c)).count();
    assert!((1..=3).contains(&finished), "those that had memory are finished, the others never began: {finished}");
    assert_eq!(stage.source.count(Op::GetObject), finished as u64);
    let tried: u32 = copied.iter().filter(|c| cancelled(c)).map(|c| c.targets[0].attempts).sum();
    assert_eq!(tried, 0, "who waited has tried nothing");
}

/// Stops a copy of an object in parts to two destinations, of which the first one gets its parts and then does not
/// answer the last request of this kind.
async fn stopped_without_an_answer(last: Op) -> (Stage, Copied, Copier) {
    let mut stage = Stage::with_sites(2).await;
    stage.options.grace = Duration::from_millis(300);
    stage.put("parts", in_parts(&content(20 * MIB, 3), 8 * MIB));
    let never = |operation| Fault::new(Effect::Delay(Duration::from_secs(600))).on(operation);
    let hits = stage.site().faults().add(never(last));
    stage.site().faults().add(never(Op::UploadPart));
    let (copier, job) = (stage.copier(), job(stage.listed("parts").await, 2));
    let running = tokio::spawn({
        let copier = copier.clone();
        async move { copier.copy(job).await }
    });
    while stage.site().count(Op::UploadPart) + hits.count() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stage.cancel.cancel();
    // Requests are given up after 20 s, and tried again.
    let copied = tokio::time::timeout(Duration::from_secs(15), running).await.expect("it ends").unwrap();
    assert!(hits.count() == 1 && matches!(copied.targets[0].result, Err(Failure::Cancelled)), "{:?}", copied.targets);
    (stage, copied, copier)
}

#[tokio::test]
async fn an_abort_that_is_not_answered_holds_up_no_end_and_its_upload_stays_known() {
    let (stage, _, copier) = stopped_without_an_answer(Op::AbortMultipartUpload).await;
    let [open] = &copier.unfinished()[..] else { panic!("{:?}", copier.unfinished()) };
    let there = stage.site().unfinished_uploads(BUCKET);
    assert!(there.iter().any(|upload| upload.upload_id == open.upload_id), "{there:?}");
}

#[tokio::test]
async fn a_start_of_an_upload_that_is_not_answered_holds_up_no_end() {
    let (_, _, copier) = stopped_without_an_answer(Op::CreateMultipartUpload).await;
    assert_eq!(copier.unfinished(), []);
}

#[tokio::test]
async fn a_look_at_a_destination_that_is_not_answered_holds_up_no_end() {
    let mut stage = Stage::new().await;
    stage.options.grace = Duration::from_millis(100);
    stage.source.put_object(BUCKET, "x", "x");
    let hits = stage.site().faults().add(Fault::new(Effect::Delay(Duration::from_secs(600))).on(Op::HeadObject));
    let (copier, mut job) = (stage.copier(), job(stage.listed("x").await, 1));
    job.targets[0].newest_wins = true;
    let running = tokio::spawn(async move { copier.copy(job).await });
    while hits.count() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stage.cancel.cancel();
    let copied = tokio::time::timeout(Duration::from_secs(15), running).await.expect("it ends").unwrap();
    assert!(cancelled(&copied));
}

#[tokio::test]
async fn a_run_that_was_cancelled_before_it_began_does_nothing() {
    let stage = Stage::new().await;
    stage.source.put_object(BUCKET, "x", "x");
    let listed = stage.listed("x").await;
    stage.cancel.cancel();
    assert!(cancelled(&stage.copier().copy(job(listed, 1)).await));
    assert_eq!(stage.requests(), (vec![], vec![]));
}
