//! Which paths take part, and where a listing need not look.

// Lints spare tests, but not what tests share.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use time::macros::datetime;
use transship_diff::{Ahead, Filter, FilterError, Limits, Rule, Rules};
use transship_types::{Entry, Key};

fn filter(rules: &[&str]) -> Filter {
    let mut all = Rules::new(false);
    for rule in rules {
        all.add(Rule::parse(rule).unwrap()).unwrap();
    }
    Filter::new(all, Limits::default()).unwrap()
}

fn entry(size: u64) -> Entry {
    let last_modified = datetime!(2024-01-01 12:00 UTC);
    Entry { key: Key::from("x"), size, last_modified, etag: None, storage_class: None }
}

#[test]
fn two_stars_match_every_name_also_one_with_the_end_of_a_line() {
    let filter = filter(&["+ a", "- /**"]);
    assert!(filter.includes_path("a"));
    assert!(!filter.includes_path("n\nl.x") && !filter.includes_path("d\ne/f"));
}

#[test]
fn the_first_rule_that_matches_decides() {
    let filter = filter(&["- secret*.jpg", "+ *.jpg", "+ *.png", "+ file2.avi", "- /dir/tmp/**", "+ /dir/**", "- *"]);
    for path in ["a/x.jpg", "file2.avi", "dir/y", "dir/sub/z"] {
        assert!(filter.includes_path(path), "{path}");
    }
    for path in ["secret17.jpg", "x.avi", "dir/tmp/x", "other/x"] {
        assert!(!filter.includes_path(path), "{path}");
    }
}

#[test]
fn what_lies_in_an_excluded_folder_is_excluded_whatever_comes_later() {
    let filter = filter(&["- /cache/", "+ /cache/keep.txt"]);
    assert!(
        !filter.includes_path("cache/keep.txt") && filter.includes_path("cache") && filter.includes_path("a/cache/x")
    );
}

#[test]
fn an_exclamation_mark_forgets_what_came_before() {
    assert!(filter(&["- *", "!"]).is_empty());
}

#[test]
fn what_is_no_rule_is_an_error() {
    assert_eq!(Rule::parse("*.jpg").unwrap_err(), FilterError::Rule("*.jpg".to_owned()));
    let wrong = Rules::new(false).add(Rule::Include("a{b".to_owned())).unwrap_err();
    assert_eq!(wrong.to_string(), "the pattern \"a{b\" cannot be read: '{' without '}'");
}

#[test]
fn case_may_be_ignored() {
    let mut rules = Rules::new(true);
    rules.add(Rule::Exclude("*.JPG".to_owned())).unwrap();
    assert!(!Filter::new(rules, Limits::default()).unwrap().includes_path("a.jpg"));
}

#[test]
fn limits_include_their_bounds() {
    let limits = Limits { min_size: Some(2), max_size: Some(3), ..Limits::default() };
    let filter = Filter::new(Rules::new(false), limits).unwrap();
    let taken: Vec<u64> = (0..6).filter(|size| filter.includes("x", &entry(*size))).collect();
    assert_eq!(taken, [2, 3]);
    let noon = entry(0).last_modified;
    let from = Limits { modified_from: Some(noon), modified_to: Some(noon), ..Limits::default() };
    assert!(Filter::new(Rules::new(false), from).unwrap().includes("x", &entry(0)));
    assert!(Filter::new(Rules::new(false), Limits { min_size: Some(4), ..limits }).is_err());
}

#[test]
fn a_list_of_files_stands_alone() {
    let filter = Filter::files(["/a/b".to_owned(), "c/".to_owned()]);
    assert!(filter.includes_path("a/b") && filter.includes_path("c") && !filter.includes_path("a"));
    assert_eq!(filter.ahead("c"), Ahead::Nowhere);
    assert!(matches!(filter.ahead("a/b"), Ahead::Behind(key) if key.as_str() > "a/b" && key.as_str() < "c"));
}

#[test]
fn excluded_folders_are_jumped_over() {
    let filter = filter(&["- /cache/**"]);
    assert!(matches!(filter.ahead("cache/0001"), Ahead::Behind(key) if key.as_str() < "cache0"));
    assert_eq!(filter.ahead("cache"), Ahead::Anywhere);
}

#[test]
fn a_listing_begins_and_ends_where_includes_are_anchored() {
    let filter = filter(&["+ /data/2024*/**", "+ /docs/*.md", "- **"]);
    assert!(
        matches!(filter.ahead(""), Ahead::Behind(key) if key.as_str() < "data/2024" && key.as_str() > "data/2023zzz")
    );
    assert_eq!(filter.ahead("data/2024-01/x"), Ahead::Anywhere);
    assert!(matches!(filter.ahead("data/2025"), Ahead::Behind(key) if key.as_str() < "docs/"));
    assert_eq!(filter.ahead("e"), Ahead::Nowhere);
}

fn rule() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec!["a", "b", "*", "**", "?", "ab", "[ab]", "{a,b}"]);
    let pattern = prop::collection::vec(part, 1..4).prop_map(|parts| parts.join("/"));
    (prop::bool::ANY, prop::bool::ANY, pattern, prop::bool::ANY).prop_map(|(include, anchored, pattern, folder)| {
        let (sign, root, end) =
            (if include { '+' } else { '-' }, if anchored { "/" } else { "" }, if folder { "/" } else { "" });
        format!("{sign} {root}{pattern}{end}")
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]
    #[test]
    fn nothing_that_takes_part_is_jumped_over(
        rules in prop::collection::vec(rule(), 0..5),
        last in prop::sample::select(vec!["", "- *", "- **", "- /**"]),
        seen in "[ab/0]{0,5}",
        path in "[ab/0]{1,5}",
    ) {
        let rules: Vec<&str> = rules.iter().map(String::as_str).chain(Some(last).filter(|last| !last.is_empty())).collect();
        let filter = filter(&rules);
        if path > seen && filter.includes_path(&path) {
            match filter.ahead(&seen) {
                Ahead::Anywhere => {}
                Ahead::Behind(key) => prop_assert!(path > key, "{key:?} jumps over {path:?}"),
                Ahead::Nowhere => prop_assert!(false, "{path:?} takes part"),
            }
        }
    }
}
