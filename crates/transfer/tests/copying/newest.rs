//! Keys that several sources share: the newest one stays.

use std::sync::Arc;

use time::{Duration, OffsetDateTime, macros::datetime};
use transship_store::Bucket;
use transship_testbed::s3::{Effect, Fault, Operation as Op, StoredObject};
use transship_transfer::{Copied, Copier, Done, Job, Target};

use crate::stage::{BUCKET, MIB, Stage, content, directory, opened, read, server, strength};

const MONDAY: OffsetDateTime = datetime!(2024-01-01 12:00:00.25 UTC);

fn day(n: i64) -> OffsetDateTime {
    MONDAY + Duration::days(n)
}

async fn copy(stage: &Stage, copier: &Copier, key: &str) -> Copied {
    let target = Target { destination: 0, key: "latest".into(), unpack: false, newest_wins: true };
    copier.copy(Job { source: stage.listed(key).await, hint: false, targets: vec![target] }).await
}

fn plant(stage: &Stage) {
    for n in 0..3 {
        stage.put(&format!("day{n}"), StoredObject::new(format!("data of day {n}")).modified_at(day(n)));
    }
}

fn kept(copied: &Copied) -> Option<OffsetDateTime> {
    match &copied.targets[0].result {
        Ok(Done::KeptNewer(time)) => Some(*time),
        Ok(_) => None,
        other => panic!("{other:?}"),
    }
}

async fn a_backfill_never_puts_older_data_back(stage: &Stage, bucket: Arc<dyn Bucket>) {
    plant(stage);
    let copier = stage.copier_to(vec![bucket.clone()]);
    assert_eq!(kept(&copy(stage, &copier, "day1").await), None, "nothing is there");
    assert_eq!(kept(&copy(stage, &copier, "day0").await), Some(day(1)), "older: a backfill");
    assert_eq!(read(&*bucket, "latest").await, "data of day 1");
    assert_eq!(kept(&copy(stage, &copier, "day1").await), None, "the same again: a retry");
    assert_eq!(kept(&copy(stage, &copier, "day2").await), None, "newer");
    assert_eq!(kept(&copy(stage, &copier, "day1").await), Some(day(2)));
    assert_eq!(read(&*bucket, "latest").await, "data of day 2");
}

#[tokio::test]
async fn a_backfill_never_puts_older_data_back_on_s3() {
    let stage = Stage::new().await;
    a_backfill_never_puts_older_data_back(&stage, opened(stage.site())).await;
}

#[tokio::test]
async fn a_backfill_never_puts_older_data_back_on_a_disk() {
    let root = tempfile::tempdir().unwrap();
    a_backfill_never_puts_older_data_back(&Stage::new().await, directory(&root)).await;
}

#[tokio::test]
async fn a_backfill_never_puts_older_data_back_in_memory() {
    a_backfill_never_puts_older_data_back(&Stage::new().await, crate::stage::memory("newest")).await;
}

#[tokio::test]
async fn sources_of_the_same_second_are_told_apart_where_the_listing_can() {
    let stage = Stage::new().await;
    stage.put("early", StoredObject::new("early").modified_at(MONDAY));
    stage.put("late", StoredObject::new("late").modified_at(MONDAY + Duration::milliseconds(500)));
    let copier = stage.copier();
    assert_eq!(kept(&copy(&stage, &copier, "late").await), None);
    assert!(kept(&copy(&stage, &copier, "early").await).is_some());
    assert_eq!(stage.arrived(0, "latest").unwrap(), "late");
}

#[tokio::test]
async fn an_object_that_does_not_say_where_it_comes_from_is_replaced() {
    let stage = Stage::new().await;
    plant(&stage);
    stage.site().put_object(BUCKET, "latest", "of unknown age");
    assert_eq!(kept(&copy(&stage, &stage.copier(), "day0").await), None);
    assert_eq!(stage.arrived(0, "latest").unwrap(), "data of day 0");
}

#[tokio::test]
async fn large_objects_obey_the_rule_too() {
    for size in [10 * MIB, 20 * MIB] {
        let stage = Stage::new().await;
        let object = |seed, n| match size == 20 * MIB {
            true => crate::stage::in_parts(&content(size, seed), 8 * MIB).modified_at(day(n)),
            false => StoredObject::new(content(size, seed)).modified_at(day(n)),
        };
        stage.put("day1", object(1, 1));
        stage.put("day0", object(2, 0));
        let copier = stage.copier();
        assert!(strength(&copy(&stage, &copier, "day1").await).proves_content());
        assert_eq!(kept(&copy(&stage, &copier, "day0").await), Some(day(1)));
        assert_eq!(stage.arrived(0, "latest").unwrap(), content(size, 1));
    }
}

#[tokio::test]
async fn of_two_writers_the_newer_one_wins_whoever_comes_last() {
    for (key, object) in
        [("small", StoredObject::new("older")), ("parts", crate::stage::in_parts(&content(20 * MIB, 1), 8 * MIB))]
    {
        let stage = Stage::new().await;
        stage.put(key, object.modified_at(day(0)));
        stage.put("day2", StoredObject::new("newer").modified_at(day(2)));
        // Between this writer's look and its write, another one brings newer data.
        let other = server().await;
        other.put(BUCKET, "newer", StoredObject::new("newer").modified_at(day(2)));
        let newer = stage.copier();
        strength(&copy(&stage, &newer, "day2").await);
        let written = (*stage.site().object(BUCKET, "latest").unwrap()).clone();
        stage.site().remove_object(BUCKET, "latest");
        let bring = Effect::Before(Arc::new(move |store| store.put(BUCKET, "latest", written.clone())));
        let operation = if key == "parts" { Op::CompleteMultipartUpload } else { Op::PutObject };
        let hits = stage.site().faults().add(Fault::new(bring).on(operation).times(1));
        let copied = copy(&stage, &stage.copier(), key).await;
        assert_eq!((hits.count(), kept(&copied)), (1, Some(day(2))), "{key}");
        assert_eq!(stage.arrived(0, "latest").unwrap(), "newer", "{key}");
        assert_eq!(stage.unfinished(), 0, "{key}");
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_conditional_write_is_no_conflict() {
    let stage = Stage::new().await;
    plant(&stage);
    let lost = stage.site().faults().add(Fault::new(Effect::LoseReply).on(Op::PutObject).times(1));
    let copied = copy(&stage, &stage.copier(), "day1").await;
    assert_eq!((lost.count(), kept(&copied)), (1, None));
    assert_eq!(stage.arrived(0, "latest").unwrap(), "data of day 1");
}
