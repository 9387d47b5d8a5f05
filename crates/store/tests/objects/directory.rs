use std::{fs, path::Path};

use proptest::prelude::*;
use tempfile::TempDir;
use time::macros::datetime;
use transship_store::{
    Body, Bucket, Cursor, ErrorKind, GetOptions, Links, ListRequest, LocalSpec, ObjectStoreBucket, PutOptions,
};
use transship_types::{ErrorClass, Key};

use crate::{contract, keys, list, put, read, under};

fn bucket(root: &Path) -> ObjectStoreBucket {
    ObjectStoreBucket::local(&LocalSpec { root: root.into(), ..LocalSpec::default() }).unwrap()
}

#[tokio::test]
async fn a_directory_keeps_the_contract() {
    let root = TempDir::new().unwrap();
    contract::all(&bucket(root.path())).await;
}

#[tokio::test]
async fn a_directory_of_any_name_keeps_the_contract() {
    let root = TempDir::new().unwrap();
    contract::all(&bucket(&root.path().join("sp ace/#1/100%/é\u{301}?/new\nline"))).await;
}

#[tokio::test]
async fn a_missing_directory_is_no_empty_one_until_it_is_written_to() {
    let root = TempDir::new().unwrap();
    let path = root.path().join("not/yet");
    let bucket = bucket(&path);
    let key = Key::from("a");
    for error in [
        bucket.list_page(&ListRequest::default(), None).await.unwrap_err(),
        bucket.head(&key).await.unwrap_err(),
        bucket.get(&key, &GetOptions::default()).await.unwrap_err(),
        bucket.probe().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NoSuchBucket, "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    assert!(!path.exists());
    put(&bucket, "a", b"1").await;
    assert_eq!(read(&bucket, "a").await, b"1");
    fs::remove_dir_all(&path).unwrap();
    assert_eq!(bucket.head(&key).await.unwrap_err().kind(), ErrorKind::NoSuchBucket);

    let created = root.path().join("created");
    ObjectStoreBucket::local(&LocalSpec { root: created.clone(), create: true, ..LocalSpec::default() })
        .unwrap()
        .probe()
        .await
        .unwrap();
    assert!(created.is_dir());
}

#[test]
fn a_file_where_a_directory_should_be_is_named() {
    let root = TempDir::new().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "x").unwrap();
    for root in [file.clone(), file.join("below")] {
        let error = ObjectStoreBucket::local(&LocalSpec { root: root.clone(), create: true, ..LocalSpec::default() })
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.to_string().contains(file.to_str().unwrap()), "{error}");
    }
}

#[tokio::test]
async fn a_file_has_the_time_of_its_source() {
    let root = TempDir::new().unwrap();
    let bucket = bucket(root.path());
    let time = datetime!(2001-02-03 04:05:06.789 UTC);
    let options = PutOptions { source_time: Some(time), ..PutOptions::default() };
    let written = bucket.put(&Key::from("put"), Body::bytes("x"), &options).await.unwrap();
    let upload = bucket.create_upload(&Key::from("parts"), &options).await.unwrap();
    let part = bucket.put_part(&upload, 1, Body::bytes("x"), &PutOptions::default()).await.unwrap();
    bucket.complete_upload(&upload, &[part], &PutOptions::default()).await.unwrap();
    for entry in list(&bucket, &ListRequest::default()).await.0 {
        let info = bucket.head(&entry.key).await.unwrap();
        assert_eq!((entry.last_modified, info.last_modified, info.modified_at_source), (time, time, Some(time)));
        assert_eq!(entry.etag, info.etag);
    }
    assert_eq!(bucket.head(&Key::from("put")).await.unwrap().etag, written.etag, "the reply's ETag is the final one");
}

