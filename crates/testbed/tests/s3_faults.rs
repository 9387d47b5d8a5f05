//! Faults, seen from a bare socket: each test first shows that the request works without the fault.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's helpers may panic")]

mod raw;

use raw::{RawReply, RawRequest, elements, request};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};
use transship_testbed::s3::{Effect, Fault, Operation, PageFault, S3Server};

const SIZE: usize = 300_000;

async fn server() -> S3Server {
    let server = S3Server::builder().bucket("src").start().await.unwrap();
    server.put_object("src", "k", vec![7; SIZE]);
    server
}

async fn get(server: &S3Server) -> RawReply {
    request(server, "GET", "src", "k").send(server).await
}

fn put(server: &S3Server) -> RawRequest {
    request(server, "PUT", "src", "new").body(vec![1; SIZE])
}

/// The whole object, and the connection closed in good order.
fn assert_whole(reply: &RawReply) {
    assert_eq!((reply.status(), reply.body.len(), reply.broken), (200, SIZE, None));
}

#[tokio::test]
async fn an_answer_is_given_so_many_times_and_then_no_more() {
    let server = server().await;
    let effect = Effect::Answer { status: 503, code: "SlowDown".into(), retry_after: Some(Duration::from_secs(3)) };
    let hits = server.faults().add(Fault::new(effect).on(Operation::GetObject).after(1).times(2));
    assert_whole(&get(&server).await);
    for _ in 0..2 {
        let reply = get(&server).await;
        assert_eq!((reply.status(), reply.header("retry-after")), (503, Some("3")));
        assert_eq!(reply.element("Code").as_deref(), Some("SlowDown"));
    }
    assert_whole(&get(&server).await);
    assert_eq!(hits.count(), 2);
    let statuses: Vec<_> = server.requests().iter().map(|request| request.status).collect();
    assert_eq!(statuses, [Some(200), Some(503), Some(503), Some(200)]);
}

#[tokio::test]
async fn a_fault_happens_only_to_what_it_names() {
    let server = server().await;
    server.put_object("src", "other", "x");
    let hits =
        server.faults().add(Fault::answer(500, "InternalError").method(http::Method::GET).bucket("src").key("k"));
    assert_eq!(request(&server, "GET", "src", "other").send(&server).await.status(), 200);
    assert_eq!(request(&server, "HEAD", "src", "k").send(&server).await.status(), 200);
    assert_eq!(hits.count(), 0);
    assert_eq!(get(&server).await.status(), 500);
    server.faults().clear();
    assert_whole(&get(&server).await);
}

#[tokio::test]
async fn requests_above_a_rate_are_told_to_slow_down() {
    let server = server().await;
    let limit = server.faults().add(Fault::above_rate(1, 3).on(Operation::GetObject));
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(get(&server).await.status());
    }
    assert_eq!(statuses[..3], [200; 3]);
    assert!(statuses[3..].contains(&503), "{statuses:?}");
    assert_eq!(limit.count(), statuses.iter().filter(|status| **status == 503).count() as u64);
    assert_eq!((limit.count() + limit.spared(), server.count(Operation::GetObject)), (6, 6));
    assert_eq!(put(&server).send(&server).await.status(), 200);
}

#[tokio::test]
async fn an_answered_upload_is_read_and_not_stored() {
    let server = server().await;
    server.faults().add(Fault::answer(500, "InternalError").on(Operation::PutObject).times(1));
    assert_eq!(put(&server).send(&server).await.status(), 500);
    assert!(server.object("src", "new").is_none());
    assert_eq!(server.requests()[0].bytes_in, SIZE as u64);
    assert_eq!(put(&server).send(&server).await.status(), 200);
    assert!(server.object("src", "new").is_some());
}

#[tokio::test]
async fn a_reset_reply_breaks_the_connection_after_so_many_bytes() {
    let server = server().await;
    assert_whole(&get(&server).await);
    server.faults().add(Fault::new(Effect::ResetReply { after: 100_000 }));
    let reply = get(&server).await;
    assert_eq!((reply.status(), reply.header("content-length")), (200, Some("300000")));
    assert_eq!(reply.broken, Some(ErrorKind::ConnectionReset));
    assert!(reply.body.len() <= 100_000, "{}", reply.body.len());
    assert_eq!(server.requests()[1].bytes_out, 100_000);
}

#[tokio::test]
async fn a_truncated_reply_promises_all_and_closes_in_good_order() {
    let server = server().await;
    server.faults().add(Fault::new(Effect::TruncateReply { after: 100_001 }));
    let reply = get(&server).await;
    assert_eq!((reply.status(), reply.header("content-length")), (200, Some("300000")));
    assert_eq!((reply.body.len(), reply.broken), (100_001, None));
}

