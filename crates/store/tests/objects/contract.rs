//! What every bucket does alike.

use futures::{StreamExt, TryStreamExt, stream};
use transship_store::{Body, Bucket, Condition, Error, ErrorKind, GetOptions, ListRequest, PutOptions};
use transship_types::{Algorithm, Digest, ETag, ErrorClass, Key};

use crate::{keys, list, put, read, under};

/// Keys that every store of this crate holds, in the order of their bytes.
pub(crate) const KEYS: [&str; 20] = [
    " lead",
    "%2F",
    "+",
    "a b",
    "a#b",
    "a%b",
    "a&b<c>\"'",
    "a-b/c",
    "a.b",
    "a/b",
    "a/b-c",
    "a/bc/d",
    "a?b=c",
    "a|b^c`{}[]",
    "b",
    "e\u{301}",
    "~",
    "é",
    "日本",
    "😀",
];

pub(crate) async fn all(bucket: &dyn Bucket) {
    objects_come_back_as_they_were(bucket).await;
    ranges_and_conditions_are_honoured(bucket).await;
    listings_page_filter_and_roll_up(bucket).await;
    keys_that_cannot_be_held_are_refused(bucket).await;
    bodies_are_checked_before_they_are_seen(bucket).await;
    deletes_answer_for_every_key(bucket).await;
    missing_things_are_errors_of_their_kind(bucket).await;
}

async fn objects_come_back_as_they_were(bucket: &dyn Bucket) {
    let mut sorted = KEYS.to_vec();
    sorted.sort_unstable();
    for key in KEYS {
        bucket.put(&Key::from(key), Body::bytes(key), &PutOptions::default()).await.unwrap();
    }
    assert_eq!(keys(bucket, &ListRequest::default()).await, sorted, "each key is listed as itself, in order");
    for key in KEYS {
        assert_eq!(read(bucket, key).await, key.as_bytes(), "{key:?}");
        let info = bucket.head(&Key::from(key)).await.unwrap();
        assert_eq!(info.size, key.len() as u64, "{key:?}");
    }
    let (entries, _) = list(bucket, &ListRequest::default()).await;
    for entry in entries {
        let options = GetOptions { if_match: entry.etag.clone(), ..GetOptions::default() };
        bucket.get(&entry.key, &options).await.unwrap_or_else(|e| panic!("the listed ETag is the object's: {e}"));
    }
    clear(bucket).await;
}

async fn ranges_and_conditions_are_honoured(bucket: &dyn Bucket) {
    put(bucket, "r", b"0123456789").await;
    let key = Key::from("r");
    let get = |range, if_match| {
        let options = GetOptions { range: Some(range), if_match, ..GetOptions::default() };
        let key = key.clone();
        async move {
            let reply = bucket.get(&key, &options).await?;
            let (length, size) = (reply.length, reply.info.size);
            let bytes = reply.body.try_collect::<Vec<_>>().await?.concat();
            Ok::<_, Error>((length, size, String::from_utf8(bytes).unwrap()))
        }
    };
    assert_eq!(get(2..5, None).await.unwrap(), (3, 10, "234".to_owned()));
    assert_eq!(get(8..99, None).await.unwrap(), (2, 10, "89".to_owned()));
    assert_eq!(get(20..30, None).await.unwrap_err().class(), ErrorClass::Permanent);
    let etag = bucket.head(&key).await.unwrap().etag;
    assert_eq!(get(0..1, etag).await.unwrap().2, "0");
    let stale = Some(ETag::new("\"stale\""));
    let error = get(0..1, stale).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::PreconditionFailed, ErrorClass::Conflict), "{error}");

    let part = GetOptions { part_number: Some(1), ..GetOptions::default() };
    assert_eq!(bucket.get(&key, &part).await.unwrap_err().kind(), ErrorKind::Unsupported);
    let absent = PutOptions { condition: Condition::IfAbsent, ..PutOptions::default() };
    let error = bucket.put(&key, Body::bytes("x"), &absent).await.unwrap_err();
    assert_eq!((error.kind(), error.class()), (ErrorKind::PreconditionFailed, ErrorClass::Conflict), "{error}");
    bucket.put(&Key::from("fresh"), Body::bytes("x"), &absent).await.unwrap();
    if bucket.capabilities().conditional_put {
        let written = bucket.put(&key, Body::bytes("1"), &PutOptions::default()).await.unwrap();
        let only = |etag| PutOptions { condition: Condition::IfMatch(etag), ..PutOptions::default() };
        let next = bucket.put(&key, Body::bytes("2"), &only(written.etag.clone().unwrap())).await.unwrap();
        assert_ne!(next.etag, written.etag);
        let error = bucket.put(&key, Body::bytes("3"), &only(written.etag.unwrap())).await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Conflict, "{error}");
        assert_eq!(read(bucket, "r").await, b"2");
    }
    clear(bucket).await;
}

