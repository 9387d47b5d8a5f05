//! Keys and targets: what is on the wire is what is stored, listed and logged.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's helpers may panic")]

mod raw;

use raw::{elements, encode_key, request};
use transship_testbed::s3::{Operation, S3Server};

/// Keys that some client, server or URL library folds into another.
fn awkward_keys() -> Vec<String> {
    let fixed = [
        "a",
        "a/",
        "a//b",
        "/a",
        "//",
        "/",
        ".",
        "..",
        "./c",
        "a/../b",
        "b",
        "a/./b",
        "é",
        "e\u{301}",
        "sp ace",
        "pl+us",
        "%2F",
        "%2f",
        "%",
        "q?x=1",
        "h#x",
        "new\nline",
        "t\tab",
        "cr\rx",
        "\u{1}",
        "\u{7f}",
        "back\\slash",
        "quote'\"&<>",
        "~tilde*()!",
        "\u{10FFFF}",
    ];
    fixed.into_iter().map(str::to_owned).chain(["k".repeat(1024)]).collect()
}

async fn server_with_awkward_keys() -> S3Server {
    let server = S3Server::builder().bucket("src").bucket("dst").start().await.unwrap();
    for key in awkward_keys() {
        let reply = request(&server, "PUT", "src", &key).body(key.as_bytes()).send(&server).await;
        assert_eq!(reply.status(), 200, "{key:?}: {}", reply.text());
    }
    server
}

#[tokio::test]
async fn every_key_is_its_own_object() {
    let server = server_with_awkward_keys().await;
    let mut keys = awkward_keys();
    keys.sort();
    assert_eq!(server.keys("src"), keys);
    for key in &keys {
        let reply = request(&server, "GET", "src", key).send(&server).await;
        assert_eq!((reply.status(), reply.body.as_slice()), (200, key.as_bytes()), "{key:?}");
    }
}

#[tokio::test]
async fn the_log_holds_the_target_as_it_was_sent() {
    let server = S3Server::builder().bucket("src").start().await.unwrap();
    // Each pair names one key in two spellings: the log must tell them apart, the store must not.
    for (path, key) in [
        ("/src/a/../b", "a/../b"),
        ("/src/a/%2e%2e/b", "a/../b"),
        ("/src/a/%2E%2E/b", "a/../b"),
        ("/src//a", "/a"),
        ("/src/%2Fa", "/a"),
        ("/src/./c", "./c"),
        ("/src/a%20b", "a b"),
    ] {
        let mut put = request(&server, "GET", "src", "").query("x-id", "GetObject");
        put.path = path.to_owned();
        put.send(&server).await;
        let logged = server.requests().pop().unwrap();
        assert_eq!(logged.target, format!("{path}?x-id=GetObject"));
        assert_eq!((logged.bucket.as_deref(), logged.key.as_deref()), (Some("src"), Some(key)));
        assert_eq!(logged.operation, Operation::GetObject);
    }
}

