//! What it costs to learn how keys vary, and to find where a range may be cut.

use divan::{Bencher, black_box, counter::ItemsCount};
use transship_list::bench::Seen;

fn main() {
    divan::main();
}

/// As many as are learned from some sixty pages.
const SAMPLES: usize = 1_000;

const UNTIL: &str = "tenant-6/year=2024/month=11";

fn keys() -> Vec<String> {
    let key = |n: usize| format!("tenant-{}/year=2024/month={:02}/part-{:08}", n / 170, n / 17 % 12, n * 977);
    (0..SAMPLES).map(key).collect()
}

#[divan::bench]
fn learn(bencher: Bencher<'_, '_>) {
    let keys = keys();
    bencher.counter(ItemsCount::new(SAMPLES)).bench(|| Seen::of(black_box(&keys)));
}

fn asked<T>(bencher: Bencher<'_, '_>, question: impl Fn(&Seen, &str) -> T + Sync) {
    let keys = keys();
    let seen = Seen::of(&keys);
    bencher.counter(ItemsCount::new(SAMPLES)).bench(|| {
        for key in &keys {
            black_box(question(&seen, black_box(key)));
        }
    });
}

#[divan::bench]
fn left(bencher: Bencher<'_, '_>) {
    asked(bencher, |seen, key| seen.left(key, UNTIL));
}

#[divan::bench]
fn ahead(bencher: Bencher<'_, '_>) {
    asked(bencher, |seen, key| seen.ahead(key, 50_000.0));
}

#[divan::bench]
fn between(bencher: Bencher<'_, '_>) {
    asked(bencher, |seen, key| seen.between(key, UNTIL));
}
