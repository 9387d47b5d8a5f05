//! Tags of objects that are written in parts, on servers that keep them and on others that do not.

use transship_testbed::s3::{Attributes, Fault, Operation as Op, StoredObject};
use transship_transfer::{Copied, Copier, Job, Target};

use crate::{
    ceph_like::ceph_like,
    stage::{BUCKET, MIB, Stage, content, in_parts, opened, strength},
    unpacking::gzip,
};

/// Under these keys, an object of every kind that is written in parts.
fn objects() -> [(&'static str, StoredObject); 3] {
    [
        ("split", StoredObject::new(content(20 * MIB, 1))),
        ("parts", in_parts(&content(20 * MIB, 2), 8 * MIB)),
        ("packed", StoredObject::new(gzip(&content(20 * MIB, 3)))),
    ]
}

fn tags() -> Vec<(String, String)> {
    vec![("b".into(), "1 2".into()), ("a".into(), "ü".into())]
}

async fn stage() -> Stage {
    let mut stage = Stage::new().await;
    stage.options.split_above = 8 * MIB as u64;
    for (key, object) in objects() {
        stage.put(key, object.with_attributes(Attributes { tags: tags(), ..Attributes::default() }));
    }
    stage
}

async fn copy(stage: &Stage, copier: &Copier, key: &str, destination: usize) -> Copied {
    let target =
        Target { destination, key: format!("{key} copy").as_str().into(), unpack: key == "packed", newest_wins: false };
    copier.copy(Job { source: stage.listed(key).await, hint: false, targets: vec![target] }).await
}

fn tags_there(stage: &Stage, key: &str) -> Vec<(String, String)> {
    stage.site().object(BUCKET, &format!("{key} copy")).unwrap().attributes.tags.clone()
}

fn asked(stage: &Stage) -> (u64, u64) {
    (stage.site().count(Op::GetObjectTagging), stage.site().count(Op::PutObjectTagging))
}

#[tokio::test]
async fn tags_that_a_server_drops_with_the_parts_are_written_afterwards() {
    let stage = stage().await;
    let copier = stage.copier_to(vec![ceph_like(opened(stage.site())), ceph_like(opened(&stage.source))]);
    for (key, _) in objects() {
        let copied = copy(&stage, &copier, key, 0).await;
        assert!(strength(&copied).proves_content());
        assert_eq!((tags_there(&stage, key), copied.targets[0].not_kept.len()), (tags(), 0), "{key}");
    }
    assert_eq!(asked(&stage), (1, 3), "what the server does is found out once");
    strength(&copy(&stage, &copier, "parts", 1).await);
    assert_eq!(stage.source.object(BUCKET, "parts copy").unwrap().attributes.tags, tags(), "by the server alone");
}

#[tokio::test]
async fn tags_that_a_server_keeps_are_looked_at_once_and_never_written_again() {
    let stage = stage().await;
    let copier = stage.copier();
    for (key, _) in objects() {
        strength(&copy(&stage, &copier, key, 0).await);
        assert_eq!(tags_there(&stage, key), tags(), "{key}");
    }
    assert_eq!(asked(&stage), (1, 0));
}

#[tokio::test]
async fn tags_that_cannot_be_kept_are_said_so() {
    let stage = stage().await;
    let copier = stage.copier_to(vec![ceph_like(opened(stage.site()))]);
    stage.site().faults().add(Fault::answer(501, "NotImplemented").on(Op::PutObjectTagging));
    for (key, _) in objects() {
        let copied = copy(&stage, &copier, key, 0).await;
        assert!(strength(&copied).proves_content(), "the content is what counts");
        assert_eq!(copied.targets[0].not_kept, ["tags"], "{key}");
    }
}
