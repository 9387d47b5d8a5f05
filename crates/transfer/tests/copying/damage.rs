//! Bytes that change on the way, and servers that say the wrong thing about them.

use transship_store::ErrorKind;
use transship_testbed::s3::{Effect, Fault, Operation as Op, StoredObject};
use transship_transfer::{Copier, Destination};
use transship_types::Strength;

use crate::stage::{BUCKET, MIB, Stage, content, directory, entry, error, in_parts, job, opened, strength};

fn objects() -> [(&'static str, StoredObject); 4] {
    [
        ("small", StoredObject::new(content(1000, 1))),
        ("small in parts", in_parts(&content(6 * MIB, 1), 5 * MIB)),
        ("single", StoredObject::new(content(12 * MIB, 2))),
        ("parts", in_parts(&content(20 * MIB, 3), 8 * MIB)),
    ]
}

#[tokio::test]
async fn bytes_that_are_damaged_once_on_their_way_out_are_sent_again() {
    for (key, object) in objects() {
        for operation in [Op::PutObject, Op::UploadPart] {
            let stage = Stage::new().await;
            let bytes = object.bytes().unwrap();
            stage.put(key, object.clone());
            let wrong = Fault::new(Effect::CorruptRequest { at: 77 }).on(operation).times(1);
            let hits = stage.site().faults().add(wrong);
            let copied = stage.copy(key).await;
            assert!(strength(&copied).proves_content(), "{key}");
            assert_eq!(hits.count() == 1, (operation == Op::UploadPart) == (key == "parts"), "{key}");
            assert_eq!(stage.arrived(0, key).unwrap(), bytes, "{key}");
            assert_eq!(stage.unfinished(), 0, "{key}");
        }
    }
}

#[tokio::test]
async fn bytes_that_are_always_damaged_on_their_way_out_leave_nothing_behind() {
    for (key, object) in objects() {
        let stage = Stage::new().await;
        stage.put(key, object);
        stage.site().faults().add(Fault::new(Effect::CorruptRequest { at: 77 }).method(http::Method::PUT));
        let copied = stage.copy(key).await;
        assert_eq!(error(&copied.targets[0]).kind(), ErrorKind::DigestMismatch, "{key}");
        assert_eq!(stage.site().keys(BUCKET), [""; 0], "{key}: nothing wrong is left");
        assert_eq!(stage.unfinished(), 0, "{key}");
    }
}

#[tokio::test]
async fn bytes_that_are_damaged_on_their_way_in_never_become_an_object() {
    for (key, object) in objects() {
        let stage = Stage::new().await;
        let (bytes, root) = (object.bytes().unwrap(), tempfile::tempdir().unwrap());
        stage.put(key, object);
        let wrong = Fault::new(Effect::CorruptReply { at: 77 }).on(Op::GetObject);
        let once = stage.source.faults().add(wrong.clone().times(1));
        assert!(strength(&stage.copy(key).await).proves_content(), "{key}");
        assert_eq!(once.count(), 1);
        assert_eq!(stage.arrived(0, key).unwrap(), bytes, "{key}");
        stage.source.faults().add(wrong.clone().times(1));
        let copied = stage.copier_to(vec![directory(&root)]).copy(job(stage.listed(key).await, 1)).await;
        assert_eq!(strength(&copied), Strength::Reread, "{key}");
        assert_eq!(std::fs::read(root.path().join(key)).unwrap(), bytes, "{key}");
    }
}

#[tokio::test]
async fn bytes_that_differ_with_each_reading_leave_no_file_behind() {
    for (key, size) in [("small", 1000), ("single", 12 * MIB)] {
        let stage = Stage::new().await;
        let root = tempfile::tempdir().unwrap();
        stage.source.put_object(BUCKET, key, content(size, 1));
        for n in 0..8 {
            let wrong = Fault::new(Effect::CorruptReply { at: n }).on(Op::GetObject).after(n).times(1);
            stage.source.faults().add(wrong);
        }
        let copied = stage.copier_to(vec![directory(&root)]).copy(job(stage.listed(key).await, 1)).await;
        assert_eq!(error(&copied.targets[0]).kind(), ErrorKind::DigestMismatch, "{key}");
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "{key}: no wrong file is left");
    }
}