async fn listings_page_filter_and_roll_up(bucket: &dyn Bucket) {
    for key in ["a/1", "a/2", "a/b/3", "ab", "abc/4", "b", "c/5"] {
        put(bucket, key, b"x").await;
    }
    let paged = ListRequest { max_keys: Some(2), ..ListRequest::default() };
    assert_eq!(keys(bucket, &paged).await, ["a/1", "a/2", "a/b/3", "ab", "abc/4", "b", "c/5"]);
    for (prefix, expected) in [
        ("a", vec!["a/1", "a/2", "a/b/3", "ab", "abc/4"]),
        ("a/", vec!["a/1", "a/2", "a/b/3"]),
        ("a/b", vec!["a/b/3"]),
        ("ab", vec!["ab", "abc/4"]),
        ("b", vec!["b"]),
        ("a/1", vec!["a/1"]),
        ("nothing/here", vec![]),
    ] {
        assert_eq!(keys(bucket, &under(prefix)).await, expected, "prefix {prefix:?}");
    }
    for after in ["a/2", "a/20", "a/b/", "a//", "", "abc/4", "zz"] {
        let request = ListRequest { start_after: Some(Key::from(after)), max_keys: Some(1), ..ListRequest::default() };
        let all = ["a/1", "a/2", "a/b/3", "ab", "abc/4", "b", "c/5"];
        let expected: Vec<_> = all.into_iter().filter(|key| *key > after).collect();
        assert_eq!(keys(bucket, &request).await, expected, "after {after:?}");
    }
    for (prefix, delimiter, objects, prefixes) in [
        ("", "/", vec!["ab", "b"], vec!["a/", "abc/", "c/"]),
        ("a/", "/", vec!["a/1", "a/2"], vec!["a/b/"]),
        ("a", "/", vec!["ab"], vec!["a/", "abc/"]),
        ("", "b", vec!["a/1", "a/2", "c/5"], vec!["a/b", "ab", "b"]),
    ] {
        for max_keys in [None, Some(1)] {
            let request = ListRequest { delimiter: Some(delimiter.into()), max_keys, ..under(prefix) };
            let (entries, rolled) = list(bucket, &request).await;
            let listed: Vec<_> = entries.iter().map(|e| e.key.as_str()).collect();
            assert_eq!(
                (listed, rolled),
                (objects.clone(), prefixes.iter().map(|p| (*p).to_owned()).collect()),
                "{prefix:?} {delimiter:?}"
            );
        }
    }
    clear(bucket).await;
}

async fn keys_that_cannot_be_held_are_refused(bucket: &dyn Bucket) {
    // No object_store path has control characters; the names of files have all but one.
    let control =
        if bucket.location().starts_with("file://") { vec![] } else { vec!["a\nb", "a\tb", "a\rb", "a\u{7f}"] };
    for key in ["", "/", "/a", "a/", "a//b", ".", "..", "./c", "a/../b", "a\0b"].into_iter().chain(control) {
        let key = Key::from(key);
        let refused =
            |e: Error| assert_eq!((e.kind(), e.class()), (ErrorKind::UnrepresentableKey, ErrorClass::Permanent), "{e}");
        let options = PutOptions::default();
        refused(bucket.check_key(&key).unwrap_err());
        refused(bucket.put(&key, Body::bytes("x"), &options).await.unwrap_err());
        refused(bucket.create_upload(&key, &options).await.unwrap_err());
        refused(bucket.delete(std::slice::from_ref(&key)).await.unwrap().remove(0).result.unwrap_err());
    }
    assert_eq!(keys(bucket, &ListRequest::default()).await, [""; 0]);
    assert_eq!(bucket.list_page(&under("a//"), None).await.unwrap_err().kind(), ErrorKind::UnrepresentableKey);
}

