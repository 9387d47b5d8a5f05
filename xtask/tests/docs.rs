//! The pages under `docs/` hang together.

#![allow(clippy::unwrap_used, reason = "a test that fails should say where")]

use std::{
    fs,
    path::{Path, PathBuf},
};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn pages() -> Vec<PathBuf> {
    let entries = fs::read_dir(docs()).unwrap().flatten().map(|entry| entry.path());
    let mut pages: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    pages.sort();
    assert!(pages.len() > 3);
    pages
}

/// The targets of a page's links, outside of code.
fn links(text: &str) -> Vec<String> {
    let prose = text.split("```").step_by(2).collect::<String>();
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

/// The anchors that mdBook makes of a page's headings.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        for link in links(&fs::read_to_string(&page).unwrap()) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            if file.contains("://") {
                continue;
            }
            let target = if file.is_empty() { page.clone() } else { docs().join(file) };
            let text = fs::read_to_string(&target).unwrap_or_else(|e| panic!("{}: {link}: {e}", page.display()));
            assert!(anchor.is_empty() || anchors(&text).contains(&anchor.to_owned()), "{}: {link}", page.display());
        }
    }
}

#[test]
fn every_page_is_in_the_summary() {
    let listed = links(&fs::read_to_string(docs().join("SUMMARY.md")).unwrap());
    for page in pages() {
        let name = page.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name == "SUMMARY.md" || listed.contains(&name), "{name} is not in SUMMARY.md");
    }
}
