//! Copies that one server makes by itself.

use transship_store::ErrorKind;
use transship_testbed::s3::{Attributes, Effect, Fault, Operation as Op, StoredObject};
use transship_transfer::{Copied, Copier, Done, Job, Target};
use transship_types::Strength;

use crate::stage::{BUCKET, MIB, Stage, content, error, in_parts, opened, strength};

fn copier(stage: &Stage) -> Copier {
    stage.copier_to(vec![opened(&stage.source)])
}

async fn copy_with(stage: &Stage, hint: bool) -> Copied {
    let target = Target { destination: 0, key: "copy".into(), unpack: false, newest_wins: false };
    let source = stage.listed("x").await;
    stage.source.clear_requests();
    copier(stage).copy(Job { source, hint, targets: vec![target] }).await
}

async fn copy(stage: &Stage) -> Copied {
    copy_with(stage, false).await
}

fn on_server(copied: &Copied) -> bool {
    matches!(copied.targets[0].result, Ok(Done::Copied { on_server: true, .. }))
}

#[tokio::test]
async fn an_object_is_copied_with_one_request_and_no_bytes() {
    let stage = Stage::new().await;
    let attributes = Attributes {
        content_type: Some("text/csv".into()),
        metadata: [("owner".to_owned(), "jo".to_owned())].into(),
        tags: vec![("a".into(), "1".into())],
        ..Attributes::default()
    };
    stage.put("x", StoredObject::new(content(20 * MIB, 1)).with_attributes(attributes.clone()));
    let copied = copy(&stage).await;
    assert_eq!((strength(&copied), on_server(&copied), copied.source_reads), (Strength::Md5, true, 0));
    assert_eq!(stage.source.counts().into_iter().collect::<Vec<_>>(), [(Op::CopyObject, 1)]);
    let request = &stage.source.requests_of(Op::CopyObject)[0];
    let etag = stage.source.object(BUCKET, "x").unwrap().etag().to_owned();
    assert_eq!(request.header("x-amz-copy-source-if-match"), Some(&*format!("\"{etag}\"")));
    let there = stage.source.object(BUCKET, "copy").unwrap();
    assert_eq!((there.bytes().unwrap(), &there.attributes), (content(20 * MIB, 1), &attributes));
}

#[tokio::test]
async fn an_object_in_parts_is_copied_in_the_same_parts() {
    for part in [5 * MIB, 8 * MIB, 6 * MIB + 99, 20 * MIB] {
        let stage = Stage::new().await;
        let attributes = Attributes {
            content_type: Some("text/csv".into()),
            metadata: [("owner".to_owned(), "jo".to_owned())].into(),
            ..Attributes::default()
        };
        stage.put("x", in_parts(&content(20 * MIB, 2), part).with_attributes(attributes.clone()));
        let copied = copy(&stage).await;
        assert_eq!((strength(&copied), on_server(&copied)), (Strength::MultipartEtag, true), "{part}");
        let (x, there) = (stage.source.object(BUCKET, "x").unwrap(), stage.source.object(BUCKET, "copy").unwrap());
        assert_eq!((there.etag(), there.part_sizes(), &there.attributes), (x.etag(), x.part_sizes(), &attributes));
        assert_eq!(there.bytes(), x.bytes());
        assert_eq!(stage.source.count(Op::UploadPartCopy), x.part_sizes().len() as u64);
        assert_eq!(stage.source.count(Op::GetObject), 0, "no bytes are asked for to find the boundaries");
    }
}

#[tokio::test]
async fn a_copy_of_which_only_the_size_is_known_says_so() {
    let stage = Stage::new().await;
    let bytes = content(21 * MIB, 3);
    let parts = vec![bytes.slice(..5 * MIB), bytes.slice(5 * MIB..12 * MIB), bytes.slice(12 * MIB..)];
    stage.put("x", StoredObject::in_parts(parts));
    let copied = copy(&stage).await;
    assert_eq!((strength(&copied), on_server(&copied)), (Strength::Size, true));
    assert_eq!(stage.source.object(BUCKET, "copy").unwrap().bytes().unwrap(), bytes);
}

#[tokio::test]
async fn a_server_that_will_not_copy_is_read_instead() {
    for (object, operation) in [
        (StoredObject::new(content(1000, 4)), Op::CopyObject),
        (in_parts(&content(20 * MIB, 5), 8 * MIB), Op::UploadPartCopy),
    ] {
        for (status, code) in [(403, "AccessDenied"), (501, "NotImplemented")] {
            let stage = Stage::new().await;
            let bytes = object.bytes().unwrap();
            stage.put("x", object.clone());
            stage.source.faults().add(Fault::answer(status, code).on(operation));
            let copied = copy(&stage).await;
            assert!(!on_server(&copied) && strength(&copied).proves_content());
            assert_eq!(stage.source.object(BUCKET, "copy").unwrap().bytes().unwrap(), bytes);
            assert_eq!(stage.source.unfinished_uploads(BUCKET), []);
        }
    }
}

