//! Which requests an object takes, and what proves it, by its size and by what the stores can do.

use transship_testbed::s3::{Attributes, Operation as Op, StoredObject};
use transship_transfer::{Destination, Done};
use transship_types::Strength;

use crate::stage::{
    BUCKET, MIB, Stage, content, directory, entry, in_parts, job, memory, opened, read, strength, verified,
};

#[tokio::test]
async fn a_small_object_takes_one_get_and_one_put_and_the_servers_prove_it() {
    let stage = Stage::new().await;
    let bytes = content(4096, 1);
    stage.source.put_object(BUCKET, "small", bytes.clone());
    let copied = stage.copy("small").await;
    assert_eq!(strength(&copied), Strength::Md5);
    assert_eq!((copied.changed, copied.source_reads, copied.targets[0].attempts), (false, 1, 1));
    let etag = stage.source.object(BUCKET, "small").unwrap().etag().to_owned();
    let get = &stage.source.requests_of(Op::GetObject)[0];
    assert_eq!(get.header("if-match"), Some(&*format!("\"{etag}\"")), "the version that was listed");
    let put = &stage.site().requests_of(Op::PutObject)[0];
    assert_eq!(put.header("content-md5"), None, "nothing is hashed where the servers prove the copy");
    assert_eq!(stage.requests(), (vec![(Op::GetObject, 1)], vec![(Op::PutObject, 1)]));
    assert_eq!(stage.arrived(0, "small").unwrap(), bytes);
}

#[tokio::test]
async fn an_empty_object_arrives() {
    let stage = Stage::new().await;
    stage.source.put_object(BUCKET, "empty", "");
    assert_eq!(strength(&stage.copy("empty").await), Strength::Md5);
    assert_eq!(stage.arrived(0, "empty").unwrap(), "");
    assert_eq!(stage.requests(), (vec![(Op::GetObject, 1)], vec![(Op::PutObject, 1)]));
}

#[tokio::test]
async fn content_headers_metadata_and_tags_travel_along() {
    let stage = Stage::new().await;
    let attributes = Attributes {
        content_type: Some("text/csv".into()),
        content_encoding: Some("identity".into()),
        cache_control: Some("no-store".into()),
        metadata: [("owner".to_owned(), "jo".to_owned())].into(),
        tags: vec![("a".into(), "1 2".into())],
        ..Attributes::default()
    };
    for (key, object) in [
        ("small", StoredObject::new(content(10, 1))),
        ("single", StoredObject::new(content(9 * MIB, 2))),
        ("parts", in_parts(&content(17 * MIB, 3), 8 * MIB)),
    ] {
        stage.put(key, object.with_attributes(attributes.clone()));
        strength(&stage.copy(key).await);
        assert_eq!(stage.site().object(BUCKET, key).unwrap().attributes, attributes, "{key}");
    }
}

#[tokio::test]
async fn a_multipart_object_is_written_in_the_same_parts_and_gets_the_same_etag() {
    let stage = Stage::new().await;
    let bytes = content(20 * MIB + 5, 2);
    stage.put("parts", in_parts(&bytes, 8 * MIB));
    let copied = stage.copy("parts").await;
    assert_eq!((strength(&copied), copied.source_reads), (Strength::MultipartEtag, 1));
    let (there, here) = (stage.source.object(BUCKET, "parts").unwrap(), stage.site().object(BUCKET, "parts").unwrap());
    assert_eq!((here.etag(), here.part_sizes()), (there.etag(), there.part_sizes()));
    assert_eq!(stage.arrived(0, "parts").unwrap(), bytes);
    let parts = stage.site().requests_of(Op::UploadPart);
    assert!(parts.iter().all(|part| part.header("content-md5").is_none()), "nothing is hashed");
    let (got, put) = stage.requests();
    assert_eq!(got, [(Op::GetObject, 3)], "each part is asked for once, the first one tells the others' size");
    assert_eq!(put, [(Op::CreateMultipartUpload, 1), (Op::UploadPart, 3), (Op::CompleteMultipartUpload, 1)]);
}

#[tokio::test]
async fn an_unusual_part_size_is_asked_for_not_guessed() {
    let stage = Stage::new().await;
    let bytes = content(25 * MIB, 3);
    stage.put("odd", in_parts(&bytes, 6 * MIB + 4321));
    assert_eq!(strength(&stage.copy("odd").await), Strength::MultipartEtag);
    assert_eq!(stage.site().object(BUCKET, "odd").unwrap().etag(), stage.source.object(BUCKET, "odd").unwrap().etag());
}

#[tokio::test]
async fn parts_of_different_sizes_are_no_boundaries_to_follow() {
    let stage = Stage::new().await;
    let bytes = content(21 * MIB, 4);
    let parts = vec![bytes.slice(..5 * MIB), bytes.slice(5 * MIB..12 * MIB), bytes.slice(12 * MIB..)];
    stage.put("uneven", StoredObject::in_parts(parts));
    let copied = stage.copy("uneven").await;
    assert_eq!(stage.arrived(0, "uneven").unwrap(), bytes);
    assert_eq!((strength(&copied), copied.source_reads), (Strength::Md5, 1), "hashed on the way, read once");
}

