//! How much memory the program needs does not depend on how many objects there are.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // in what the test calls, too

mod common;

use std::{
    fs,
    process::{Child, Stdio},
    time::Duration,
};

use common::{beyond_listings, two_buckets};
use transship_testbed::s3::{Effect, Fault, LogDetail, Operation, S3Server, StoredObject};

/// Objects at each end. A comparison that holds them needs more than twice the limit.
const COUNT: u64 = 300_000;

/// Bytes that may be taken, whatever there is to compare: of 64 MiB, what leaves room for the program itself.
const LIMIT: u64 = 48 << 20;

/// The most memory that a program took until it ended, in bytes: what is resident, but for its own code, which is much
/// larger where it is not optimised. What `wait4` tells would count this process as well.
async fn peak(program: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", program.id());
    let mut peak = 0;
    while program.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        // A program that has ended holds nothing, and says so.
        let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = line.map(|line| line.trim().trim_end_matches(" kB").parse::<u64>().unwrap());
        peak = peak.max(kib.unwrap_or_default() << 10);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    peak
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hundred_thousand_objects_on_each_side_are_compared_in_64_mib() {
    let (server, scene) = two_buckets(S3Server::builder().log(LogDetail::Counts)).await;
    for bucket in ["from", "to"] {
        server.store().number(bucket, COUNT, 0, StoredObject::new("content"));
    }
    let mut command = scene.command(&["--config", "rclone.conf", "sync", "source:from", "destination:to"]);
    // An allocator keeps some memory for each thread: as many as a machine with two processors has.
    command.env("TOKIO_WORKER_THREADS", "2");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = command.spawn().unwrap();
    let peak = peak(&mut program).await;
    let ended = program.wait_with_output().unwrap();
    let said = [ended.stdout, ended.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    assert!(ended.status.success(), "{said}");
    assert!(said.replace(',', "").contains(&COUNT.to_string()), "every object was seen: {said}");
    assert_eq!(beyond_listings(&server), []);
    let pages = 2 * COUNT.div_ceil(1000);
    let requests = server.count(Operation::ListObjectsV2);
    assert!((pages..pages * 3 / 2).contains(&requests), "{requests} requests for {pages} pages");
    assert!(peak > LIMIT / 16, "it was looked at: {peak} bytes");
    assert!(peak < LIMIT, "it took {peak} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_ranges_are_listed_at_once_than_memory_holds() {
    let run = async |args: &[&str]| {
        let (server, scene) = two_buckets(S3Server::builder().log(LogDetail::Counts)).await;
        for bucket in ["from", "to"] {
            server.store().number(bucket, COUNT / 3, 0, StoredObject::new("content"));
        }
        server.faults().add(Fault::new(Effect::Delay(Duration::from_millis(100))).on(Operation::ListObjectsV2));
        let ran = scene.run(args);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        server.most_in_flight()
    };
    // A quarter of 32 MiB holds four ranges, each on two sides.
    let compared = ["sync", "source:from", "destination:to", "--checkers", "64", "--memory"];
    assert!(run(&[&compared[..], &["32MiB"]].concat()).await <= 8);
    assert!(run(&[&compared[..], &["512MiB"]].concat()).await > 8);
}