#[tokio::test]
async fn an_error_inside_a_success_is_an_error() {
    let stage = Stage::new().await;
    stage.put("x", StoredObject::new("x"));
    let failing =
        |times| Fault::new(Effect::ErrorInOk { code: "InternalError".into() }).on(Op::CopyObject).times(times);
    stage.source.faults().add(failing(1));
    let copied = copy(&stage).await;
    assert!(on_server(&copied));
    assert_eq!((stage.source.count(Op::CopyObject), copied.targets[0].attempts), (2, 2));
    stage.source.remove_object(BUCKET, "copy");
    stage.source.faults().add(failing(100));
    let failed = copy(&stage).await;
    assert_eq!((error(&failed.targets[0]).kind(), failed.targets[0].attempts), (ErrorKind::Server, 4));
    assert_eq!(stage.source.count(Op::CopyObject), 4, "as many attempts as are allowed");
    assert_eq!(stage.source.keys(BUCKET), ["x"]);
}

#[tokio::test]
async fn an_object_that_changed_since_the_listing_is_copied_as_it_is_now() {
    for (old, new) in [
        (StoredObject::new("old"), StoredObject::new("new content")),
        (in_parts(&content(20 * MIB, 6), 8 * MIB), in_parts(&content(30 * MIB, 7), 8 * MIB)),
        (in_parts(&content(20 * MIB, 6), 8 * MIB), StoredObject::new("short")),
    ] {
        let stage = Stage::new().await;
        stage.put("x", old);
        let source = stage.listed("x").await;
        let bytes = new.bytes().unwrap();
        stage.put("x", new);
        let target = Target { destination: 0, key: "copy".into(), unpack: false, newest_wins: false };
        let copied = copier(&stage).copy(Job { source, hint: false, targets: vec![target] }).await;
        assert!(copied.changed && strength(&copied).proves_content());
        assert_eq!(stage.source.object(BUCKET, "copy").unwrap().bytes().unwrap(), bytes);
        assert_eq!(stage.source.unfinished_uploads(BUCKET), []);
    }
}

#[tokio::test]
async fn a_source_that_changes_between_two_parts_is_never_mixed() {
    let stage = Stage::new().await;
    stage.put("x", in_parts(&content(40 * MIB, 8), 8 * MIB));
    let new = in_parts(&content(40 * MIB, 9), 8 * MIB);
    let replace = Effect::Before(std::sync::Arc::new(move |store| store.put(BUCKET, "x", new.clone())));
    let hits = stage.source.faults().add(Fault::new(replace).on(Op::UploadPartCopy).after(2).times(1));
    let copied = copy(&stage).await;
    assert_eq!(hits.count(), 1);
    assert!(copied.changed && strength(&copied).proves_content());
    assert_eq!(stage.source.object(BUCKET, "copy").unwrap().bytes().unwrap(), content(40 * MIB, 9));
    assert_eq!(stage.source.unfinished_uploads(BUCKET), []);
}

#[tokio::test]
async fn a_hint_is_looked_at_and_its_object_copied_without_bytes() {
    for object in [StoredObject::new(content(9 * MIB, 10)), in_parts(&content(20 * MIB, 11), 8 * MIB)] {
        let stage = Stage::new().await;
        let (bytes, etag) = (object.bytes().unwrap(), object.etag().to_owned());
        stage.put("x", object);
        let copied = copy_with(&stage, true).await;
        assert!(on_server(&copied) && !copied.changed);
        let mut wrong = stage.listed("x").await;
        (wrong.size, wrong.etag) = (3, None);
        let target = Target { destination: 0, key: "copy".into(), unpack: false, newest_wins: false };
        let copied = copier(&stage).copy(Job { source: wrong, hint: true, targets: vec![target] }).await;
        assert!(on_server(&copied) && copied.changed);
        assert_eq!((copied.source.size, copied.source.etag.unwrap().as_str()), (bytes.len() as u64, &*etag));
        assert_eq!(stage.source.object(BUCKET, "copy").unwrap().bytes().unwrap(), bytes);
    }
}

#[tokio::test]
async fn an_object_onto_itself_stays_what_it_is() {
    let stage = Stage::new().await;
    stage.put("x", StoredObject::new("content"));
    let target = Target { destination: 0, key: "x".into(), unpack: false, newest_wins: false };
    let source = stage.listed("x").await;
    let copied = copier(&stage).copy(Job { source, hint: false, targets: vec![target] }).await;
    assert!(strength(&copied).proves_content());
    assert_eq!(stage.source.object(BUCKET, "x").unwrap().bytes().unwrap(), "content");
}

#[tokio::test]
async fn one_destination_copies_on_the_server_while_another_gets_the_bytes() {
    let stage = Stage::new().await;
    stage.put("x", StoredObject::new(content(9 * MIB, 12)));
    let copier = stage.copier_to(vec![opened(&stage.source), opened(stage.site())]);
    let target = |destination| Target { destination, key: "copy".into(), unpack: false, newest_wins: false };
    let source = stage.listed("x").await;
    let copied = copier.copy(Job { source, hint: false, targets: vec![target(0), target(1)] }).await;
    assert_eq!(copied.source_reads, 1);
    assert!(on_server(&copied) && matches!(copied.targets[1].result, Ok(Done::Copied { on_server: false, .. })));
    assert_eq!(stage.arrived(0, "copy").unwrap(), content(9 * MIB, 12));
}

#[tokio::test]
async fn a_part_that_is_copied_again_counts_as_an_attempt() {
    let stage = Stage::new().await;
    stage.put("x", in_parts(&content(20 * MIB, 13), 8 * MIB));
    stage.source.faults().add(Fault::answer(503, "SlowDown").on(Op::UploadPartCopy).times(1));
    let copied = copy(&stage).await;
    assert!(on_server(&copied));
    assert_eq!((stage.source.count(Op::UploadPartCopy), copied.targets[0].attempts), (4, 2));
}
