//! Sources that change between the listing and the last byte.

use std::sync::Arc;

use transship_store::ErrorKind;
use transship_testbed::s3::{Effect, Fault, Operation as Op, StoredObject};
use transship_types::Strength;

use crate::stage::{BUCKET, MIB, Stage, content, error, in_parts, job, strength, verified};

#[tokio::test]
async fn an_object_that_changed_since_the_listing_is_copied_as_it_is_now() {
    for (old, new) in [(100, 200), (100, 12 * MIB), (12 * MIB, 100), (12 * MIB, 30 * MIB)] {
        let stage = Stage::new().await;
        stage.source.put_object(BUCKET, "x", content(old, 1));
        let listed = stage.listed("x").await;
        stage.source.put_object(BUCKET, "x", content(new, 2));
        let copied = stage.copier().copy(job(listed, 1)).await;
        assert_eq!((strength(&copied), copied.changed), (Strength::Md5, true), "{old} {new}");
        let now = stage.listed("x").await;
        assert_eq!((copied.source.size, copied.source.etag), (now.size, now.etag), "what is reported is what was read");
        assert_eq!(stage.arrived(0, "x").unwrap(), content(new, 2));
    }
}

#[tokio::test]
async fn an_object_in_parts_that_changed_since_the_listing_is_copied_as_it_is_now() {
    for (old, new) in [
        (in_parts(&content(20 * MIB, 1), 8 * MIB), in_parts(&content(20 * MIB, 2), 8 * MIB)),
        (in_parts(&content(20 * MIB, 1), 8 * MIB), StoredObject::new("short")),
        (StoredObject::new("short"), in_parts(&content(20 * MIB, 2), 8 * MIB)),
    ] {
        let stage = Stage::new().await;
        stage.put("x", old);
        let listed = stage.listed("x").await;
        let bytes = new.bytes().unwrap();
        stage.put("x", new);
        let copied = stage.copier().copy(job(listed, 1)).await;
        assert!(strength(&copied).proves_content() && copied.changed);
        assert_eq!(stage.arrived(0, "x").unwrap(), bytes);
        assert_eq!(stage.unfinished(), 0);
    }
}

#[tokio::test]
async fn a_hint_that_is_wrong_is_no_conflict() {
    let stage = Stage::new().await;
    for (key, object) in [
        ("small", StoredObject::new("content")),
        ("single", StoredObject::new(content(12 * MIB, 3))),
        ("parts", in_parts(&content(20 * MIB, 4), 8 * MIB)),
    ] {
        let bytes = object.bytes().unwrap();
        stage.put(key, object);
        let mut hint = job(stage.listed(key).await, 1);
        hint.hint = true;
        assert!(!stage.copier().copy(hint.clone()).await.changed, "{key}: a true hint is no change");
        (hint.source.size, hint.source.etag) = (3, Some(transship_types::ETag::new("0123")));
        let copied = stage.copier().copy(hint.clone()).await;
        assert!(strength(&copied).proves_content() && copied.changed, "{key}");
        let there = stage.listed(key).await;
        assert_eq!((copied.source.size, copied.source.etag), (there.size, there.etag));
        (hint.source.size, hint.source.etag) = (0, None);
        assert!(strength(&stage.copier().copy(hint).await).proves_content());
        assert_eq!(stage.arrived(0, key).unwrap(), bytes);
    }
}

#[tokio::test]
async fn what_is_tried_again_is_the_version_that_was_read_before() {
    for (size, is_hint) in [(100, false), (100, true), (12 * MIB, false), (12 * MIB, true)] {
        let stage = Stage::with_sites(2).await;
        stage.source.put_object(BUCKET, "x", content(size, 1));
        let hits = stage.site().faults().add(Fault::answer(503, "SlowDown").on(Op::PutObject).times(2));
        let mut job = job(stage.listed("x").await, 2);
        job.hint = is_hint;
        let copied = stage.copier().copy(job).await;
        assert_eq!((hits.count(), copied.changed), (2, false));
        assert!(copied.targets.iter().all(|target| verified(target).proves_content()));
        assert!(copied.source_reads > 1);
        assert_eq!(
            stage.source.unpinned(),
            u64::from(is_hint),
            "{size}: only the first reading of a hint is of any version"
        );
    }
}

