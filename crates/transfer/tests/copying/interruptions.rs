//! Connections that break, servers that are busy, and the way on from there.

use std::time::{Duration, Instant};

use transship_store::ErrorKind;
use transship_testbed::s3::{Effect, Fault, Operation as Op, StoredObject};
use transship_types::Strength;

use crate::stage::{BUCKET, MIB, Stage, content, error, in_parts, strength};

fn start(range: &str) -> u64 {
    range.strip_prefix("bytes=").unwrap().split('-').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_reading_that_breaks_off_goes_on_where_it_was() {
    for effect in [Effect::ResetReply { after: 5_000_000 }, Effect::TruncateReply { after: 5_000_000 }] {
        for (key, size) in [("small", 7 * MIB), ("large", 12 * MIB)] {
            let stage = Stage::new().await;
            let bytes = content(size, 1);
            stage.source.put_object(BUCKET, key, bytes.clone());
            let hits = stage.source.faults().add(Fault::new(effect.clone()).on(Op::GetObject).times(1));
            let copied = stage.copy(key).await;
            assert_eq!(hits.count(), 1);
            assert_eq!((strength(&copied), copied.source_reads, copied.targets[0].attempts), (Strength::Md5, 1, 1));
            assert_eq!(stage.arrived(0, key).unwrap(), bytes);
            let gets = stage.source.requests_of(Op::GetObject);
            assert_eq!(gets.len(), 2, "{effect:?} {key}");
            let from = start(gets[1].header("range").unwrap());
            assert!(from > 1_000_000 && from <= 5_000_000, "only what is missing is asked for: {from}");
            let etag = stage.source.object(BUCKET, key).unwrap().etag().to_owned();
            assert_eq!(gets[1].header("if-match"), Some(&*format!("\"{etag}\"")), "of the same version");
        }
    }
}

#[tokio::test]
async fn a_part_that_breaks_off_goes_on_where_it_was() {
    let stage = Stage::new().await;
    let bytes = content(24 * MIB, 2);
    stage.put("parts", in_parts(&bytes, 8 * MIB));
    let reset = Fault::new(Effect::ResetReply { after: 3_000_000 }).on(Op::GetObject);
    let hits = stage.source.faults().add(reset.after(1).times(1));
    let copied = stage.copy("parts").await;
    assert_eq!((hits.count(), strength(&copied), copied.source_reads), (1, Strength::MultipartEtag, 1));
    assert_eq!(stage.arrived(0, "parts").unwrap(), bytes);
    assert_eq!(stage.site().count(Op::UploadPart), 3, "the destination notices nothing");
}

#[tokio::test]
async fn a_reading_that_always_breaks_off_at_once_is_given_up_after_so_many_attempts() {
    let stage = Stage::new().await;
    stage.source.put_object(BUCKET, "x", content(12 * MIB, 3));
    let hits = stage.source.faults().add(Fault::new(Effect::ResetReply { after: 0 }).on(Op::GetObject));
    let copied = stage.copy("x").await;
    assert_eq!(error(&copied.targets[0]).kind(), ErrorKind::Connection);
    assert_eq!(hits.count(), 4, "as many as were allowed, and not that many times that many");
    assert_eq!(stage.site().keys(BUCKET), [""; 0]);
}

#[tokio::test]
async fn busy_servers_are_asked_again_until_they_answer() {
    for (key, object) in [
        ("small", StoredObject::new(content(100, 4))),
        ("single", StoredObject::new(content(12 * MIB, 5))),
        ("parts", in_parts(&content(20 * MIB, 6), 8 * MIB)),
    ] {
        let stage = Stage::new().await;
        let bytes = object.bytes().unwrap();
        stage.put(key, object);
        let (there, here) = (stage.source.faults(), stage.site().faults());
        let mut hits = vec![there.add(Fault::answer(503, "SlowDown").on(Op::GetObject).times(3))];
        let calls: &[Op] = if key == "parts" {
            &[Op::CreateMultipartUpload, Op::UploadPart, Op::CompleteMultipartUpload]
        } else {
            &[Op::PutObject]
        };
        hits.extend(calls.iter().map(|call| here.add(Fault::answer(503, "SlowDown").on(*call).times(3))));
        let copied = stage.copy(key).await;
        assert!(strength(&copied) <= Strength::MultipartEtag, "{key}");
        assert!(hits.iter().all(|hits| hits.count() == 3), "{key}");
        assert_eq!(stage.arrived(0, key).unwrap(), bytes);
        assert_eq!(stage.unfinished(), 0);
    }
}

#[tokio::test]
async fn the_wait_that_a_server_asks_for_is_kept() {
    let mut stage = Stage::new().await;
    stage.options.retry.longest_wait = Duration::from_secs(5);
    stage.source.put_object(BUCKET, "x", "x");
    let busy = |retry_after| Effect::Answer { status: 503, code: "SlowDown".into(), retry_after: Some(retry_after) };
    for (server, operation) in [(&stage.source, Op::GetObject), (stage.site(), Op::PutObject)] {
        let hits = server.faults().add(Fault::new(busy(Duration::from_secs(1))).on(operation).times(1));
        let started = Instant::now();
        assert_eq!(strength(&stage.copy("x").await), Strength::Md5);
        assert_eq!(hits.count(), 1);
        assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
        server.faults().clear();
    }
}

#[tokio::test]
async fn what_is_denied_or_missing_is_never_asked_for_twice() {
    for (status, code, kind) in
        [(403, "AccessDenied", ErrorKind::AccessDenied), (404, "NoSuchKey", ErrorKind::NotFound)]
    {
        for (key, object) in [
            ("small", StoredObject::new("x")),
            ("single", StoredObject::new(content(12 * MIB, 7))),
            ("parts", in_parts(&content(12 * MIB, 7), 8 * MIB)),
        ] {
            let stage = Stage::with_sites(2).await;
            stage.put(key, object);
            let hits = stage.source.faults().add(Fault::answer(status, code).on(Op::GetObject));
            let copied = stage.copy(key).await;
            for placed in &copied.targets {
                assert_eq!((error(placed).kind(), placed.attempts), (kind, 1), "{code} {key}");
            }
            assert_eq!(hits.count(), 1, "{code} {key}");
            assert_eq!(stage.site().keys(BUCKET), [""; 0]);
            assert_eq!(stage.unfinished(), 0);
        }
    }
}

#[tokio::test]
async fn a_destination_that_denies_parts_is_asked_for_one_upload_only() {
    for denied in [Op::CreateMultipartUpload, Op::UploadPart, Op::CompleteMultipartUpload] {
        let stage = Stage::new().await;
        stage.put("parts", in_parts(&content(12 * MIB, 8), 8 * MIB));
        stage.site().faults().add(Fault::answer(403, "AccessDenied").on(denied));
        let copied = stage.copy("parts").await;
        assert_eq!(error(&copied.targets[0]).kind(), ErrorKind::AccessDenied, "{denied:?}");
        assert_eq!(stage.site().count(Op::CreateMultipartUpload), 1, "{denied:?}");
        assert_eq!(stage.unfinished(), 0, "{denied:?}");
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_put_costs_another_put() {
    let stage = Stage::new().await;
    stage.source.put_object(BUCKET, "x", "x");
    let lost = stage.site().faults().add(Fault::new(Effect::LoseReply).on(Op::PutObject).times(1));
    let copied = stage.copy("x").await;
    assert_eq!((lost.count(), strength(&copied), copied.targets[0].attempts), (1, Strength::Md5, 2));
}

#[tokio::test]
async fn a_lost_answer_to_the_end_of_an_upload_is_looked_up_and_compared() {
    for split_above in [16 * MIB as u64, 1 << 30] {
        let mut stage = Stage::new().await;
        stage.options.split_above = split_above;
        let bytes = content(24 * MIB, 9);
        let object = if split_above > 1 << 29 { in_parts(&bytes, 8 * MIB) } else { StoredObject::new(bytes.clone()) };
        stage.put("parts", object);
        let lost = stage.site().faults().add(Fault::new(Effect::LoseReply).on(Op::CompleteMultipartUpload).times(1));
        let copied = stage.copy("parts").await;
        assert_eq!((lost.count(), strength(&copied), copied.source_reads), (1, Strength::MultipartEtag, 1));
        assert_eq!(copied.targets[0].attempts, 1);
        assert_eq!(stage.arrived(0, "parts").unwrap(), bytes);
        assert_eq!(stage.site().count(Op::CreateMultipartUpload), 1, "it was there all the time");
        assert_eq!(stage.unfinished(), 0);
    }
}

#[tokio::test]
async fn an_upload_that_vanished_is_started_anew() {
    let stage = Stage::new().await;
    let bytes = content(24 * MIB, 10);
    stage.put("parts", in_parts(&bytes, 8 * MIB));
    // The answer is lost, and before it is asked for again somebody replaces the object.
    stage.site().faults().add(Fault::new(Effect::LoseReply).on(Op::CompleteMultipartUpload).times(1));
    let replace = Effect::Before(std::sync::Arc::new(|store| store.put_object(BUCKET, "parts", "someone else's")));
    let replaced = stage.site().faults().add(Fault::new(replace).on(Op::HeadObject).times(1));
    let copied = stage.copy("parts").await;
    assert_eq!((replaced.count(), strength(&copied)), (1, Strength::MultipartEtag));
    assert_eq!(stage.arrived(0, "parts").unwrap(), bytes);
    assert_eq!(stage.unfinished(), 0);
}

#[tokio::test]
async fn an_error_inside_a_success_is_an_error() {
    let stage = Stage::new().await;
    let bytes = content(24 * MIB, 11);
    stage.put("parts", in_parts(&bytes, 8 * MIB));
    let wrong = |code: &str| Fault::new(Effect::ErrorInOk { code: code.into() }).on(Op::CompleteMultipartUpload);
    let hits = stage.site().faults().add(wrong("InternalError").times(1));
    assert_eq!(strength(&stage.copy("parts").await), Strength::MultipartEtag);
    assert_eq!((hits.count(), stage.site().count(Op::CompleteMultipartUpload)), (1, 2));
    assert_eq!(stage.arrived(0, "parts").unwrap(), bytes);

    stage.site().remove_object(BUCKET, "parts");
    stage.site().faults().add(wrong("AccessDenied"));
    assert_eq!(error(&stage.copy("parts").await.targets[0]).kind(), ErrorKind::AccessDenied);
    assert_eq!(stage.site().keys(BUCKET), [""; 0]);
    assert_eq!(stage.unfinished(), 0);
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_whatever_the_server_says_of_the_upload_then() {
    let stage = Stage::new().await;
    stage.put("parts", in_parts(&content(24 * MIB, 12), 8 * MIB));
    stage.site().faults().add(Fault::new(Effect::LoseReply).on(Op::CompleteMultipartUpload).times(1));
    stage.site().faults().add(Fault::answer(500, "InternalError").on(Op::CompleteMultipartUpload).after(1));
    let copied = stage.copy("parts").await;
    assert_eq!((strength(&copied), copied.targets[0].attempts), (Strength::MultipartEtag, 1));
    assert_eq!(stage.unfinished(), 0);
}
