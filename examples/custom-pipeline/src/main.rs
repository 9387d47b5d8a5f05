//! A pipeline of your own on Transship's engine: jobs come from a manifest instead of a listing, keys are made by a
//! function of yours, and outcomes go to a CSV instead of a report.
//!
//! `cargo run -p example-custom-pipeline -- file:///from file:///to manifest.txt outcomes.csv`, where the manifest
//! names one object a line.

use std::{io::Write, path::Path};

use anyhow::Context;
use futures::{Stream, StreamExt, stream};
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use transship::{
    Place,
    transfer::{Copied, Copier, CopyOptions, Destination, Done, Failure, Job, Target},
    types::{Entry, Key},
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, manifest, outcomes] = &args[..] else {
        anyhow::bail!("usage: example-custom-pipeline SOURCE_URL DESTINATION_URL MANIFEST OUTCOMES");
    };
    run(from, to, Path::new(manifest), Path::new(outcomes)).await
}

async fn run(from: &str, to: &str, manifest: &Path, outcomes: &Path) -> anyhow::Result<()> {
    let (source, destination) = (Place::open(from)?, Place::open(to)?);
    let lines = std::fs::read_to_string(manifest).with_context(|| format!("read {}", manifest.display()))?;
    let jobs = jobs(&lines, &source, &destination);
    let copier = Copier::new(
        source.bucket.clone(),
        vec![Destination::new(destination.bucket.clone())],
        CopyOptions { transfers: 16, ..CopyOptions::default() },
        CancellationToken::new(),
    );
    let mut sink = std::fs::File::create(outcomes).with_context(|| format!("create {}", outcomes.display()))?;
    writeln!(sink, "key,attempts,outcome")?;
    let mut copies = std::pin::pin!(copier.run(jobs));
    while let Some(copied) = copies.next().await {
        record(&mut sink, &copied)?;
    }
    Ok(())
}

/// Your own source. What it does not know of an object is a hint: the first reply decides.
fn jobs(lines: &str, source: &Place, destination: &Place) -> impl Stream<Item = Job> + Send + 'static {
    let jobs: Vec<Job> = lines
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| Job {
            source: Entry {
                key: Key::from(line).prefixed(&source.prefix),
                size: 0,
                last_modified: OffsetDateTime::UNIX_EPOCH,
                etag: None,
                storage_class: None,
            },
            hint: true,
            targets: vec![Target {
                destination: 0,
                key: by_first_letter(line).prefixed(&destination.prefix),
                unpack: false,
                newest_wins: false,
            }],
        })
        .collect();
    stream::iter(jobs)
}

/// Your own keys: `banana.txt` becomes `b/banana.txt`.
fn by_first_letter(name: &str) -> Key {
    let first = name.chars().next().unwrap_or('_').to_lowercase();
    Key::from(format!("{first}/{name}"))
}

/// Your own sink.
fn record(sink: &mut impl Write, copied: &Copied) -> std::io::Result<()> {
    for placed in &copied.targets {
        let outcome = match &placed.result {
            Ok(Done::Copied { verified, .. }) => format!("verified by {}", verified.name()),
            Ok(Done::KeptNewer(_)) => "kept".to_owned(),
            Err(Failure::Cancelled) => "cancelled".to_owned(),
            Err(Failure::Error(error)) => format!("failed: {error}"),
        };
        writeln!(sink, "{:?},{},{:?}", copied.source.key.as_str(), placed.attempts, outcome)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_the_manifest_names_arrives_under_our_keys_and_in_our_sink() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        std::fs::create_dir(at("from")).unwrap();
        std::fs::write(at("from/banana.txt"), "yellow").unwrap();
        std::fs::write(at("manifest"), "banana.txt\nmissing.txt\n").unwrap();
        let url = |name: &str| format!("file://{}", at(name).display());
        run(&url("from"), &url("to"), &at("manifest"), &at("outcomes")).await.unwrap();
        assert_eq!(std::fs::read_to_string(at("to/b/banana.txt")).unwrap(), "yellow");
        let outcomes = std::fs::read_to_string(at("outcomes")).unwrap();
        assert!(outcomes.contains("\"banana.txt\",1,\"verified by reread\""), "{outcomes}");
        assert!(outcomes.contains("\"missing.txt\",") && outcomes.contains("there is no such file"), "{outcomes}");
    }
}
