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
use transship_types::Entry;

use crate::slow_bucket::SlowBucket;

/// A hundred pages, and who lists them.
#[derive(Clone, Copy)]
struct Scene {
    listers: usize,
    /// Keys of a page.
    page: usize,
    /// Characters of a key.
    length: usize,
}

/// Keys that are as long as S3 allows, and pages as large as Azure's.
const SCENES: [Scene; 2] =
    [Scene { listers: 8, page: 500, length: 1000 }, Scene { listers: 32, page: 5000, length: 100 }];

impl Scene {
    fn count(self) -> usize {
        100 * self.page
    }

    /// What a page takes at least, in bytes.
    fn bytes(self) -> usize {
        self.page * (self.length + size_of::<Entry>())
    }

    fn bucket(self) -> Arc<SlowBucket> {
        let keys: Vec<_> = (0..self.count()).map(|n| format!("{n:06}{}", "_".repeat(self.length - 6))).collect();
        Arc::new(SlowBucket::steady(keys, self.page, Duration::from_millis(25)))
    }

    fn options(self) -> ListOptions {
        ListOptions { listers: self.listers, ..ListOptions::default() }
    }
}

#[tokio::test(start_paused = true)]
async fn no_more_waits_to_be_read_than_there_is_memory_for() {
    for scene in SCENES {
        let (bucket, memory) = (scene.bucket(), scene.listers * ListOptions::LISTER);
        let mut listed = Box::pin(entries(Side::new(bucket.clone(), ""), KeyRange::ALL, scene.options()));
        // The first ranges are listed while it is read; then nobody reads.
        for _ in 0..20 * scene.page {
            listed.try_next().await.unwrap().unwrap();
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        let waiting = usize::try_from(bucket.requests()).unwrap() - 20;
        assert!(waiting * scene.bytes() > memory / 2, "pages are listed ahead: {waiting}");
        assert!(waiting * scene.bytes() < memory * 11 / 10, "{waiting} pages wait");
        let rest: usize = listed.try_fold(0, |n, _| async move { Ok(n + 1) }).await.unwrap();
        assert_eq!(rest, scene.count() - 20 * scene.page);
    }
}

#[tokio::test(start_paused = true)]
async fn fewer_ranges_are_listed_side_by_side() {
    for scene in SCENES {
        let most = most_at_once([scene.bucket(), scene.bucket()], scene.count(), scene).await;
        assert!((2..=scene.listers / 2).contains(&most), "{most} at once");
    }
}

#[tokio::test(start_paused = true)]
async fn a_few_large_pages_slow_down_nothing_that_comes_much_later() {
    let scene = SCENES[0];
    let key = |n| match n < 10 * scene.page {
        true => format!("{n:06}{}", "_".repeat(scene.length - 6)),
        false => format!("{n:06}"),
    };
    let count = 5 * scene.count();
    let bucket = || {
        let keys: Vec<_> = (0..count).map(key).collect();
        Arc::new(SlowBucket::steady(keys, scene.page, Duration::from_millis(25)))
    };
    let most = most_at_once([bucket(), bucket()], count, scene).await;
    assert!(most > scene.listers / 2, "{most} at once");
}

/// How many ranges of two sides were listed at once, at most.
async fn most_at_once(buckets: [Arc<SlowBucket>; 2], keys: usize, scene: Scene) -> usize {
    let sides = buckets.map(|bucket| Side::new(bucket, ""));
    let (now, most, count) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let all = pieces(sides, KeyRange::ALL, scene.options()).for_each_concurrent(None, |piece| {
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
    assert_eq!(count.into_inner(), 2 * keys);
    most.into_inner()
}