#[tokio::test]
async fn a_disk_cannot_hold_a_file_and_a_directory_of_one_name() {
    let root = TempDir::new().unwrap();
    let bucket = bucket(root.path());
    put(&bucket, "file", b"x").await;
    put(&bucket, "dir/below", b"x").await;
    for key in ["dir", "file/below", "file/far/below"] {
        let key = Key::from(key);
        let options = PutOptions::default();
        let error = bucket.put(&key, Body::bytes("x"), &options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnrepresentableKey, "{key}: {error}");
        assert!(error.to_string().contains("cannot hold both"), "{error}");
        assert_eq!(bucket.head(&key).await.unwrap_err().kind(), ErrorKind::NotFound);
        bucket.delete(&[key]).await.unwrap().remove(0).result.unwrap();
    }
    assert_eq!(keys(&bucket, &ListRequest::default()).await, ["dir/below", "file"]);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2, "nothing is left of the attempts");
}

#[tokio::test]
async fn unfinished_writes_are_neither_seen_nor_overwritten() {
    let root = TempDir::new().unwrap();
    let bucket = bucket(root.path());
    let upload = bucket.create_upload(&Key::from("big"), &PutOptions::default()).await.unwrap();
    bucket.put_part(&upload, 1, Body::bytes("half"), &PutOptions::default()).await.unwrap();
    fs::write(root.path().join("a#b.1.transship-part"), "left by another process").unwrap();
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
    assert_eq!(keys(&bucket, &ListRequest::default()).await, [""; 0]);
    for key in ["big.1.transship-part", "a#b.1.transship-part", "x/y.007.transship-part"] {
        assert_eq!(bucket.check_key(&Key::from(key)).unwrap_err().kind(), ErrorKind::UnrepresentableKey, "{key}");
    }
    bucket.abort_upload(&upload).await.unwrap();
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    assert!(bucket.list_uploads("").await.unwrap().is_empty());
}

#[tokio::test]
async fn names_that_are_too_long_are_refused_before_anything_is_written() {
    let root = TempDir::new().unwrap();
    let bucket = bucket(root.path());
    for key in ["x".repeat(256), format!("a/{}", "é".repeat(128)), ["d"; 2100].join("/")] {
        let error = bucket.put(&Key::from(key), Body::bytes("x"), &PutOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnrepresentableKey, "{error}");
    }
    put(&bucket, &"x".repeat(255), b"x").await;
    put(&bucket, &"é".repeat(127), b"x").await;
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
}