#[tokio::test]
async fn a_small_object_in_parts_is_written_at_once_with_its_md5() {
    let stage = Stage::new().await;
    let bytes = content(7 * MIB, 5);
    stage.put("two", in_parts(&bytes, 5 * MIB));
    assert_eq!(strength(&stage.copy("two").await), Strength::Md5);
    let put = &stage.site().requests_of(Op::PutObject)[0];
    assert!(put.header("content-md5").is_some(), "ETags cannot prove it, so the server is told what to expect");
    assert_eq!(stage.arrived(0, "two").unwrap(), bytes);
}

#[tokio::test]
async fn a_large_object_of_one_part_streams_in_one_put() {
    let stage = Stage::new().await;
    let bytes = content(40 * MIB + 1, 6);
    stage.source.put_object(BUCKET, "large", bytes.clone());
    let copied = stage.copy("large").await;
    assert_eq!((strength(&copied), copied.source_reads), (Strength::Md5, 1));
    assert_eq!(stage.requests(), (vec![(Op::GetObject, 1)], vec![(Op::PutObject, 1)]));
    assert_eq!(stage.arrived(0, "large").unwrap(), bytes);
}

#[tokio::test]
async fn an_object_above_the_split_goes_in_parts_that_the_server_checks() {
    let mut stage = Stage::new().await;
    stage.options.split_above = 16 * MIB as u64;
    let bytes = content(30 * MIB, 7);
    stage.source.put_object(BUCKET, "split", bytes.clone());
    let copied = stage.copy("split").await;
    assert_eq!((strength(&copied), copied.source_reads), (Strength::MultipartEtag, 1));
    assert_eq!(stage.arrived(0, "split").unwrap(), bytes);
    let parts = stage.site().requests_of(Op::UploadPart);
    assert!(parts.len() == 4 && parts.iter().all(|part| part.header("content-md5").is_some()));
}

#[tokio::test]
async fn an_object_that_was_split_says_so_and_keeps_the_etag_of_its_source() {
    let mut stage = Stage::new().await;
    stage.options.split_above = 16 * MIB as u64;
    let owner = ("owner".to_owned(), "jo".to_owned());
    let attributes = Attributes { metadata: [owner.clone()].into(), ..Attributes::default() };
    stage.put("split", StoredObject::new(content(30 * MIB, 7)).with_attributes(attributes));
    let etag = stage.source.object(BUCKET, "split").unwrap().etag().to_owned();
    let copied = stage.copy("split").await;
    assert!(matches!(copied.targets[0].result, Ok(Done::Copied { split: true, .. })), "{:?}", copied.targets);
    let kept = [owner, ("sourceetag".to_owned(), etag)];
    assert_eq!(stage.site().object(BUCKET, "split").unwrap().attributes.metadata, kept.into());
    for (key, object) in
        [("whole", StoredObject::new(content(16 * MIB, 8))), ("parts", in_parts(&content(30 * MIB, 9), 8 * MIB))]
    {
        stage.put(key, object);
        let copied = stage.copy(key).await;
        assert!(matches!(copied.targets[0].result, Ok(Done::Copied { split: false, .. })), "{:?}", copied.targets);
        assert_eq!(stage.site().object(BUCKET, key).unwrap().attributes.metadata, [].into());
    }
}

#[tokio::test]
async fn a_file_goes_to_s3_with_its_md5_and_comes_back_reread() {
    let stage = Stage::new().await;
    let (there, back) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (key, size) in [("small", 3000), ("large", 20 * MIB)] {
        let bytes = content(size, 8);
        std::fs::write(there.path().join(key), &bytes).unwrap();
        let files = directory(&there);
        let up = transship_transfer::Copier::new(
            files.clone(),
            vec![Destination::new(opened(stage.site()))],
            stage.options.clone(),
            stage.cancel.clone(),
        );
        let copied = up.copy(job(entry(&*files, key).await, 1)).await;
        assert_eq!(strength(&copied), Strength::Md5, "{key}");
        assert_eq!(stage.arrived(0, key).unwrap(), bytes);

        stage.source.put_object(BUCKET, key, bytes.clone());
        let copied = stage.copier_to(vec![directory(&back)]).copy(job(stage.listed(key).await, 1)).await;
        assert_eq!(strength(&copied), Strength::Reread, "{key}");
        assert_eq!(std::fs::read(back.path().join(key)).unwrap(), bytes);
    }
    assert!(stage.site().requests_of(Op::PutObject)[0].header("content-md5").is_some(), "small: before it is sent");
}

