//! Copy everything below one URL to another: `cargo run -p example-embed-copy -- file:///from file:///to`

#![allow(clippy::print_stdout)] // an example talks to its reader

use anyhow::Context;
use futures::TryStreamExt;
use transship::{Leg, Place, Route, RunOptions, report::Totals};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut urls = std::env::args().skip(1);
    let (from, to) = urls.next().zip(urls.next()).context("usage: example-embed-copy SOURCE_URL DESTINATION_URL")?;
    let totals = copy(&from, &to).await?;
    println!("{} objects, {} bytes, verified: {:?}", totals.counts.copied, totals.bytes_written, totals.verified);
    anyhow::ensure!(
        totals.counts.failed == 0,
        "{} objects failed: {:?}",
        totals.counts.failed,
        totals.failures.reasons
    );
    Ok(())
}

/// The whole of it: a route, a run, and what came of each object.
async fn copy(from: &str, to: &str) -> anyhow::Result<Totals> {
    let route = Route { source: Place::open(from)?, legs: vec![Leg::new("copy", Place::open(to)?)] };
    let mut outcomes = transship::copy(route, RunOptions::default()).outcomes();
    let mut totals = Totals::default();
    while let Some(object) = outcomes.try_next().await? {
        totals.add(&object);
    }
    Ok(totals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tree_is_copied_and_verified() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(from.path().join("deep")).unwrap();
        std::fs::write(from.path().join("deep/one.txt"), "one").unwrap();
        std::fs::write(from.path().join("two.txt"), "two").unwrap();
        let url = |dir: &tempfile::TempDir| format!("file://{}", dir.path().display());
        let totals = copy(&url(&from), &url(&to)).await.unwrap();
        assert_eq!((totals.counts.copied, totals.bytes_written, totals.counts.failed), (2, 6, 0));
        assert!(totals.verified.keys().all(|strength| strength.proves_content()));
        assert_eq!(std::fs::read_to_string(to.path().join("deep/one.txt")).unwrap(), "one");
    }
}
