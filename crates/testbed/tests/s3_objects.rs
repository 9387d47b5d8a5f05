//! Objects: what travels with them, conditions, ranges, copies, digests, parts.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's helpers may panic")]

mod raw;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use raw::{elements, request};
use transship_testbed::s3::{Attributes, Effect, Fault, Operation, S3Server, StoredObject};

async fn server() -> S3Server {
    S3Server::builder().bucket("src").bucket("dst").start().await.unwrap()
}

#[tokio::test]
async fn attributes_come_back_as_they_were_given() {
    let server = server().await;
    let given = [
        ("content-type", "text/csv"),
        ("content-encoding", "gzip"),
        ("content-disposition", "inline"),
        ("content-language", "de"),
        ("cache-control", "no-store"),
        ("expires", "Wed, 21 Oct 2026 07:28:00 GMT"),
        ("x-amz-meta-who", "me"),
        ("x-amz-storage-class", "STANDARD_IA"),
        ("x-amz-server-side-encryption", "AES256"),
    ];
    let mut put = request(&server, "PUT", "src", "k").header("x-amz-tagging", "a=1&b=%26").body("x");
    for (name, value) in given {
        put = put.header(name, value);
    }
    assert_eq!(put.send(&server).await.status(), 200);
    for method in ["GET", "HEAD"] {
        let reply = request(&server, method, "src", "k").send(&server).await;
        for (name, value) in given {
            assert_eq!(reply.header(name), Some(value), "{method} {name}");
        }
        assert_eq!(reply.header("x-amz-tagging-count"), Some("2"), "{method}");
    }
    let tags = request(&server, "GET", "src", "k").query("tagging", "").send(&server).await.text();
    assert_eq!(
        (elements(&tags, "Key"), elements(&tags, "Value")),
        (vec!["a".into(), "b".into()], vec!["1".into(), "&amp;".to_owned()])
    );
}

#[tokio::test]
async fn an_object_that_calls_itself_xml_is_not_touched() {
    let server = server().await;
    let bytes = b"<ETag>\r\x01</ETag>";
    let put = request(&server, "PUT", "src", "k").header("content-type", "application/xml").body(bytes);
    assert_eq!(put.send(&server).await.status(), 200);
    server.faults().add(Fault::new(Effect::WrongEtag("beef".into())));
    let reply = request(&server, "GET", "src", "k").send(&server).await;
    assert_eq!((reply.etag().as_str(), reply.body.as_slice()), ("beef", bytes.as_slice()));
}

#[tokio::test]
async fn conditions_decide_reads_and_writes() {
    let server = server().await;
    server.put_object("src", "k", "hello");
    let etag = "\"5d41402abc4b2a76b9719d911017c592\"";
    let status = async |method, key: &str, name: &str, value: &str| {
        request(&server, method, "src", key).header(name, value).send(&server).await.status()
    };
    assert_eq!(status("GET", "k", "if-match", etag).await, 200);
    assert_eq!(status("GET", "k", "if-match", "\"other\"").await, 412);
    assert_eq!(status("GET", "k", "if-none-match", etag).await, 304);
    assert_eq!(status("GET", "k", "if-none-match", "\"other\"").await, 200);
    assert_eq!(status("GET", "k", "if-modified-since", "Fri, 01 Jan 2100 00:00:00 GMT").await, 304);
    assert_eq!(status("GET", "k", "if-unmodified-since", "Sat, 01 Jan 2000 00:00:00 GMT").await, 412);
    assert_eq!(status("PUT", "k", "if-none-match", "*").await, 412);
    assert_eq!(status("PUT", "k", "if-match", "\"other\"").await, 412);
    assert_eq!(server.object("src", "k").unwrap().bytes().unwrap(), "hello");
    assert_eq!(status("PUT", "new", "if-none-match", "*").await, 200);
    assert_eq!(status("PUT", "none", "if-match", etag).await, 404);
    assert_eq!(status("PUT", "k", "if-match", etag).await, 200);
    assert_eq!(server.object("src", "k").unwrap().size(), 0);
}

