//! What it costs to learn how keys vary, and to find where a range may be cut.

use divan::{Bencher, black_box, counter::ItemsCount};
use transship_list::bench::Cuts;

fn main() {
    divan::main();
}

/// As many as are learned from some sixty pages.
const SAMPLES: usize = 1_000;

fn keys() -> Vec<String> {
    (0..SAMPLES).map(|n| format!("tenant-{}/year=2024/month={:02}/part-{:08}", n % 7, n % 12, n * 977)).collect()
}

fn learned(keys: &[String]) -> Cuts {
    let mut cuts = Cuts::default();
    keys.iter().for_each(|key| cuts.learn(key));
    cuts
}

#[divan::bench]
fn learn(bencher: Bencher<'_, '_>) {
    let keys = keys();
    bencher.counter(ItemsCount::new(SAMPLES)).bench(|| learned(black_box(&keys)));
}

#[divan::bench]
fn cut(bencher: Bencher<'_, '_>) {
    let keys = keys();
    let cuts = learned(&keys);
    bencher.counter(ItemsCount::new(SAMPLES)).bench(|| {
        keys.iter().filter_map(|seen| cuts.cut(black_box(seen), Some("tenant-6/year=2024/month=11"))).count()
    });
}

/// Asked of each range whenever somebody is idle.
#[divan::bench]
fn left(bencher: Bencher<'_, '_>) {
    let keys = keys();
    let cuts = learned(&keys);
    bencher.counter(ItemsCount::new(SAMPLES)).bench(|| {
        keys.iter().map(|seen| cuts.left("", black_box(seen), Some("tenant-6/year=2024/month=11"))).sum::<f64>()
    });
}
