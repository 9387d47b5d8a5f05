//! From what was typed to places.

use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, bail};
use time::OffsetDateTime;
use transship::{
    Error, Place,
    diff::Filter,
    mirror::{Backup, Ends},
    store::{BucketSpec, Links, ListRequest, LocalSpec, Location, RetryOptions, S3Credentials, retry},
    transfer::Destination,
};
use transship_config::{RcloneConfig, Remote, RemotePlace, WriteOptions};
use transship_support::{ExitCode, Failure, environment};

use crate::{
    cli::{BackupArgs, Cli},
    filters::{FilterArgs, of_source},
    overlap::{Relation, relation},
    sync::code,
};

/// What rclone's configuration makes of what was typed.
pub(crate) struct Remotes {
    config: RcloneConfig,
    folder: PathBuf,
}

/// A remote, opened.
#[derive(Clone, Debug)]
pub(crate) struct Opened {
    /// What was typed, but for the values of options: they may be secrets.
    pub(crate) name: String,
    pub(crate) location: Location,
    pub(crate) place: Place,
    pub(crate) write: WriteOptions,
    /// The one object that is meant, without the place's prefix, where no folder is.
    pub(crate) only: Option<String>,
}

impl Remotes {
    /// Reads the configuration.
    pub(crate) fn of(cli: &Cli) -> Result<Self> {
        let config = RcloneConfig::load(cli.config.as_deref(), &environment()).map_err(Failure::usage)?;
        let folder = std::env::current_dir().context("find the current directory").map_err(Failure::usage)?;
        Ok(Self { config: config.with_flags(cli.backend_flags.iter().cloned()), folder })
    }

    /// A place to write to: always a folder, whose links are never followed.
    pub(crate) fn folder(&self, typed: &str) -> Result<Opened> {
        let mut remote = self.remote(typed).map_err(Failure::usage)?;
        if let RemotePlace::At(location) = &mut remote.place
            && let BucketSpec::Local(spec) = &mut location.bucket
            && spec.links == Links::Followed
        {
            spec.links = Links::LeftOut;
        }
        opened(&remote).map_err(Failure::usage)
    }

    /// A place to read from: a folder, or one object.
    pub(crate) async fn source(&self, typed: &str) -> Result<Opened> {
        let remote = self.remote(typed).map_err(Failure::usage)?;
        if let RemotePlace::At(location) = &remote.place
            && let BucketSpec::Local(spec) = &location.bucket
            && spec.root.is_file()
        {
            return file(&remote, spec).map_err(Failure::usage);
        }
        let folder = opened(&remote).map_err(Failure::usage)?;
        match &remote.object {
            Some(key) => object(folder, key).await.map_err(|error| Failure::new(code(&error), error)),
            None => Ok(folder),
        }
    }

    fn remote(&self, typed: &str) -> Result<Remote> {
        let remote = self.config.remote(typed, &self.folder)?;
        remote.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        remote.ignored.iter().for_each(|ignored| tracing::debug!("{ignored} has no effect here"));
        Ok(remote)
    }
}

fn opened(remote: &Remote) -> Result<Opened> {
    at(remote, remote.location()?.clone(), None)
}

fn at(remote: &Remote, location: Location, only: Option<String>) -> Result<Opened> {
    let place = Place::at(&location)?;
    if let BucketSpec::S3(spec) = &location.bucket
        && matches!(spec.credentials, S3Credentials::Anonymous)
    {
        let name = &remote.name;
        tracing::info!("{name}: requests are not signed, because the remote has neither keys nor env_auth = true");
    }
    Ok(Opened { name: remote.name.clone(), location, place, write: remote.write.clone(), only })
}

fn file(remote: &Remote, spec: &LocalSpec) -> Result<Opened> {
    let (Some(folder), Some(name)) = (spec.root.parent(), spec.root.file_name()) else {
        bail!("{} is neither a file nor a directory", remote.name);
    };
    let name = name.to_str().ok_or_else(|| anyhow!("{}: the name is not valid UTF-8", remote.name))?;
    if spec.root.is_symlink() && spec.links != Links::Followed {
        bail!("{} is a symbolic link to a file: --copy-links follows it", remote.name);
    }
    let bucket = BucketSpec::Local(LocalSpec { root: folder.to_owned(), ..spec.clone() });
    at(remote, Location { bucket, prefix: String::new() }, Some(name.to_owned()))
}

