//! How many round trips and requests a listing takes, in a clock that the test drives.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt};
use tokio::time::Instant;
use transship_list::{KeyRange, ListOptions, Side, entries, pieces};

use crate::slow_bucket::SlowBucket;

const PAGE: usize = 100;
const COUNT: u64 = 100_000;
const TRIP: Duration = Duration::from_millis(50);

fn hash(n: u64) -> u64 {
    let mixed = (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9)
}

/// Lists `COUNT` keys twice, in pieces and in order, and says how many times as fast as page by page, and with how many
/// requests for each hundred pages.
async fn listed(key: impl Fn(u64) -> String, listers: usize) -> [(f64, u64); 2] {
    let keys: Vec<String> = (0..COUNT).map(key).collect();
    let pages = keys.len().div_ceil(PAGE);
    let mut found = [(0.0, 0); 2];
    for (found, ordered) in found.iter_mut().zip([false, true]) {
        let bucket = Arc::new(SlowBucket::steady(keys.clone(), PAGE, TRIP / 2));
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
        let trips = begun.elapsed().as_secs_f64() / TRIP.as_secs_f64();
        *found = (pages as f64 / trips, bucket.requests() * 100 / pages as u64);
    }
    found
}

/// With so many listers at least so many times as fast as with one, and at most so many requests for a hundred pages: a
/// tenth less than they were found to be. Who comes first among tasks that wake at the same moment makes a difference in
/// order.
async fn takes(listers: usize, what: &str, key: impl Fn(u64) -> String, in_pieces: (f64, u64), in_order: (f64, u64)) {
    for ((speed, requests), (least, most)) in listed(key, listers).await.into_iter().zip([in_pieces, in_order]) {
        assert!(speed >= least && requests <= most, "{what}: {speed:.1} times as fast, {requests} requests");
    }
}

#[tokio::test(start_paused = true)]
async fn numbers_in_a_folder() {
    takes(16, "flat", |n| format!("warehouse/orders/00000/part-{n:06}.parquet"), (11.8, 107), (11.6, 107)).await;
}

#[tokio::test(start_paused = true)]
async fn numbers_in_a_folder_by_sixty_four() {
    takes(64, "flat, 64", |n| format!("in/{n:06}"), (28.0, 112), (29.0, 115)).await;
}

#[tokio::test(start_paused = true)]
async fn numbers_of_any_length() {
    takes(16, "unpadded", |n| format!("logs/app/{n}.log"), (11.8, 107), (6.3, 118)).await;
}

#[tokio::test(start_paused = true)]
async fn hashes() {
    takes(16, "hashes", |n| format!("{:016x}", hash(n)), (12.0, 107), (6.9, 113)).await;
}

#[tokio::test(start_paused = true)]
async fn letters_of_both_cases() {
    let letters: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']).collect();
    let key = |n| (0..10).map(|at| letters[(hash(n) >> (6 * at) & 63) as usize]).collect();
    takes(16, "base64", key, (11.8, 107), (4.3, 113)).await;
}

#[tokio::test(start_paused = true)]
async fn times() {
    let key = |n| format!("events/{}.json", 1_700_000_000_000_u64 + n * 13_337);
    takes(16, "times", key, (12.0, 107), (12.0, 107)).await;
}

#[tokio::test(start_paused = true)]
async fn a_folder_for_each_day() {
    let key = |n| {
        let day = n / 50;
        let (year, month, day) = (2018 + day / 336, day / 28 % 12 + 1, day % 28 + 1);
        format!("data/{year:04}/{month:02}/{day:02}/part-{:04}-{:08x}.parquet", n % 50, hash(n) >> 32)
    };
    takes(16, "days", key, (11.4, 112), (9.1, 140)).await;
}

#[tokio::test(start_paused = true)]
async fn a_hundred_folders() {
    takes(16, "folders", |n| format!("in/{:03}/{n:08}", n % 100), (11.4, 112), (4.8, 122)).await;
}

#[tokio::test(start_paused = true)]
async fn words() {
    const WORDS: [&str; 8] = ["alpha", "beta", "gamma", "delta", "omega", "users", "events", "clicks"];
    let word = |n: u64, at: u32| WORDS[(hash(n) >> (3 * at) & 7) as usize];
    let key = |n| format!("{}/{}/{}-{:x}", word(n, 0), word(n, 1), word(n, 2), hash(n) >> 40);
    takes(16, "words", key, (9.6, 115), (3.6, 117)).await;
}

#[tokio::test(start_paused = true)]
async fn small_folders_and_a_large_one() {
    let key = |n| if n % 50 == 0 { format!("{:04}/readme", n / 50) } else { format!("logs/{n:09}") };
    takes(16, "skewed", key, (11.1, 108), (8.7, 114)).await;
}