#[tokio::test]
async fn a_document_can_be_truncated_too() {
    let server = server().await;
    server.faults().add(Fault::new(Effect::TruncateReply { after: 50 }).on(Operation::ListObjectsV2));
    let reply = request(&server, "GET", "src", "").query("list-type", "2").send(&server).await;
    let promised: usize = reply.header("content-length").unwrap().parse().unwrap();
    assert_eq!((reply.status(), reply.body.len()), (200, 50));
    assert!(promised > 50);
}

#[tokio::test]
async fn a_reset_upload_leaves_nothing_behind() {
    let server = server().await;
    server.faults().add(Fault::new(Effect::ResetRequest { after: 10_000 }).on(Operation::PutObject).times(1));
    let reply = put(&server).send(&server).await;
    assert!(reply.head.is_empty(), "{}", reply.head);
    assert!(matches!(reply.broken, Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)), "{:?}", reply.broken);
    assert!(server.object("src", "new").is_none());
    assert_eq!(server.requests()[0].status, None);
    assert_eq!(put(&server).send(&server).await.status(), 200);
}

#[tokio::test]
async fn a_lost_reply_follows_work_that_was_done() {
    let server = server().await;
    server.faults().add(Fault::new(Effect::LoseReply).on(Operation::PutObject).times(1));
    let reply = put(&server).send(&server).await;
    assert!(reply.head.is_empty(), "{}", reply.head);
    assert_eq!(server.object("src", "new").unwrap().size(), SIZE as u64);
    assert_eq!(server.requests()[0].status, None);
}

#[tokio::test]
async fn a_delay_comes_before_the_answer() {
    let server = server().await;
    let started = Instant::now();
    assert_whole(&get(&server).await);
    let without = started.elapsed();
    server.faults().add(Fault::new(Effect::Delay(Duration::from_millis(300))));
    let started = Instant::now();
    assert_whole(&get(&server).await);
    assert!(started.elapsed() >= Duration::from_millis(300), "without the fault it took {without:?}");
}

#[tokio::test]
async fn a_dripping_reply_is_whole_and_slow() {
    let server = server().await;
    server.faults().add(Fault::new(Effect::DripReply { bytes_per_second: 1_000_000 }));
    let started = Instant::now();
    assert_whole(&get(&server).await);
    assert!(started.elapsed() >= Duration::from_millis(250), "{:?}", started.elapsed());
}

#[tokio::test]
async fn one_bit_of_a_reply_or_an_upload_can_flip() {
    let server = server().await;
    server.faults().add(Fault::new(Effect::CorruptReply { at: 123_456 }).on(Operation::GetObject));
    server.faults().add(Fault::new(Effect::CorruptRequest { at: 5 }).on(Operation::PutObject));
    let reply = get(&server).await;
    let flipped: Vec<_> = reply.body.iter().enumerate().filter(|(_, byte)| **byte != 7).collect();
    assert_eq!(flipped, [(123_456, &6)]);
    assert_eq!(reply.etag(), server.object("src", "k").unwrap().etag(), "the header does not know");
    put(&server).send(&server).await;
    let stored = server.object("src", "new").unwrap().bytes().unwrap();
    assert_eq!(&stored[4..7], &[1, 0, 1]);
}

#[tokio::test]
async fn an_error_hides_in_a_200() {
    let server = server().await;
    server
        .faults()
        .add(Fault::new(Effect::ErrorInOk { code: "InternalError".into() }).on(Operation::CopyObject).times(1));
    let copy = request(&server, "PUT", "src", "copy").header("x-amz-copy-source", "src/k");
    let reply = copy.send(&server).await;
    assert_eq!((reply.status(), reply.element("Code").as_deref()), (200, Some("InternalError")));
    assert!(server.object("src", "copy").is_none());
    assert!(copy.send(&server).await.element("ETag").is_some());
}

#[tokio::test]
async fn a_wrong_etag_is_told_in_headers_and_documents() {
    let server = server().await;
    server.faults().add(Fault::new(Effect::WrongEtag("beef".into())));
    assert_eq!(put(&server).send(&server).await.etag(), "beef");
    let copy = request(&server, "PUT", "src", "copy").header("x-amz-copy-source", "src/k").send(&server).await;
    assert_eq!(copy.element("ETag").as_deref(), Some("\"beef\""));
    assert_ne!(server.object("src", "copy").unwrap().etag(), "beef");
}