#[tokio::test]
async fn listings_show_every_key_page_by_page() {
    let server = server_with_awkward_keys().await;
    let mut expected = awkward_keys();
    expected.sort();
    let mut listed = Vec::new();
    let mut token = None::<String>;
    loop {
        let list = request(&server, "GET", "src", "").query("list-type", "2").query("encoding-type", "url");
        let mut list = list.query("max-keys", "7");
        if let Some(token) = &token {
            list = list.query("continuation-token", token);
        }
        let page = list.send(&server).await;
        assert_eq!(page.status(), 200, "{}", page.text());
        let keys = elements(&page.text(), "Key");
        assert!(keys.len() <= 7);
        listed.extend(keys.iter().map(|key| {
            let key = key.replace('+', "%20");
            percent_encoding::percent_decode_str(&key).decode_utf8().unwrap().into_owned()
        }));
        token = page.element("NextContinuationToken");
        assert_eq!(page.element("IsTruncated").as_deref(), Some(if token.is_some() { "true" } else { "false" }));
        if token.is_none() {
            break;
        }
    }
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn plain_listings_write_control_characters_as_references() {
    let server = S3Server::builder().start().await.unwrap();
    server.put_object("src", "cr\rx\u{1}", "1");
    let page = request(&server, "GET", "src", "").query("list-type", "2").send(&server).await;
    assert_eq!(page.element("Key").as_deref(), Some("cr&#13;x&#1;"));
}

#[tokio::test]
async fn copies_and_deletes_hit_exactly_the_key_they_name() {
    let server = server_with_awkward_keys().await;
    for key in awkward_keys() {
        let source = format!("/src/{}", encode_key(&key));
        let copy = request(&server, "PUT", "dst", &key).header("x-amz-copy-source", &source).send(&server).await;
        assert_eq!(copy.status(), 200, "{key:?}: {}", copy.text());
        assert_eq!(server.object("dst", &key).unwrap().bytes().unwrap(), key.as_bytes());
        let logged = server.requests().pop().unwrap();
        assert_eq!(logged.header("x-amz-copy-source"), Some(source.as_str()));
    }
    for (index, key) in awkward_keys().iter().enumerate() {
        assert_eq!(request(&server, "DELETE", "dst", key).send(&server).await.status(), 204);
        assert!(server.object("dst", key).is_none(), "{key:?}");
        assert_eq!(server.keys("dst").len(), awkward_keys().len() - index - 1, "{key:?} took another one with it");
    }
}

#[tokio::test]
async fn a_bare_plus_in_a_copy_source_is_a_blank() {
    let server = S3Server::builder().bucket("dst").start().await.unwrap();
    server.put_object("src", "a b", "blank");
    server.put_object("src", "a+b", "plus");
    for (source, bytes) in [("/src/a+b", "blank"), ("src/a%20b", "blank"), ("/src/a%2Bb", "plus")] {
        let copy = request(&server, "PUT", "dst", "k").header("x-amz-copy-source", source).send(&server).await;
        assert_eq!(copy.status(), 200, "{source}: {}", copy.text());
        assert_eq!(server.object("dst", "k").unwrap().bytes().unwrap(), bytes, "{source}");
    }
}

#[tokio::test]
async fn a_bucket_can_be_named_by_the_host() {
    let server = S3Server::builder().bucket("src").base_domain("localhost").start().await.unwrap();
    let mut put = request(&server, "PUT", "", "").body("hosted");
    put.path = "//a/../b".to_owned();
    put.host = Some(format!("src.localhost:{}", server.address().port()));
    let reply = put.send(&server).await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
    assert_eq!(server.keys("src"), ["/a/../b"]);
    let logged = server.requests().pop().unwrap();
    assert_eq!((logged.target.as_str(), logged.key.as_deref()), ("//a/../b", Some("/a/../b")));
}

#[tokio::test]
async fn a_key_of_1025_bytes_is_refused() {
    let server = S3Server::builder().bucket("src").start().await.unwrap();
    let reply = request(&server, "PUT", "src", &"k".repeat(1025)).send(&server).await;
    assert_eq!((reply.status(), reply.element("Code").as_deref()), (400, Some("KeyTooLongError")));
}

#[tokio::test]
async fn listing_one_folder_shows_its_subfolders_once() {
    let server = S3Server::builder().start().await.unwrap();
    for key in ["a", "p/a", "p/b/1", "p/b/2", "p/b0", "p/c/x/y", "q"] {
        server.put_object("src", key, "1");
    }
    let list = request(&server, "GET", "src", "").query("list-type", "2").query("prefix", "p/").query("delimiter", "/");
    let page = list.clone().send(&server).await;
    let groups = elements(&page.text(), "CommonPrefixes")
        .iter()
        .map(|group| elements(group, "Prefix").remove(0))
        .collect::<Vec<_>>();
    assert_eq!(
        (elements(&page.text(), "Key"), groups),
        (vec!["p/a".to_owned(), "p/b0".into()], vec!["p/b/".to_owned(), "p/c/".into()])
    );
    assert_eq!(page.element("KeyCount").as_deref(), Some("4"));
    let after = list.query("start-after", "p/b/").send(&server).await;
    assert_eq!(elements(&after.text(), "Key"), ["p/b0"]);
}