#[tokio::test]
async fn memory_is_reread_and_holds_what_the_source_holds() {
    let stage = Stage::new().await;
    for (key, size) in [("small", 100), ("large", 20 * MIB)] {
        let bytes = content(size, 9);
        stage.source.put_object(BUCKET, key, bytes.clone());
        let bucket = memory("strengths");
        let copied = stage.copier_to(vec![bucket.clone()]).copy(job(stage.listed(key).await, 1)).await;
        assert_eq!(strength(&copied), Strength::Reread);
        assert_eq!(read(&*bucket, key).await, bytes);
    }
}

#[tokio::test]
async fn an_etag_that_is_no_md5_is_not_taken_for_one() {
    let stage = Stage::new().await;
    let kms = Attributes { encryption: Some("aws:kms".into()), ..Attributes::default() };
    for size in [1000, 20 * MIB] {
        let bytes = content(size, 10);
        stage.put(
            "kms",
            StoredObject::new(bytes.clone()).with_etag("0123456789abcdef0123456789abcdef").with_attributes(kms.clone()),
        );
        let copied = stage.copy("kms").await;
        assert_eq!((strength(&copied), copied.source_reads), (Strength::Md5, 1), "the destination's MD5 is ours");
        assert_eq!(stage.arrived(0, "kms").unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_destination_whose_etags_are_no_md5_is_reread() {
    let stage = Stage::new().await;
    let mut destination = Destination::new(opened(stage.site()));
    destination.encryption = Some(transship_store::Encryption { algorithm: "aws:kms".into(), kms_key_id: None });
    let (options, cancel) = (stage.options.clone(), stage.cancel.clone());
    let copier = transship_transfer::Copier::new(opened(&stage.source), vec![destination], options, cancel);
    for size in [1000, 20 * MIB] {
        stage.source.put_object(BUCKET, "sealed", content(size, 11));
        stage.requests();
        let copied = copier.copy(job(stage.listed("sealed").await, 1)).await;
        assert_eq!((strength(&copied), copied.source_reads), (Strength::Reread, 1), "{size}");
        assert_eq!(
            stage.requests(),
            (vec![(Op::GetObject, 1)], vec![(Op::GetObject, 1), (Op::PutObject, 1)]),
            "{size}"
        );
    }
}

#[tokio::test]
async fn an_etag_that_only_looks_like_an_md5_costs_a_second_look_and_no_failure() {
    let stage = Stage::new().await;
    for size in [1000, 20 * MIB] {
        let bytes = content(size, 12);
        stage.put("odd", StoredObject::new(bytes.clone()).with_etag("0123456789abcdef0123456789abcdef"));
        let copied = stage.copy("odd").await;
        assert!(matches!(strength(&copied), Strength::Md5 | Strength::Reread));
        assert_eq!(stage.arrived(0, "odd").unwrap(), bytes);
    }
}

#[tokio::test]
async fn what_a_destination_cannot_keep_is_said() {
    let stage = Stage::new().await;
    let attributes = Attributes {
        cache_control: Some("no-store".into()),
        metadata: [("owner".to_owned(), "jo".to_owned())].into(),
        tags: vec![("a".into(), "1".into())],
        ..Attributes::default()
    };
    stage.put("rich", StoredObject::new("rich").with_attributes(attributes));
    let root = tempfile::tempdir().unwrap();
    let copied = stage.copier_to(vec![directory(&root)]).copy(job(stage.listed("rich").await, 1)).await;
    assert_eq!(copied.targets[0].not_kept, ["content headers", "metadata", "tags"]);
    assert_eq!(verified(&copied.targets[0]), Strength::Reread);
}

#[tokio::test]
async fn bytes_that_are_read_again_to_verify_do_not_count_as_progress() {
    let stage = Stage::new().await;
    let bytes = content(20 * MIB, 13);
    stage.put("odd", StoredObject::new(bytes.clone()).with_etag("0123456789abcdef0123456789abcdef"));
    let copier = stage.copier();
    let copied = copier.copy(job(stage.listed("odd").await, 1)).await;
    assert!(matches!(copied.targets[0].result, Ok(Done::Copied { bytes: b, .. }) if b == bytes.len() as u64));
    assert_eq!(copier.bytes_arrived(), bytes.len() as u64);
}

#[tokio::test]
async fn an_object_that_was_uploaded_as_a_single_part_keeps_its_etag_too() {
    let stage = Stage::new().await;
    let bytes = content(12 * MIB, 14);
    stage.put("one", in_parts(&bytes, 12 * MIB));
    assert_eq!(strength(&stage.copy("one").await), Strength::MultipartEtag);
    assert_eq!(stage.arrived(0, "one").unwrap(), bytes);
    let (got, put) = stage.requests();
    assert_eq!(got, [(Op::GetObject, 1)]);
    assert_eq!(put, [(Op::CreateMultipartUpload, 1), (Op::UploadPart, 1), (Op::CompleteMultipartUpload, 1)]);
}
