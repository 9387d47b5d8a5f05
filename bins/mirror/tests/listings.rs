//! What a run asks for: no more pages than it needs, and nothing that no filter lets in.

mod common;

use std::{
    fs::File,
    io::{BufRead, BufReader},
    process::Stdio,
    time::{Duration, Instant},
};

use common::{Scene, beyond_listings, two_buckets};
use transship_testbed::s3::{Effect, Fault, Operation, S3Server};

async fn stage(page: usize) -> (S3Server, Scene) {
    two_buckets(S3Server::builder().page_size(page)).await
}

/// The same keys at both ends.
fn fill(server: &S3Server, keys: impl IntoIterator<Item = String>) {
    for key in keys {
        ["from", "to"].into_iter().for_each(|bucket| server.store().put_object(bucket, &key, "content"));
    }
}

fn folder(name: &str, count: usize) -> impl Iterator<Item = String> {
    (0..count).map(move |n| format!("{name}/{n:05}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_on_each_side_costs_two_requests_in_all() {
    let (server, scene) = stage(100).await;
    fill(&server, folder("data", 100));
    for command in ["sync", "copy", "check"] {
        scene.run(&[command, "source:from", "destination:to"]).ends_with(0);
        assert_eq!(server.count(Operation::ListObjectsV2), 2, "{command}");
        assert_eq!(beyond_listings(&server), [], "{command}");
        server.clear_requests();
    }
    scene.run(&["size", "source:from"]).ends_with(0);
    assert_eq!(server.counts().into_iter().collect::<Vec<_>>(), [(Operation::ListObjectsV2, 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_no_filter_lets_in_is_not_listed() {
    let (server, scene) = stage(10).await;
    fill(&server, folder("cache", 2_000).chain(folder("data", 30)).chain(folder("tmp/deep", 2_000)));
    let filters: [&[&str]; 4] = [
        &["--include", "/data/**"],
        &["--exclude", "/cache/**", "--exclude", "/tmp/**"],
        &["--filter", "+ data/*", "--filter", "- *"],
        &["--exclude", "{cache,tmp}/**"],
    ];
    for filter in filters {
        for command in ["sync", "copy", "check"] {
            scene.run(&[&[command, "source:from", "destination:to"], filter].concat()).ends_with(0);
            let requests = server.count(Operation::ListObjectsV2);
            // Three pages on each side, and some looks around them. All would be more than 800.
            assert!(requests <= 2 * 20, "{command} {filter:?}: {requests} requests");
            assert_eq!(beyond_listings(&server), [], "{command} {filter:?}");
            server.clear_requests();
        }
        let ran = scene.run(&[&["ls", "source:from"], filter].concat()).ends_with(0);
        assert_eq!(ran.stdout.lines().count(), 30, "{filter:?}");
        assert!(server.count(Operation::ListObjectsV2) <= 20, "{filter:?}");
        server.clear_requests();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_listed_is_not_deleted_and_not_missed() {
    let (server, scene) = stage(10).await;
    fill(&server, folder("data", 30));
    folder("cache", 500).for_each(|key| server.store().put_object("to", &key, "content"));
    let sync = ["sync", "source:from", "destination:to", "--exclude", "/cache/**"];
    scene.run(&sync).ends_with(0);
    assert!(server.count(Operation::ListObjectsV2) <= 2 * 20);
    assert_eq!((beyond_listings(&server), server.keys("to").len()), (Vec::new(), 530));
    server.clear_requests();
    // Excluded objects have to be found where they are to go.
    scene.run(&[&sync[..], &["--delete-excluded", "--max-delete", "500"]].concat()).ends_with(0);
    assert!(server.count(Operation::ListObjectsV2) >= 53);
    assert_eq!(server.keys("to").len(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_listed_is_shown_while_the_rest_is_waited_for() {
    let (server, scene) = stage(10).await;
    fill(&server, folder("data", 20));
    server.faults().add(Fault::new(Effect::Delay(Duration::from_secs(20))).on(Operation::ListObjectsV2).after(1));
    let begun = Instant::now();
    let mut program =
        scene.command(&["--config", "rclone.conf", "ls", "source:from"]).stdout(Stdio::piped()).spawn().unwrap();
    let shown = BufReader::new(program.stdout.take().unwrap()).lines().take(10).map(Result::unwrap);
    assert!(shown.map(|line| line.ends_with("/00009")).last().unwrap());
    assert!(begun.elapsed() < Duration::from_secs(10), "the second page is still to come");
    program.kill().unwrap();
    program.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_behind_stdout_is_told() {
    let (server, scene) = stage(10).await;
    fill(&server, folder("data", 20));
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = scene.command(&["--config", "rclone.conf", "ls", "source:from"]).stdout(full).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, "error: write to stdout: No space left on device (os error 28)\n");
    assert_eq!(output.status.code(), Some(1));
}
