//! How many round trips and requests a listing takes, in a clock that the test drives.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt};
use tokio::time::Instant;
use transship_list::{KeyRange, ListOptions, Side, entries, pieces};

use crate::slow_bucket::SlowBucket;

/// Where a range happens to be cut decides how many requests are in vain, and moves with the size of a page.
const PAGES: [usize; 3] = [70, 100, 130];
const COUNT: u64 = 100_000;
const TRIP: Duration = Duration::from_millis(50);

fn hash(n: u64) -> u64 {
    let mixed = (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

/// Lists `COUNT` keys twice with each size of pages, in pieces and in order, and says how many times as fast as page by
/// page, and with how many requests for each hundred pages: means of all sizes.
async fn listed(key: impl Fn(u64) -> String, listers: usize) -> [(f64, f64); 2] {
    let mut keys: Vec<String> = (0..COUNT).map(key).collect();
    keys.sort_unstable();
    let mut found = [(1.0, 0.0); 2];
    for (ordered, (speed, requests)) in [false, true].into_iter().zip(&mut found) {
        for page in PAGES {
            let (pages, once) = (keys.len().div_ceil(page) as f64, 1.0 / PAGES.len() as f64);
            let (trips, sent) = listed_once(&keys, page, listers, ordered).await;
            *speed *= (pages / trips).powf(once);
            *requests += 100.0 * sent as f64 / pages * once;
        }
    }
    found
}

/// The round trips and requests that it takes.
async fn listed_once(keys: &[String], page: usize, listers: usize, ordered: bool) -> (f64, u64) {
    let bucket = Arc::new(SlowBucket::steady(keys.to_vec(), page, TRIP / 2));
    let options = ListOptions { listers, ..ListOptions::default() };
    let (side, begun) = (Side::new(bucket.clone(), ""), Instant::now());
    let count: usize = if ordered {
        entries(side, KeyRange::ALL, options).try_fold(0, |n, _| async move { Ok(n + 1) }).await.unwrap()
    } else {
        let listed = pieces([side], KeyRange::ALL, options).map(|piece| async move {
            let [listing] = piece.listings();
            listing.try_fold(0, |n, page| async move { Ok(n + page.len()) }).await.unwrap()
        });
        listed.buffer_unordered(64).fold(0, |n, more| async move { n + more }).await
    };
    assert_eq!(count, keys.len());
    (begun.elapsed().as_secs_f64() / TRIP.as_secs_f64(), bucket.requests())
}

/// With so many listers at least so many times as fast as with one, and at most so many requests for a hundred pages: a
/// tenth less than they were found to be. Who comes first among tasks that wake at the same moment makes a difference in
/// order.
async fn takes(listers: usize, what: &str, key: impl Fn(u64) -> String, in_pieces: (f64, f64), in_order: (f64, f64)) {
    for ((speed, requests), (least, most)) in listed(key, listers).await.into_iter().zip([in_pieces, in_order]) {
        assert!(speed >= least && requests <= most, "{what}: {speed:.1} times as fast, {requests:.0} requests");
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_in_a_folder() {
    takes(16, "flat", |n| format!("warehouse/orders/00000/part-{n:06}.parquet"), (12.5, 107.0), (12.3, 107.0)).await;
}

#[tokio::test(start_paused = true)]
async fn numbers_in_a_folder_by_sixty_four() {
    takes(64, "flat, 64", |n| format!("in/{n:06}"), (32.4, 111.0), (31.9, 116.0)).await;
}

#[tokio::test(start_paused = true)]
async fn numbers_of_any_length() {
    takes(16, "unpadded", |n| format!("logs/app/{n}.log"), (12.5, 106.0), (11.9, 111.0)).await;
}

#[tokio::test(start_paused = true)]
async fn hashes() {
    takes(16, "hashes", |n| format!("{:016x}", hash(n)), (12.5, 107.0), (9.1, 116.0)).await;
}

#[tokio::test(start_paused = true)]
async fn letters_of_both_cases() {
    let letters: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']).collect();
    let key = |n| (0..10).map(|at| letters[(hash(n) >> (6 * at) & 63) as usize]).collect();
    takes(16, "base64", key, (12.3, 107.0), (8.3, 116.0)).await;
}

#[tokio::test(start_paused = true)]
async fn times() {
    let key = |n| format!("events/{}.json", 1_700_000_000_000_u64 + n * 13_337);
    takes(16, "times", key, (12.5, 106.0), (12.3, 108.0)).await;
}

#[tokio::test(start_paused = true)]
async fn a_folder_for_each_day() {
    let key = |n| {
        let day = n / 50;
        let (year, month, day) = (2018 + day / 336, day / 28 % 12 + 1, day % 28 + 1);
        format!("data/{year:04}/{month:02}/{day:02}/part-{:04}-{:08x}.parquet", n % 50, hash(n) >> 32)
    };
    takes(16, "days", key, (11.7, 112.0), (9.6, 134.0)).await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_folders() {
    takes(16, "folders", |n| format!("in/{:03}/{n:08}", n % 100), (11.7, 109.0), (8.4, 122.0)).await;
}

#[tokio::test(start_paused = true)]
async fn words() {
    const WORDS: [&str; 8] = ["alpha", "beta", "gamma", "delta", "omega", "users", "events", "clicks"];
    let word = |n: u64, at: u32| WORDS[(hash(n) >> (3 * at) & 7) as usize];
    let key = |n| format!("{}/{}/{}-{:x}", word(n, 0), word(n, 1), word(n, 2), hash(n) >> 40);
    takes(16, "words", key, (9.2, 117.0), (2.7, 121.0)).await;
}

#[tokio::test(start_paused = true)]
async fn small_folders_and_a_large_one() {
    let key = |n| if n % 50 == 0 { format!("{:04}/readme", n / 50) } else { format!("logs/{n:09}") };
    takes(16, "skewed", key, (11.3, 108.0), (6.3, 113.0)).await;
}