#[tokio::test]
async fn ranges_and_parts_are_cut_where_asked() {
    let server = server().await;
    server.put("src", "k", StoredObject::in_parts(vec!["hello".into(), "world!".into()]));
    for (range, body, content_range) in [
        ("bytes=0-4", "hello", "bytes 0-4/11"),
        ("bytes=4-5", "ow", "bytes 4-5/11"),
        ("bytes=9-", "d!", "bytes 9-10/11"),
        ("bytes=-3", "ld!", "bytes 8-10/11"),
        ("bytes=9-99", "d!", "bytes 9-10/11"),
    ] {
        let reply = request(&server, "GET", "src", "k").header("range", range).send(&server).await;
        assert_eq!((reply.status(), reply.text().as_str()), (206, body), "{range}");
        assert_eq!(reply.header("content-range"), Some(content_range));
    }
    let beyond = request(&server, "GET", "src", "k").header("range", "bytes=11-").send(&server).await;
    assert_eq!((beyond.status(), beyond.element("Code").as_deref()), (416, Some("InvalidRange")));
    for method in ["GET", "HEAD"] {
        let part = request(&server, method, "src", "k").query("partNumber", "2").send(&server).await;
        assert_eq!((part.status(), part.header("content-length")), (206, Some("6")), "{method}");
        assert_eq!(part.header("x-amz-mp-parts-count"), Some("2"), "{method}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_what_was_promised_is_not_stored() {
    let server = server().await;
    let wrong = [
        ("content-md5", BASE64.encode([0; 16]), "BadDigest"),
        ("content-md5", "no base64".to_owned(), "InvalidDigest"),
        ("x-amz-checksum-crc32", BASE64.encode([0; 4]), "BadDigest"),
        ("x-amz-checksum-crc32c", BASE64.encode([0; 4]), "BadDigest"),
        ("x-amz-checksum-crc64nvme", BASE64.encode([0; 8]), "BadDigest"),
        ("x-amz-checksum-sha1", BASE64.encode([0; 20]), "BadDigest"),
        ("x-amz-checksum-sha256", BASE64.encode([0; 32]), "BadDigest"),
    ];
    for (name, value, code) in wrong {
        let reply = request(&server, "PUT", "src", "k").header(name, &value).body("123456789").send(&server).await;
        assert_eq!((reply.status(), reply.element("Code").as_deref()), (400, Some(code)), "{name}");
    }
    assert!(server.keys("src").is_empty());
    // The published check values of `123456789`.
    for (name, value) in [
        ("content-md5", BASE64.encode(hex::decode("25f9e794323b453885f5181f1b624d0b").unwrap())),
        ("x-amz-checksum-crc32", BASE64.encode(0xCBF4_3926_u32.to_be_bytes())),
        ("x-amz-checksum-crc32c", BASE64.encode(0xE306_9283_u32.to_be_bytes())),
        ("x-amz-checksum-crc64nvme", BASE64.encode(0xAE8B_1486_0A79_9888_u64.to_be_bytes())),
    ] {
        let reply = request(&server, "PUT", "src", "k").header(name, &value).body("123456789").send(&server).await;
        assert_eq!(reply.status(), 200, "{name}: {}", reply.text());
        let get = request(&server, "GET", "src", "k").header("x-amz-checksum-mode", "ENABLED").send(&server).await;
        assert_eq!(get.header(name).is_some(), name != "content-md5", "{name}");
    }
}

#[tokio::test]
async fn a_signed_payload_must_match_its_hash() {
    let server = server().await;
    let mut put = request(&server, "PUT", "src", "k").body("hello");
    put.payload = "0".repeat(64);
    let reply = put.send(&server).await;
    assert_eq!((reply.status(), reply.element("Code").as_deref()), (400, Some("XAmzContentSHA256Mismatch")));
    assert!(server.keys("src").is_empty());
    // printf hello | sha256sum
    put.payload = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824".to_owned();
    assert_eq!(put.send(&server).await.status(), 200);
}

#[tokio::test]
async fn a_chunked_body_is_unpacked_and_its_trailing_checksum_is_checked() {
    let server = server().await;
    for (checksum, status) in [(BASE64.encode(0xCBF4_3926_u32.to_be_bytes()), 200), (BASE64.encode([0; 4]), 400)] {
        let mut put = request(&server, "PUT", "src", &status.to_string())
            .header("x-amz-trailer", "x-amz-checksum-crc32")
            .header("x-amz-decoded-content-length", "9")
            .header("content-encoding", "aws-chunked")
            .body(format!("4\r\n1234\r\n5\r\n56789\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n"));
        put.payload = "STREAMING-UNSIGNED-PAYLOAD-TRAILER".to_owned();
        let reply = put.send(&server).await;
        assert_eq!(reply.status(), status, "{}", reply.text());
    }
    assert_eq!(server.keys("src"), ["200"]);
    let object = server.object("src", "200").unwrap();
    assert_eq!((object.bytes().unwrap(), &object.attributes.content_encoding), ("123456789".into(), &None));
}

#[tokio::test]
async fn copying_keeps_or_replaces_metadata_and_tags() {
    let server = server().await;
    let attributes = Attributes {
        content_type: Some("text/csv".into()),
        metadata: [("who".to_owned(), "me".to_owned())].into(),
        tags: vec![("a".into(), "1".into())],
        ..Attributes::default()
    };
    server.put("src", "k", StoredObject::in_parts(vec!["he".into(), "llo".into()]).with_attributes(attributes.clone()));
    let copy = request(&server, "PUT", "dst", "kept").header("x-amz-copy-source", "src/k").send(&server).await;
    assert_eq!(copy.status(), 200);
    let kept = server.object("dst", "kept").unwrap();
    assert_eq!(kept.attributes, attributes);
    assert_eq!(kept.etag(), "5d41402abc4b2a76b9719d911017c592", "a copy is one part");

    let copy = request(&server, "PUT", "dst", "replaced")
        .header("x-amz-copy-source", "src/k")
        .header("x-amz-metadata-directive", "REPLACE")
        .header("x-amz-tagging-directive", "REPLACE")
        .header("x-amz-tagging", "b=2")
        .header("content-type", "text/plain");
    assert_eq!(copy.send(&server).await.status(), 200);
    let replaced = &server.object("dst", "replaced").unwrap().attributes;
    assert_eq!(replaced.content_type.as_deref(), Some("text/plain"));
    assert!(replaced.metadata.is_empty());
    assert_eq!(replaced.tags, [("b".to_owned(), "2".to_owned())]);

    let stale = request(&server, "PUT", "dst", "stale").header("x-amz-copy-source", "src/k");
    let stale = stale.header("x-amz-copy-source-if-match", "\"other\"").send(&server).await;
    assert_eq!((stale.status(), server.object("dst", "stale").is_none()), (412, true));
}

#[tokio::test]
async fn bulk_delete_needs_a_digest_and_removes_what_it_names() {
    let server = server().await;
    for key in ["a", "a/", "a//b", "x&y"] {
        server.put_object("src", key, "1");
    }
    let body = "<Delete><Object><Key>a/</Key></Object><Object><Key>x&amp;y</Key></Object><Object><Key>none</Key></Object></Delete>";
    let delete = request(&server, "POST", "src", "").query("delete", "").body(body);
    let refused = delete.clone().send(&server).await;
    assert_eq!((refused.status(), refused.element("Code").as_deref()), (400, Some("InvalidRequest")));
    let refused = delete.clone().header("content-md5", &BASE64.encode([0; 16])).send(&server).await;
    assert_eq!(refused.element("Code").as_deref(), Some("BadDigest"));
    assert_eq!(server.keys("src").len(), 4);
    let md5 = {
        use md5::Digest as _;
        BASE64.encode(md5::Md5::digest(body))
    };
    let done = delete.header("content-md5", &md5).send(&server).await;
    assert_eq!(elements(&done.text(), "Key"), ["a/", "x&amp;y", "none"]);
    assert_eq!(server.keys("src"), ["a", "a//b"]);
    assert_eq!(server.count(Operation::DeleteObjects), 3);
}

async fn start_upload(server: &S3Server, key: &str) -> String {
    let reply = request(server, "POST", "dst", key).query("uploads", "").send(server).await;
    reply.element("UploadId").unwrap()
}

async fn upload_part(server: &S3Server, key: &str, upload: &str, number: &str, body: Vec<u8>) -> String {
    let part = request(server, "PUT", "dst", key).query("partNumber", number).query("uploadId", upload).body(body);
    part.send(server).await.etag()
}

fn completion(parts: &[(&str, &str)]) -> String {
    let part =
        |(number, etag): &(&str, &str)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>");
    format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.iter().map(part).collect::<String>())
}

#[tokio::test]
async fn parts_become_an_object_only_when_completed_by_the_rules() {
    let server = server().await;
    let upload = start_upload(&server, "k").await;
    let first = upload_part(&server, "k", &upload, "1", vec![1; 5 << 20]).await;
    let small = upload_part(&server, "k", &upload, "2", b"small".to_vec()).await;
    let third = upload_part(&server, "k", &upload, "3", b"!".to_vec()).await;
    assert_eq!(server.unfinished_uploads("dst")[0].parts, [(1, 5 << 20), (2, 5), (3, 1)]);
    assert!(server.keys("dst").is_empty());

    let complete = async |parts: &[(&str, &str)]| {
        let reply = request(&server, "POST", "dst", "k").query("uploadId", &upload).body(completion(parts));
        let reply = reply.send(&server).await;
        (reply.status(), reply.element("Code").or(reply.element("ETag")).unwrap())
    };
    assert_eq!(complete(&[]).await.1, "MalformedXML");
    assert_eq!(complete(&[("2", &small), ("1", &first)]).await.1, "InvalidPartOrder");
    assert_eq!(complete(&[("1", &small)]).await.1, "InvalidPart");
    assert_eq!(complete(&[("1", &first), ("4", &small)]).await.1, "InvalidPart");
    assert_eq!(complete(&[("1", &first), ("2", &small), ("3", &third)]).await.1, "EntityTooSmall");
    assert!(server.keys("dst").is_empty());
    let (status, etag) = complete(&[("1", &first), ("2", &small)]).await;
    // The MD5 of the MD5s of 5 MiB of 0x01 and of `small`, by another implementation.
    assert_eq!((status, etag.trim_matches('"')), (200, "96cb647bac73d194eacea80aebb395b5-2"));
    assert_eq!(server.object("dst", "k").unwrap().part_sizes(), [5 << 20, 5]);
    assert_eq!(complete(&[("1", &first)]).await, (404, "NoSuchUpload".to_owned()));
    assert!(server.unfinished_uploads("dst").is_empty());
}

#[tokio::test]
async fn unfinished_uploads_and_their_parts_are_listed_and_can_be_aborted() {
    let server = S3Server::builder().bucket("dst").page_size(2).start().await.unwrap();
    let mut uploads = Vec::new();
    for key in ["a", "b", "c"] {
        uploads.push(start_upload(&server, key).await);
    }
    let list = request(&server, "GET", "dst", "").query("uploads", "");
    let page = list.clone().send(&server).await;
    assert_eq!(
        (elements(&page.text(), "Key"), page.element("IsTruncated").unwrap()),
        (vec!["a".to_owned(), "b".into()], "true".into())
    );
    let (key, id) = (page.element("NextKeyMarker").unwrap(), page.element("NextUploadIdMarker").unwrap());
    let page = list.query("key-marker", &key).query("upload-id-marker", &id).send(&server).await;
    assert_eq!(
        (elements(&page.text(), "Key"), page.element("IsTruncated").unwrap()),
        (vec!["c".to_owned()], "false".into())
    );

    for number in ["1", "2", "3"] {
        upload_part(&server, "a", &uploads[0], number, vec![0; 3]).await;
    }
    let list = request(&server, "GET", "dst", "a").query("uploadId", &uploads[0]);
    let page = list.clone().send(&server).await;
    assert_eq!(elements(&page.text(), "PartNumber"), ["1", "2"]);
    let page = list.query("part-number-marker", &page.element("NextPartNumberMarker").unwrap()).send(&server).await;
    assert_eq!(elements(&page.text(), "PartNumber"), ["3"]);

    let abort = request(&server, "DELETE", "dst", "a").query("uploadId", &uploads[0]);
    assert_eq!(abort.send(&server).await.status(), 204);
    assert_eq!(abort.send(&server).await.status(), 404);
    assert_eq!(server.unfinished_uploads("dst").len(), 2);
}

#[tokio::test]
async fn parts_are_copied_by_range_from_another_bucket() {
    let server = S3Server::builder().bucket("dst").min_part_size(1).start().await.unwrap();
    server.put_object("src", "k", "hello world");
    let upload = start_upload(&server, "copy").await;
    let mut etags = Vec::new();
    for (number, range) in [("1", "bytes=0-5"), ("2", "bytes=6-10")] {
        let part = request(&server, "PUT", "dst", "copy").query("partNumber", number).query("uploadId", &upload);
        let part = part.header("x-amz-copy-source", "/src/k").header("x-amz-copy-source-range", range);
        etags.push(part.send(&server).await.element("ETag").unwrap());
    }
    let body = completion(&[("1", &etags[0]), ("2", &etags[1])]);
    let done = request(&server, "POST", "dst", "copy").query("uploadId", &upload).body(body).send(&server).await;
    assert_eq!(done.status(), 200, "{}", done.text());
    assert_eq!(server.object("dst", "copy").unwrap().bytes().unwrap(), "hello world");
    let beyond = request(&server, "PUT", "dst", "copy").query("partNumber", "1").query("uploadId", &upload);
    let beyond = beyond.header("x-amz-copy-source", "/src/k").header("x-amz-copy-source-range", "bytes=6-11");
    assert_eq!(beyond.send(&server).await.status(), 416);
}

#[tokio::test]
async fn synthetic_objects_are_served_with_their_true_etag() {
    let server = server().await;
    server.put("src", "k", StoredObject::synthetic(3_000_000, 7));
    let reply = request(&server, "GET", "src", "k").send(&server).await;
    assert_eq!((reply.status(), reply.body.len()), (200, 3_000_000));
    let md5 = {
        use md5::Digest as _;
        hex::encode(md5::Md5::digest(&reply.body))
    };
    assert_eq!(reply.etag(), md5);
    let part = request(&server, "GET", "src", "k").header("range", "bytes=1048570-1048600").send(&server).await;
    assert_eq!(part.body, &reply.body[1_048_570..=1_048_600]);
}

#[tokio::test]
async fn a_discarding_server_answers_with_digests_and_holds_nothing() {
    let server = S3Server::builder().bucket("src").discard_bodies().start().await.unwrap();
    let put = request(&server, "PUT", "src", "k").body("hello").send(&server).await;
    assert_eq!(put.etag(), "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(server.object("src", "k").unwrap().bytes(), None);
    assert_eq!(request(&server, "HEAD", "src", "k").send(&server).await.header("content-length"), Some("5"));
    assert_eq!(
        request(&server, "GET", "src", "k").send(&server).await.element("Code").as_deref(),
        Some("InvalidObjectState")
    );
}

#[tokio::test]
async fn with_kms_the_etag_is_no_md5() {
    let server = server().await;
    let put = request(&server, "PUT", "src", "k").header("x-amz-server-side-encryption", "aws:kms").body("hello");
    let etag = put.send(&server).await.etag();
    assert_eq!(etag.len(), 32);
    assert_ne!(etag, "5d41402abc4b2a76b9719d911017c592");
}
