//! Servers that refuse what exceeds a rate, whatever is asked of them.

// Lints spare tests, but not what tests share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{KEY_ID, SECRET, Scene, remote};
use transship_testbed::s3::{Fault, S3Server};

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_between_servers_that_take_so_many_requests_a_second_ends_without_a_failure() {
    let server = async || S3Server::builder().key(KEY_ID, SECRET).bucket("there").start().await.unwrap();
    let (from, to) = (server().await, server().await);
    (0..800).for_each(|n| from.put_object("there", &format!("{n:04}"), n.to_string()));
    (700..1000).for_each(|n| to.put_object("there", &format!("{n:04}"), n.to_string()));
    let limits = [&from, &to].map(|server| server.faults().add(Fault::above_rate(200, 20)));
    let remotes = [("source", &from), ("destination", &to)];
    let remotes = remotes.map(|(name, server)| remote(name, &server.endpoint(), KEY_ID, SECRET));
    let scene = Scene::new(&remotes.concat());
    scene.run(&["sync", "source:there", "destination:there", "--max-delete", "300"]).ends_with(0);
    assert_eq!(to.keys("there"), from.keys("there"));
    let [read, written] = limits.map(|limit| (limit.count(), limit.spared()));
    assert!(written.0 > 0 && written.0 * 4 < written.1, "{written:?} refused and admitted");
    assert!(read.0 * 4 < read.1, "{read:?} refused and admitted");
}