/// Replaces the object when its reading is interrupted.
fn replaced(stage: &Stage, new: &StoredObject, interrupted: u64) {
    stage
        .source
        .faults()
        .add(Fault::new(Effect::ResetReply { after: 2_000_000 }).on(Op::GetObject).after(interrupted).times(1));
    let new = new.clone();
    let replace = Effect::Before(Arc::new(move |store| store.put(BUCKET, "x", new.clone())));
    stage.source.faults().add(Fault::new(replace).on(Op::GetObject).after(interrupted + 1).times(1));
}

#[tokio::test]
async fn a_source_that_changes_while_it_is_read_is_read_anew_and_never_mixed() {
    for (old, new, interrupted) in [
        (StoredObject::new(content(6 * MIB, 1)), StoredObject::new(content(6 * MIB, 2)), 0),
        (StoredObject::new(content(20 * MIB, 1)), StoredObject::new(content(20 * MIB, 2)), 0),
        (StoredObject::new(content(20 * MIB, 1)), StoredObject::new("short"), 0),
        (in_parts(&content(40 * MIB, 1), 8 * MIB), in_parts(&content(40 * MIB, 2), 8 * MIB), 2),
    ] {
        let stage = Stage::with_sites(2).await;
        let bytes = new.bytes().unwrap();
        stage.put("x", old);
        replaced(&stage, &new, interrupted);
        let copied = stage.copy("x").await;
        assert!(copied.changed, "the report says so");
        for site in 0..2 {
            assert!(verified(&copied.targets[site]).proves_content());
            assert_eq!(stage.arrived(site, "x").unwrap(), bytes);
        }
        assert_eq!(copied.source.etag.as_ref().unwrap().as_str(), new.etag(), "what is reported is what arrived");
        assert_eq!(stage.unfinished(), 0);
    }
}

#[tokio::test]
async fn a_source_that_never_stands_still_is_given_up_and_leaves_nothing() {
    let stage = Stage::new().await;
    stage.source.put_object(BUCKET, "x", content(20 * MIB, 1));
    stage.source.faults().add(Fault::new(Effect::ResetReply { after: 2_000_000 }).on(Op::GetObject));
    let seed = std::sync::atomic::AtomicU64::new(2);
    let replace = Effect::Before(Arc::new(move |store| {
        let seed = seed.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        store.put_object(BUCKET, "x", content(20 * MIB, seed));
    }));
    stage.source.faults().add(Fault::new(replace).on(Op::GetObject));
    let copied = stage.copy("x").await;
    assert_eq!(error(&copied.targets[0]).kind(), ErrorKind::PreconditionFailed);
    assert_eq!(error(&copied.targets[0]).class(), transship_types::ErrorClass::Conflict);
    assert!(stage.source.count(Op::GetObject) <= 9);
    assert_eq!(stage.site().keys(BUCKET), [""; 0]);
}

#[tokio::test]
async fn an_object_that_is_gone_is_missing_and_nothing_else() {
    let stage = Stage::new().await;
    for object in [StoredObject::new("x"), in_parts(&content(20 * MIB, 2), 8 * MIB)] {
        stage.put("x", object);
        let listed = stage.listed("x").await;
        stage.source.remove_object(BUCKET, "x");
        let copied = stage.copier().copy(job(listed, 1)).await;
        assert_eq!(error(&copied.targets[0]).kind(), ErrorKind::NotFound);
        assert_eq!(stage.site().keys(BUCKET), [""; 0]);
    }
}