#[cfg(unix)]
mod unix {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, os::unix::fs::symlink};

    use super::*;

    #[tokio::test]
    async fn what_may_not_be_read_is_named_and_never_left_out() {
        use std::os::unix::fs::PermissionsExt;
        let root = TempDir::new().unwrap();
        let bucket = bucket(root.path());
        put(&bucket, "locked/a", b"x").await;
        put(&bucket, "secret", b"x").await;
        let lock = |name: &str, mode| {
            fs::set_permissions(root.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        lock("locked", 0);
        lock("secret", 0);
        // Nothing is locked for a superuser.
        if fs::read_dir(root.path().join("locked")).is_err() {
            let (key, options) = (Key::from("secret"), GetOptions::default());
            for (error, name) in [
                (bucket.list_page(&ListRequest::default(), None).await.unwrap_err(), "locked"),
                (bucket.get(&key, &options).await.unwrap_err(), "secret"),
                (
                    bucket.put(&Key::from("locked/b"), Body::bytes("x"), &PutOptions::default()).await.unwrap_err(),
                    "locked",
                ),
            ] {
                assert_eq!((error.kind(), error.class()), (ErrorKind::AccessDenied, ErrorClass::Permanent), "{error}");
                assert!(error.to_string().contains(root.path().join(name).to_str().unwrap()), "{error}");
            }
        }
        lock("locked", 0o700);
    }

    #[tokio::test]
    async fn a_name_that_is_not_utf8_is_an_error_that_shows_it() {
        let root = TempDir::new().unwrap();
        fs::write(root.path().join(OsStr::from_bytes(b"bad\xff")), "x").unwrap();
        let error = bucket(root.path()).list_page(&ListRequest::default(), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnrepresentableKey, "{error}");
        assert!(error.to_string().contains("bad\u{fffd}"), "{error}");
    }

    #[tokio::test]
    async fn a_listing_that_failed_goes_on_where_it_was() {
        let root = TempDir::new().unwrap();
        let bucket = bucket(root.path());
        for key in ["a", "b", "c/1", "c/2", "d"] {
            put(&bucket, key, b"x").await;
        }
        let request = ListRequest { max_keys: Some(1), ..ListRequest::default() };
        let first = bucket.list_page(&request, None).await.unwrap();
        let bad = root.path().join("c").join(OsStr::from_bytes(b"bad\xff"));
        fs::write(&bad, "x").unwrap();
        let mut cursor = first.next.unwrap();
        assert!(bucket.list_page(&request, Some(cursor.clone())).await.is_err(), "it looks one ahead");
        fs::remove_file(&bad).unwrap();
        let mut rest = Vec::new();
        loop {
            let page = bucket.list_page(&request, Some(cursor)).await.unwrap();
            rest.extend(page.entries.iter().map(|e| e.key.as_str().to_owned()));
            match page.next {
                Some(next) => cursor = next,
                None => break,
            }
        }
        assert_eq!(rest, ["b", "c/1", "c/2", "d"]);
    }

    #[tokio::test]
    async fn control_characters_and_number_signs_are_part_of_a_name() {
        let root = TempDir::new().unwrap();
        let bucket = bucket(root.path());
        for name in ["\u{1}", "new\nline", "ta\tb", "x#1"] {
            fs::write(root.path().join(name), name).unwrap();
            assert_eq!(keys(&bucket, &under(name)).await, [name]);
            assert_eq!(read(&bucket, name).await, name.as_bytes());
            bucket.delete(&[Key::from(name)]).await.unwrap().remove(0).result.unwrap();
        }
        assert_eq!(keys(&bucket, &ListRequest::default()).await, [""; 0]);
    }

    /// A directory with a file `a/file`, a link `linked` to `other` and a link `file` to a file in there.
    async fn with_links(other: &Path) -> (TempDir, ObjectStoreBucket, ObjectStoreBucket) {
        let root = TempDir::new().unwrap();
        put(&bucket(root.path()), "a/file", b"x").await;
        fs::write(other.join("outside"), "y").unwrap();
        symlink(other, root.path().join("linked")).unwrap();
        symlink(other.join("outside"), root.path().join("file")).unwrap();
        let spec = LocalSpec { root: root.path().into(), links: Links::Followed, ..LocalSpec::default() };
        let (plain, following) = (bucket(root.path()), ObjectStoreBucket::local(&spec).unwrap());
        (root, plain, following)
    }

    #[tokio::test]
    async fn nothing_is_done_through_links() {
        let other = TempDir::new().unwrap();
        let (root, bucket, following) = with_links(other.path()).await;
        assert_eq!(keys(&bucket, &ListRequest::default()).await, ["a/file"]);
        assert_eq!(keys(&bucket, &under("linked/")).await, [""; 0]);
        for key in ["linked/outside", "file"].map(Key::from) {
            assert_eq!(bucket.head(&key).await.unwrap_err().kind(), ErrorKind::NotFound);
            assert_eq!(bucket.get(&key, &GetOptions::default()).await.unwrap_err().kind(), ErrorKind::NotFound);
        }
        for key in ["linked/outside", "linked/new", "linked/new/new"].map(Key::from) {
            let refused = |error: transship_store::Error| {
                assert_eq!(error.kind(), ErrorKind::UnrepresentableKey, "{error}");
                assert!(error.to_string().contains("symbolic link"), "{error}");
            };
            refused(bucket.put(&key, Body::bytes("x"), &PutOptions::default()).await.unwrap_err());
            refused(bucket.create_upload(&key, &PutOptions::default()).await.unwrap_err());
            refused(bucket.delete(std::slice::from_ref(&key)).await.unwrap().remove(0).result.unwrap_err());
        }
        for key in ["a/file", "linked/outside", "file"].map(Key::from) {
            let error = following.put(&key, Body::bytes("x"), &PutOptions::default()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            following.delete(&[key]).await.unwrap().remove(0).result.unwrap_err();
        }
        bucket.delete(&[Key::from("file"), Key::from("linked")]).await.unwrap();
        assert!(root.path().join("file").is_symlink() && root.path().join("linked").is_symlink(), "no objects");
        put(&bucket, "file", b"new").await;
        assert!(!root.path().join("file").is_symlink());
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 1);
        assert_eq!(fs::read(other.path().join("outside")).unwrap(), b"y");
    }

    #[tokio::test]
    async fn links_are_read_through_where_they_are_followed() {
        let other = TempDir::new().unwrap();
        let (root, _, following) = with_links(other.path()).await;
        assert_eq!(keys(&following, &ListRequest::default()).await, ["a/file", "file", "linked/outside"]);
        assert_eq!(keys(&following, &under("linked/")).await, ["linked/outside"]);
        assert_eq!(
            (read(&following, "file").await, read(&following, "linked/outside").await),
            (b"y".into(), b"y".into())
        );
        for (target, says) in [("..", "leads back"), ("nowhere", "leads nowhere"), ("link", "link")] {
            symlink(target, root.path().join("a/link")).unwrap();
            let error = following.list_page(&ListRequest::default(), None).await.unwrap_err();
            assert!(error.to_string().contains("a/link") && error.to_string().contains(says), "{error}");
            assert_eq!(error.class(), ErrorClass::Permanent);
            fs::remove_file(root.path().join("a/link")).unwrap();
        }
    }

    /// A bucket of the directory `r` with two full folders, and a listing of it that has begun.
    async fn half_listed() -> (TempDir, ObjectStoreBucket, ListRequest, Cursor) {
        let root = TempDir::new().unwrap();
        let bucket = bucket(&root.path().join("r"));
        for key in ["a/1", "a/2", "a/3", "a/4", "b/1"] {
            put(&bucket, key, b"x").await;
        }
        let request = ListRequest { max_keys: Some(1), ..ListRequest::default() };
        let page = bucket.list_page(&request, None).await.unwrap();
        (root, bucket, request, page.next.unwrap())
    }

    async fn rest(
        bucket: &ObjectStoreBucket,
        request: &ListRequest,
        first: Cursor,
    ) -> transship_store::Result<Vec<String>> {
        let (mut found, mut next) = (Vec::new(), Some(first));
        while let Some(cursor) = next {
            let page = bucket.list_page(request, Some(cursor)).await?;
            found.extend(page.entries.iter().map(|entry| entry.key.as_str().to_owned()));
            next = page.next;
        }
        Ok(found)
    }

    #[tokio::test]
    async fn a_directory_that_is_moved_away_is_no_empty_one() {
        for (moved, replaced) in [("r", true), ("r", false), ("r/a", true), ("r/a", false), ("r/b", false)] {
            let (root, bucket, request, cursor) = half_listed().await;
            fs::rename(root.path().join(moved), root.path().join("away")).unwrap();
            if replaced {
                fs::create_dir(root.path().join(moved)).unwrap();
            }
            let error = rest(&bucket, &request, cursor).await.unwrap_err();
            assert_eq!(error.class(), ErrorClass::Permanent, "{moved} {replaced}: {error}");
            if moved == "r" {
                assert!(bucket.list_page(&ListRequest::default(), None).await.is_err(), "nor is it from then on");
                bucket.put(&Key::from("x"), Body::bytes("x"), &PutOptions::default()).await.unwrap_err();
                bucket.delete(&[Key::from("x")]).await.unwrap_err();
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_is_gone_before_its_turn_is_left_out() {
        let (root, bucket, request, cursor) = half_listed().await;
        fs::remove_file(root.path().join("r/a/3")).unwrap();
        assert_eq!(rest(&bucket, &request, cursor).await.unwrap(), ["a/2", "a/4", "b/1"]);
    }

    #[tokio::test]
    async fn a_deletion_takes_the_directories_along_that_it_empties() {
        let root = TempDir::new().unwrap();
        let bucket = bucket(root.path());
        for key in ["a/b/c/1", "a/b/c/2", "a/d/1", "top"] {
            put(&bucket, key, b"x").await;
        }
        fs::create_dir_all(root.path().join("empty/below")).unwrap();
        fs::create_dir_all(root.path().join("a/d/empty")).unwrap();
        let gone = ["a/b/c/1", "a/b/c/2", "a/d/1", "top", "empty/below", "empty/below/none"].map(Key::from);
        for deleted in bucket.delete(&gone).await.unwrap() {
            deleted.result.unwrap();
        }
        let there = ["a/b", "a/d/empty", "empty/below"].map(|name| root.path().join(name).exists());
        assert_eq!(there, [false, true, true]);
        fs::remove_dir_all(root.path().join("empty")).unwrap();
        fs::remove_dir_all(root.path().join("a")).unwrap();
        put(&bucket, "last", b"x").await;
        bucket.delete(&[Key::from("last")]).await.unwrap();
        assert!(root.path().is_dir());
    }

    #[tokio::test]
    async fn a_file_that_changes_under_the_reader_is_an_error() {
        use futures::StreamExt;
        let root = TempDir::new().unwrap();
        let bucket = bucket(root.path());
        fs::write(root.path().join("big"), vec![0; 1 << 20]).unwrap();
        let mut body = bucket.get(&Key::from("big"), &GetOptions::default()).await.unwrap().body;
        body.next().await.unwrap().unwrap();
        fs::OpenOptions::new()
            .append(true)
            .open(root.path().join("big"))
            .and_then(|mut f| std::io::Write::write_all(&mut f, b"more"))
            .unwrap();
        let error = loop {
            match body.next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => break error,
                None => panic!("the change went unseen"),
            }
        };
        assert_eq!(error.class(), ErrorClass::Conflict, "{error}");
        let mut body = bucket.get(&Key::from("big"), &GetOptions::default()).await.unwrap().body;
        body.next().await.unwrap().unwrap();
        fs::OpenOptions::new().write(true).open(root.path().join("big")).and_then(|f| f.set_len(10)).unwrap();
        assert!(body.any(|chunk| async move { chunk.is_err() }).await, "a body that was cut short is an error");
    }
}

/// Segments of what file systems, addresses and `object_store` each treat in their own way.
fn odd_key() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{1,3}",
        "\\PC{1,2}",
        prop::sample::select(vec![
            "a", "/", "//", ".", "..", "%", "%2F", "%2e", "%2E%2E", "%25", "\\", ":", "C:", "c|", "?", "#", "#1", "+",
            " ", "\t", "\r", "\n", "\0", "\u{7f}", "\u{85}", "é", "e\u{301}", "\u{2028}", "\u{feff}", "\u{fffd}",
            "\u{ffff}", "~", "&amp;", "😀",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_key_that_is_accepted_is_the_one_that_is_listed(key in odd_key()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let root = TempDir::new().unwrap();
            let bucket = bucket(&root.path().join("r"));
            let memory = ObjectStoreBucket::new(std::sync::Arc::new(object_store::memory::InMemory::new()), "m");
            let name = Key::from(key.as_str());
            for bucket in [&bucket as &dyn Bucket, &memory] {
                let accepted = bucket.check_key(&name).is_ok();
                let written = bucket.put(&name, Body::bytes("x"), &PutOptions::default()).await;
                assert_eq!(written.is_ok(), accepted, "{key:?}: {written:?}");
                if accepted {
                    assert_eq!(keys(bucket, &ListRequest::default()).await, [key.as_str()]);
                    assert_eq!(keys(bucket, &under(&key)).await, [key.as_str()]);
                    assert_eq!(read(bucket, &key).await, b"x");
                    bucket.delete(std::slice::from_ref(&name)).await.unwrap().remove(0).result.unwrap();
                    assert_eq!(keys(bucket, &ListRequest::default()).await, [""; 0]);
                }
            }
            // Whatever came of it, nothing was written outside.
            let beside: Vec<_> = fs::read_dir(root.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert!(beside.iter().all(|name| name == "r"), "{beside:?}");
        });
    }
}
