//! A table much larger than what it may hold in memory.

// Lints spare tests, but not what tests share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use transship_spill::Table;

const ENTRIES: u64 = 2_000_000;

/// As long as the keys and values of a real listing are.
fn entry(number: u64, n: u64) -> (String, (u64, String, i64)) {
    (format!("warehouse/orders/{number:020}/part-{n:08}.csv.gz"), (n, format!("{number:032x}"), 1_700_000_000))
}

/// The most memory that this process ever had, in MiB.
#[cfg(target_os = "linux")]
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "writes some hundred megabytes: cargo test --release -p transship-spill --test large_table -- --ignored"]
fn two_million_entries_are_held_in_little_memory() {
    for (order, step) in [("a listing's", 1), ("any other", 0x9e37_79b9_7f4a_7c15_u64)] {
        let started = std::time::Instant::now();
        let mut table = Table::new(&std::env::temp_dir());
        let entries = || (0..ENTRIES).map(|n| entry(n.wrapping_mul(step), n));
        for (key, value) in entries() {
            assert_eq!(table.get(&key).unwrap(), None);
            table.insert(&key, &value).unwrap();
        }
        let filled = started.elapsed();
        table.settle().unwrap();
        for (key, value) in entries() {
            assert_eq!(table.get(&key).unwrap(), Some(value));
        }
        let found = started.elapsed() - filled;
        eprintln!("keys in {order} order: filled in {filled:.1?}, found again in {found:.1?}, peak {} MiB", peak());
        assert!(peak() < 48, "{} MiB", peak());
    }
}