#[tokio::test]
async fn an_object_can_change_between_listing_and_reading() {
    let server = server().await;
    let change = |store: &transship_testbed::s3::Store| store.put_object("src", "k", "changed");
    server.faults().add(Fault::new(Effect::Before(Arc::new(change))).on(Operation::GetObject).times(1));
    let listed =
        request(&server, "GET", "src", "").query("list-type", "2").send(&server).await.element("ETag").unwrap();
    let pinned = request(&server, "GET", "src", "k").header("if-match", &listed).send(&server).await;
    assert_eq!(pinned.status(), 412);
    assert_eq!(get(&server).await.text(), "changed");
}

/// Follows the pages of a listing to its end, or for ten pages.
async fn list(server: &S3Server, start_after: Option<&str>) -> Vec<String> {
    let mut keys = Vec::new();
    let mut token = None::<String>;
    for _ in 0..10 {
        let mut list = request(server, "GET", "src", "").query("list-type", "2").query("max-keys", "2");
        match (&token, start_after) {
            (Some(token), _) => list = list.query("continuation-token", token),
            (None, Some(after)) => list = list.query("start-after", after),
            (None, None) => {}
        }
        let page = list.send(server).await;
        keys.extend(elements(&page.text(), "Key"));
        token = page.element("NextContinuationToken");
        if token.is_none() {
            break;
        }
    }
    keys
}

#[tokio::test]
async fn a_listing_can_be_spoiled_page_by_page() {
    let server = S3Server::builder().start().await.unwrap();
    for key in ["a", "b", "c", "d", "e", "f"] {
        server.put_object("src", key, "1");
    }
    assert_eq!(list(&server, None).await.concat(), "abcdef");
    assert_eq!(list(&server, Some("b")).await.concat(), "cdef");
    for (fault, start_after, told) in [
        (PageFault::IgnoreStartAfter, Some("b"), "abcdef"),
        (PageFault::Repeat, None, "ababcdef"),
        (PageFault::Skip, None, "abef"),
        (PageFault::OutOfOrder, None, "bacdef"),
        (PageFault::NoToken, None, "ab"),
    ] {
        let hits = server.faults().add(Fault::new(Effect::Page(fault)).on(Operation::ListObjectsV2).times(1));
        assert_eq!(list(&server, start_after).await.concat(), told, "{fault:?}");
        assert_eq!(hits.count(), 1);
        server.faults().clear();
    }
}

#[tokio::test]
async fn a_killed_server_answers_nothing_until_it_is_revived() {
    let server = server().await;
    server.faults().kill_at(2);
    assert_whole(&get(&server).await);
    for _ in 0..3 {
        let reply = put(&server).send(&server).await;
        assert!(reply.head.is_empty() && reply.broken.is_some(), "{reply:?}");
    }
    assert!(server.faults().is_killed());
    assert!(server.object("src", "new").is_none());
    server.faults().revive();
    assert_whole(&get(&server).await);
}

#[tokio::test]
async fn killing_cuts_the_replies_under_way() {
    let server = Arc::new(server().await);
    server.faults().add(Fault::new(Effect::DripReply { bytes_per_second: 100_000 }).key("k"));
    let reading = tokio::spawn({
        let server = server.clone();
        async move { get(&server).await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.faults().kill_at(1);
    request(&server, "GET", "src", "other").send(&server).await;
    let reply = reading.await.unwrap();
    assert_eq!(reply.broken, Some(ErrorKind::ConnectionReset));
    assert!(reply.body.len() < SIZE);
}

#[tokio::test]
async fn the_log_counts_bytes_verbs_and_simultaneous_requests() {
    let server = server().await;
    server.faults().add(Fault::new(Effect::Delay(Duration::from_millis(200))).on(Operation::GetObject));
    tokio::join!(get(&server), get(&server), get(&server));
    put(&server).send(&server).await;
    let requests = server.requests();
    assert_eq!(requests.iter().map(|request| request.bytes_out).sum::<u64>(), 3 * SIZE as u64);
    assert_eq!(requests.iter().map(|request| request.bytes_in).sum::<u64>(), SIZE as u64);
    assert_eq!((server.count_of_method(&http::Method::GET), server.count(Operation::PutObject)), (3, 1));
    assert_eq!(server.most_in_flight(), 3);
    assert!(requests.iter().all(|request| request.header("authorization").is_none()), "signatures are not logged");
    server.clear_requests();
    assert!(server.requests().is_empty() && server.counts().is_empty());
}