/// One look tells: of all keys that begin with the object's, its own comes first.
async fn object(folder: Opened, key: &str) -> Result<Opened, Error> {
    let request = ListRequest { prefix: key.to_owned(), max_keys: Some(1), ..ListRequest::default() };
    let patience = RetryOptions::default().at_first_contact();
    let page = retry(&patience, |_| folder.place.bucket.list_page(&request, None)).await?;
    if page.entries.first().is_none_or(|entry| entry.key.as_str() != key) {
        return Ok(folder);
    }
    let (prefix, name) = key.rfind('/').map_or(("", key), |slash| key.split_at(slash + 1));
    let place = Place { prefix: prefix.to_owned(), ..folder.place };
    let location = Location { prefix: prefix.to_owned(), ..folder.location };
    Ok(Opened { place, location, only: Some(name.to_owned()), ..folder })
}

/// What a command works on.
pub(crate) struct Between {
    pub(crate) remotes: Remotes,
    pub(crate) source: Opened,
    pub(crate) destination: Opened,
    pub(crate) ends: Ends,
    pub(crate) filter: Filter,
}

impl Between {
    /// Mistakes of the command line come before the first request. Filters are read once: they may stand on stdin.
    pub(crate) async fn open(cli: &Cli, source: &str, destination: &str, filters: &FilterArgs) -> Result<Self> {
        let filter = filters.filter(OffsetDateTime::now_utc())?;
        let remotes = Remotes::of(cli)?;
        let destination = remotes.folder(destination)?;
        let source = remotes.source(source).await?;
        let ends = ends(&source, &destination)?;
        let filter = of_source(filter, &source)?;
        Ok(Self { remotes, source, destination, ends, filter })
    }
}

/// Both ends of a run, which lie apart.
pub(crate) fn ends(source: &Opened, destination: &Opened) -> Result<Ends> {
    apart(source, destination).map_err(|error| Failure::new(ExitCode::GuardRefused, error))?;
    let written = written(destination);
    Ok(Ends { source: source.place.clone(), destination: destination.place.clone(), written })
}

fn written(to: &Opened) -> Destination {
    Destination {
        acl: to.write.acl.clone(),
        storage_class: to.write.storage_class.clone(),
        encryption: to.write.encryption.clone(),
        keep_time: true,
        ..Destination::new(to.place.bucket.clone())
    }
}

/// A destination inside its source would be copied into itself; a source inside its destination would be deleted.
fn apart(source: &Opened, destination: &Opened) -> Result<()> {
    let (one, other) = (source.place.describe(), destination.place.describe());
    match relation(destination, source) {
        Relation::Apart => Ok(()),
        Relation::Same => bail!("source and destination are the same place: {one}"),
        // One object of a folder may well go into a folder below or above.
        Relation::Inside(_) | Relation::Around if source.only.is_some() => Ok(()),
        Relation::Inside(_) => bail!("the destination, {other}, lies inside the source, {one}"),
        Relation::Around => bail!("the source, {one}, lies inside the destination, {other}"),
    }
}

/// Where goes what is about to be replaced or deleted. `keeps_out` tells whether filters exclude a folder.
pub(crate) fn backup(
    remotes: &Remotes,
    args: &BackupArgs,
    source: &Opened,
    destination: &Opened,
    keeps_out: impl Fn(&str) -> bool,
) -> Result<Option<Backup>> {
    let suffix = args.suffix.clone().unwrap_or_default();
    let to = match &args.backup_dir {
        None if suffix.is_empty() => return Ok(None),
        None => destination.clone(),
        Some(typed) => {
            let to = remotes.folder(typed)?;
            for (what, end) in [("source", source), ("destination", destination)] {
                let overlaps = match relation(&to, end) {
                    Relation::Apart => false,
                    Relation::Inside(folder) => !keeps_out(&folder),
                    Relation::Same | Relation::Around => true,
                };
                if overlaps {
                    let (kept, end) = (to.place.describe(), end.place.describe());
                    return Err(Failure::usage(anyhow!(
                        "--backup-dir must not overlap the {what}: {kept} and {end}; inside it, a filter must exclude \
                         the folder"
                    )));
                }
            }
            to
        }
    };
    let (written, place) = (written(&to), to.place);
    Ok(Some(Backup { place, written, suffix, keep_extension: args.suffix_keep_extension }))
}
