//! Pages that take more memory than others.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use futures::{StreamExt, TryStreamExt};
use transship_list::{KeyRange, ListOptions, Side, entries, pieces};

use crate::slow_bucket::SlowBucket;

const LISTERS: usize = 8;
const PAGE: usize = 500;
const COUNT: usize = 100 * PAGE;
/// What a page takes at least, in bytes.
const BYTES: usize = PAGE * LENGTH;
const LENGTH: usize = 1000;

fn bucket() -> Arc<SlowBucket> {
    let keys: Vec<_> = (0..COUNT).map(|n| format!("{n:06}{}", "_".repeat(LENGTH - 6))).collect();
    Arc::new(SlowBucket::steady(keys, PAGE, Duration::from_millis(25)))
}

fn options() -> ListOptions {
    ListOptions { listers: LISTERS, ..ListOptions::default() }
}

#[tokio::test(start_paused = true)]
async fn no_more_waits_to_be_read_than_there_is_memory_for() {
    let bucket = bucket();
    let mut listed = Box::pin(entries(Side::new(bucket.clone(), ""), KeyRange::ALL, options()));
    // The first ranges are listed while it is read; then nobody reads.
    for _ in 0..20 * PAGE {
        listed.try_next().await.unwrap().unwrap();
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    let waiting = usize::try_from(bucket.requests()).unwrap() - 20;
    assert!(waiting * BYTES > LISTERS * ListOptions::LISTER / 2, "pages are listed ahead: {waiting}");
    assert!(waiting * BYTES < LISTERS * ListOptions::LISTER * 3 / 2, "{waiting} pages wait");
    let rest: usize = listed.try_fold(0, |n, _| async move { Ok(n + 1) }).await.unwrap();
    assert_eq!(rest, COUNT - 20 * PAGE);
}

#[tokio::test(start_paused = true)]
async fn fewer_ranges_are_listed_side_by_side() {
    let sides = [(); 2].map(|()| Side::new(bucket(), ""));
    let (now, most, count) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let all = pieces(sides, KeyRange::ALL, options()).for_each_concurrent(None, |piece| {
        let (now, most, count) = (&now, &most, &count);
        async move {
            most.fetch_max(1 + now.fetch_add(1, Relaxed), Relaxed);
            let sides = piece.listings().map(|listing| async move {
                let keys: usize = listing.try_fold(0, |n, page| async move { Ok(n + page.len()) }).await.unwrap();
                count.fetch_add(keys, Relaxed);
            });
            futures::future::join_all(sides).await;
            now.fetch_sub(1, Relaxed);
        }
    });
    all.await;
    assert_eq!(count.into_inner(), 2 * COUNT);
    let most = most.into_inner();
    assert!((2..=LISTERS / 2).contains(&most), "{most} at once");
}