async fn bodies_are_checked_before_they_are_seen(bucket: &dyn Bucket) {
    let key = Key::from("checked");
    let chunks = |chunks: &'static [&'static str], length| {
        Body::stream(length, stream::iter(chunks.iter().map(|c| Ok((*c).into()))).boxed())
    };
    bucket.put(&key, chunks(&["ab", "", "cd"], 4), &PutOptions::default()).await.unwrap();
    assert_eq!(read(bucket, "checked").await, b"abcd");
    bucket.put(&key, chunks(&[], 0), &PutOptions::default()).await.unwrap();
    assert_eq!(read(bucket, "checked").await, b"");
    bucket.delete(std::slice::from_ref(&key)).await.unwrap();

    let error = bucket.put(&key, chunks(&["ab"], 4), &PutOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Truncated, "{error}");
    let broken = stream::iter([Ok("ab".into()), Err(Error::new(ErrorKind::Connection, "the source broke"))]).boxed();
    let error = bucket.put(&key, Body::stream(4, broken), &PutOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    let digest = Some(Digest { algorithm: Algorithm::Md5, bytes: vec![0; 16] });
    let options = PutOptions { digest, ..PutOptions::default() };
    for body in [Body::bytes("ab"), chunks(&["ab"], 2)] {
        let error = bucket.put(&key, body, &options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DigestMismatch, "{error}");
    }
    assert_eq!(keys(bucket, &ListRequest::default()).await, [""; 0], "nothing of it is left");
}

async fn deletes_answer_for_every_key(bucket: &dyn Bucket) {
    put(bucket, "d/1", b"x").await;
    put(bucket, "d/2", b"x").await;
    put(bucket, "kept", b"x").await;
    let asked: Vec<_> = ["d/1", "a//b", "never", "d/2", "d/1"].map(Key::from).to_vec();
    let deleted = bucket.delete(&asked).await.unwrap();
    assert!(deleted.iter().map(|d| &d.key).eq(&asked), "in the order given");
    let well: Vec<_> = deleted.iter().map(|d| d.result.is_ok()).collect();
    assert_eq!(well, [true, false, true, true, true]);
    assert_eq!(keys(bucket, &ListRequest::default()).await, ["kept"]);
    clear(bucket).await;
}

async fn missing_things_are_errors_of_their_kind(bucket: &dyn Bucket) {
    let key = Key::from("no/such");
    for error in [bucket.head(&key).await.unwrap_err(), bucket.get(&key, &GetOptions::default()).await.unwrap_err()] {
        assert_eq!((error.kind(), error.class()), (ErrorKind::NotFound, ErrorClass::Permanent), "{error}");
        assert!(error.to_string().contains(bucket.location()) && error.to_string().contains("no/such"), "{error}");
    }
    for (key, options) in [("x", PutOptions { acl: Some("private".into()), ..PutOptions::default() })] {
        let error = bucket.put(&Key::from(key), Body::bytes("x"), &options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    assert_eq!(bucket.tags(&key).await.unwrap_err().kind(), ErrorKind::Unsupported);
    bucket.probe().await.unwrap();
}

pub(crate) async fn clear(bucket: &dyn Bucket) {
    let there: Vec<_> = keys(bucket, &ListRequest::default()).await.into_iter().map(Key::from).collect();
    for deleted in bucket.delete(&there).await.unwrap() {
        deleted.result.unwrap();
    }
}
