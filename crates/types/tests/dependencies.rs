//! Dependencies point one way. Who adds one here changes the architecture, and should know it.

#![allow(clippy::panic, clippy::unwrap_used)] // helpers of tests are tests, too

use std::{collections::BTreeSet, fs, path::Path};

fn dependencies(crate_dir: &str) -> BTreeSet<String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(crate_dir).join("Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap_or_else(|e| panic!("{}: {e}", manifest.display()));
    let manifest: toml::Table = text.parse().unwrap();
    manifest["dependencies"].as_table().unwrap().keys().cloned().collect()
}

fn ours(crate_dir: &str) -> BTreeSet<String> {
    dependencies(crate_dir).into_iter().filter(|name| name.starts_with("transship")).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn types_are_free_of_io_and_async() {
    assert_eq!(dependencies("crates/types"), set(&["serde", "time", "zeroize"]));
}

#[test]
fn libraries_depend_downwards_only() {
    let types = "transship-types";
    for (dir, allowed) in [
        ("crates/store", vec![types]),
        ("crates/keys", vec![]),
        ("crates/spill", vec![]),
        ("crates/list", vec![types, "transship-spill", "transship-store"]),
        ("crates/diff", vec![types, "transship-verify"]),
        ("crates/verify", vec![types]),
        ("crates/report", vec![types]),
        ("crates/alert", vec![types]),
        ("crates/transfer", vec![types, "transship-store", "transship-verify"]),
        ("crates/config", vec![types, "transship-store", "transship-keys", "transship-alert"]),
        (
            "crates/transship",
            vec![
                types,
                "transship-store",
                "transship-spill",
                "transship-list",
                "transship-diff",
                "transship-keys",
                "transship-transfer",
                "transship-verify",
                "transship-report",
            ],
        ),
    ] {
        let extra: Vec<_> = ours(dir).difference(&set(&allowed)).cloned().collect();
        assert!(extra.is_empty(), "{dir} must not depend on {extra:?}");
    }
}

#[test]
fn the_testbed_is_for_tests_only() {
    let crates = [
        "store",
        "keys",
        "verify",
        "report",
        "alert",
        "transfer",
        "config",
        "transship",
        "types",
        "spill",
        "list",
        "diff",
    ];
    for dir in crates {
        assert!(!ours(&format!("crates/{dir}")).contains("transship-testbed"), "{dir}");
    }
    for dir in ["bins/support", "bins/solgate", "bins/mirror"] {
        assert!(!ours(dir).contains("transship-testbed"), "{dir}");
    }
}
