//! What the report says of copies that are proven less well than their strength may sound.

use transship::types::Strength;
use transship_testbed::s3::{Attributes, StoredObject};

use crate::stage::{BUCKET, MIB, Stage, place, reports, strength};

const WRONG: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test]
async fn an_object_that_contradicts_its_etag_has_a_note_and_one_that_is_sealed_has_none() {
    let stage = Stage::new().await;
    let object = |bytes: &'static [u8]| StoredObject::new(bytes).with_etag(WRONG);
    let sealed = Attributes { encryption: Some("aws:kms".into()), ..Attributes::default() };
    stage.source.put(BUCKET, "rotten", object(b"rotten"));
    stage.source.put(BUCKET, "sealed", object(b"sealed").with_attributes(sealed));
    stage.put("sound", "sound", 0);
    let all = reports(stage.copy(stage.straight())).await;
    let seen: Vec<_> = all.iter().map(|o| &o.destinations[0]).map(|d| (strength(d), d.notes.join("; "))).collect();
    let note = "the source's ETag is not the MD5 of what it sends".to_owned();
    let expected = [(Strength::Reread, note), (Strength::Md5, String::new()), (Strength::Md5, String::new())];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_copy_by_the_server_tells_whose_word_its_etag_is() {
    let stage = Stage::new().await;
    stage.put("whole", "whole", 0);
    let parts = vec![vec![1; 5 * MIB].into(), vec![2; 9].into()];
    stage.source.put(BUCKET, "parts", StoredObject::in_parts(parts));
    let copies = transship::Leg::new("copies", place(&stage.source, "copies/"));
    let all = reports(stage.copy(stage.route(vec![copies]))).await;
    let seen: Vec<_> = all.iter().map(|o| &o.destinations[0]).map(|d| (strength(d), d.notes.join("; "))).collect();
    let expected = [
        (Strength::MultipartEtag, "copied by the server"),
        (Strength::Md5, "copied by the server; by the server's own ETag"),
    ];
    assert_eq!(seen, expected.map(|(strength, notes)| (strength, notes.to_owned())));
}