#[tokio::test]
async fn a_wrong_etag_in_the_answer_is_found_out_by_rereading() {
    for (key, object) in objects() {
        let stage = Stage::new().await;
        let bytes = object.bytes().unwrap();
        stage.put(key, object);
        for operation in [Op::PutObject, Op::CompleteMultipartUpload] {
            stage.site().faults().add(Fault::new(Effect::WrongEtag("0".repeat(32))).on(operation));
        }
        let copied = stage.copy(key).await;
        assert_eq!((strength(&copied), copied.targets[0].attempts), (Strength::Reread, 1), "{key}");
        assert_eq!(stage.arrived(0, key).unwrap(), bytes, "{key}");
    }
}

#[tokio::test]
async fn a_wrong_etag_for_wrong_bytes_is_no_success() {
    for (key, object) in objects() {
        let stage = Stage::new().await;
        stage.put(key, object);
        stage.site().faults().add(Fault::new(Effect::CorruptRequest { at: 77 }).method(http::Method::PUT));
        for operation in [Op::PutObject, Op::CompleteMultipartUpload] {
            stage.site().faults().add(Fault::new(Effect::WrongEtag("0".repeat(32))).on(operation));
        }
        let copied = stage.copy(key).await;
        assert!(copied.targets[0].result.is_err(), "{key}");
    }
}

#[tokio::test]
async fn an_object_that_somebody_else_put_there_meanwhile_is_not_taken_back() {
    let mut stage = Stage::new().await;
    stage.options.retry.attempts = 1;
    stage.source.put_object(BUCKET, "x", "ours");
    stage.site().faults().add(Fault::new(Effect::CorruptRequest { at: 1 }).on(Op::PutObject));
    let replace = Effect::Before(std::sync::Arc::new(|store| store.put_object(BUCKET, "x", "theirs")));
    stage.site().faults().add(Fault::new(replace).on(Op::GetObject));
    assert!(stage.copy("x").await.targets[0].result.is_err());
    assert_eq!(stage.arrived(0, "x").unwrap(), "theirs");
}

#[tokio::test]
async fn a_wrong_copy_that_cannot_be_taken_back_is_said_to_be_there() {
    let stage = Stage::new().await;
    stage.source.put_object(BUCKET, "x", "ours");
    stage.site().faults().add(Fault::new(Effect::CorruptRequest { at: 1 }).on(Op::PutObject));
    for operation in [Op::DeleteObjects, Op::DeleteObject] {
        stage.site().faults().add(Fault::answer(403, "AccessDenied").on(operation));
    }
    let copied = stage.copy("x").await;
    let said = error(&copied.targets[0]).to_string();
    assert!(said.contains("could not be deleted"), "{said}");
}

#[tokio::test]
async fn a_file_that_is_damaged_on_its_way_to_s3_is_refused_by_the_server() {
    let stage = Stage::new().await;
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("x"), content(5000, 4)).unwrap();
    let files = directory(&root);
    let to = vec![Destination::new(opened(stage.site()))];
    let copier = Copier::new(files.clone(), to, stage.options.clone(), stage.cancel.clone());
    let hits = stage.site().faults().add(Fault::new(Effect::CorruptRequest { at: 1 }).on(Op::PutObject).times(1));
    let copied = copier.copy(job(entry(&*files, "x").await, 1)).await;
    assert_eq!((hits.count(), strength(&copied), copied.targets[0].attempts), (1, Strength::Md5, 2));
    assert_eq!(stage.arrived(0, "x").unwrap(), content(5000, 4));
}
