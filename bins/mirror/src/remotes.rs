//! From what was typed to places.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use transship::{Place, mirror::Ends, store::BucketSpec, transfer::Destination};
use transship_config::{RcloneConfig, Remote};
use transship_support::{Failure, environment};

/// Both ends of a run.
pub(crate) fn ends(config: Option<&PathBuf>, source: &str, destination: &str) -> Result<(Ends, Remote)> {
    open(config, source, destination).map_err(Failure::usage)
}

/// One place, to be looked at.
pub(crate) fn place(config: Option<&PathBuf>, remote: &str) -> Result<Place> {
    let look = || -> Result<Place> {
        let config = RcloneConfig::load(config.map(PathBuf::as_path), &environment())?;
        let remote = config.remote(remote, &std::env::current_dir().context("find the current directory")?)?;
        tell(&remote);
        Ok(Place::at(remote.location()?)?)
    };
    look().map_err(Failure::usage)
}

/// What is worth knowing of what was typed and configured.
fn tell(remote: &Remote) {
    remote.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    remote.ignored.iter().for_each(|ignored| tracing::debug!("{ignored} has no effect here"));
}

fn open(config: Option<&PathBuf>, source: &str, destination: &str) -> Result<(Ends, Remote)> {
    let config = RcloneConfig::load(config.map(PathBuf::as_path), &environment())?;
    let folder = std::env::current_dir().context("find the current directory")?;
    let from = config.remote(source, &folder)?;
    let to = config.remote(destination, &folder)?;
    tell(&from);
    tell(&to);
    let (source, place) = (Place::at(from.location()?)?, Place::at(to.location()?)?);
    let written = Destination {
        acl: to.write.acl.clone(),
        storage_class: to.write.storage_class.clone(),
        encryption: to.write.encryption.clone(),
        keep_time: true,
        ..Destination::new(place.bucket.clone())
    };
    let ends = Ends { source, destination: place, written };
    refuse_overlap(&from, &to, &ends)?;
    Ok((ends, to))
}

/// A destination inside its source would be copied into itself; a source inside its destination would be deleted.
fn refuse_overlap(source: &Remote, destination: &Remote, ends: &Ends) -> Result<()> {
    let told = || format!("{} and {}", ends.source.describe(), ends.destination.describe());
    let (from, to) = (source.location()?, destination.location()?);
    let (same, nested) = match (&from.bucket, &to.bucket) {
        (BucketSpec::Local(one), BucketSpec::Local(other)) => {
            let (one, other) = (real(&one.root.join(&from.prefix)), real(&other.root.join(&to.prefix)));
            (one == other, one.starts_with(&other) || other.starts_with(&one))
        }
        _ if ends.source.bucket.location() != ends.destination.bucket.location() => (false, false),
        _ => {
            let (one, other) = (&from.prefix, &to.prefix);
            (one == other, one.starts_with(other.as_str()) || other.starts_with(one.as_str()))
        }
    };
    if same {
        bail!("source and destination are the same place: {}", ends.source.describe());
    }
    if nested {
        bail!("one of source and destination lies inside the other: {}", told());
    }
    Ok(())
}

/// Where a path leads, links followed as far as it is there.
fn real(path: &Path) -> PathBuf {
    let there = path.ancestors().find_map(|part| Some((part.canonicalize().ok()?, path.strip_prefix(part).ok()?)));
    there.map_or_else(|| path.to_owned(), |(real, rest)| real.join(rest))
}
