//! From what was typed to a store: the remote, through its aliases, and what its type makes of the path.

use std::path::Path;

use transship_store::{BucketSpec, Links, LocalSpec, Location};

use super::{
    RcloneConfig, Remote, RemotePlace, WriteOptions, azure, google,
    options::{self, Backend, Kind, backends},
    path,
    places::Places,
    s3,
    settings::Settings,
    typed::{self, Typed},
};
use crate::{ConfigError, Result, error::nearest};

/// As many aliases may stand for each other.
const MAX_ALIASES: usize = 16;

impl RcloneConfig {
    pub(super) fn resolve(
        &self,
        typed: Typed,
        folder: &Path,
        path: &mut Vec<String>,
        warnings: Vec<String>,
    ) -> Result<Remote> {
        let places = Places::new(self, &typed);
        let backend = self.backend(&typed, &places)?;
        let settings = places.settle(backend)?;
        if backend.kind != Kind::Alias {
            return self.open(settings, &typed.path, folder, warnings);
        }
        let target = self.target(&settings, &typed, path)?;
        let ignored = settings.ignored;
        let mut remote = self.resolve(target, folder, path, warnings)?;
        remote.ignored.splice(0..0, ignored);
        Ok(remote)
    }

    fn backend(&self, typed: &Typed, places: &Places<'_>) -> Result<&'static Backend> {
        let Some(name) = &typed.name else { return Ok(&options::LOCAL) };
        if let Some(backend) = name.strip_prefix(':') {
            return options::backend(backend).ok_or_else(|| unsupported(backend).in_section(name));
        }
        match places.kind() {
            Some(kind) => options::backend(kind.text()).ok_or_else(|| kind.error(unsupported(kind.text()))),
            None => Err(self.unknown(name, &typed.path)),
        }
    }

    fn unknown(&self, name: &str, path: &str) -> ConfigError {
        let names = self.remotes();
        let error = if self.sections.iter().any(|section| section.name == name) {
            ConfigError::new("the remote has no type").of_key("type").expected(supported())
        } else if path.starts_with("//") {
            let known =
                if names.is_empty() { String::new() } else { format!(", a remote being {}", names.join(" or ")) };
            ConfigError::new("this is a URL").expected(format!("remote:bucket/path{known}"))
        } else if self.file.is_none() && names.is_empty() {
            let expected = "the file that --config or RCLONE_CONFIG names, or ~/.config/rclone/rclone.conf";
            ConfigError::new("there is no such remote, because no configuration file was read").expected(expected)
        } else if names.is_empty() {
            ConfigError::new("there is no such remote, nor any other")
        } else {
            let same = names.iter().find(|known| known.eq_ignore_ascii_case(name)).map(String::as_str);
            let near = same.or_else(|| nearest(name, names.iter().map(String::as_str)));
            ConfigError::new(format!("there is no such remote, only {}", names.join(", "))).nearest(near)
        };
        let error = error.in_section(name);
        match &self.file {
            Some(file) => error.in_file(file, None),
            None => error,
        }
    }

    /// What an alias stands for. `path` holds the aliases on the way here.
    fn target(&self, settings: &Settings<'_>, typed: &Typed, path: &mut Vec<String>) -> Result<Typed> {
        let Some(remote) = settings.get("remote") else {
            let problem = ConfigError::new("the alias stands for nothing").of_key("remote");
            return Err(settings.error(problem.expected("remote = other:path or a directory")));
        };
        let name = settings.remote.to_owned();
        let is_known = path.contains(&name);
        path.push(name);
        if is_known || path.len() > MAX_ALIASES {
            let problem = format!("aliases go round in a circle or on for too long: {}", path.join(" -> "));
            return Err(remote.error(ConfigError::new(problem).expected("an alias of something else")));
        }
        let mut target = typed::parse(remote.text()).map_err(|error| remote.error(error))?;
        target.path = path::inside(&target.path, &typed.path);
        Ok(target)
    }

    fn open(&self, mut settings: Settings<'_>, path: &str, folder: &Path, mut warnings: Vec<String>) -> Result<Remote> {
        let variables = &self.variables;
        let (bucket, inside) = path::bucket_and_path(path);
        let kind = settings.backend.kind;
        let (spec, write) = match kind {
            Kind::S3 => {
                let spec = s3::spec(&mut settings, bucket, variables, &mut warnings)?;
                (BucketSpec::S3(spec), s3::write_options(&settings)?)
            }
            Kind::Azure => {
                let spec = azure::spec(&mut settings, bucket, variables)?;
                (BucketSpec::Azure(spec), azure::write_options(&settings)?)
            }
            Kind::Google => {
                let spec = google::spec(&mut settings, bucket, folder, variables)?;
                (BucketSpec::Gcs(spec), google::write_options(&settings)?)
            }
            Kind::Memory => (BucketSpec::Memory(bucket.to_owned()), WriteOptions::default()),
            Kind::Local | Kind::Alias => {
                let links = links(&settings)?;
                let spec = LocalSpec { root: path::directory(folder, path), links, create: false };
                (BucketSpec::Local(spec), WriteOptions::default())
            }
        };
        let (is_directory, is_folder) = (kind == Kind::Local, path.ends_with('/'));
        let prefix = if is_directory || inside.is_empty() { String::new() } else { format!("{inside}/") };
        let place = match bucket {
            "" if !is_directory => RemotePlace::AllBuckets,
            _ => RemotePlace::At(Box::new(Location { bucket: spec, prefix: prefix.clone() })),
        };
        let object = (!prefix.is_empty() && !is_folder).then(|| inside.to_owned());
        Ok(Remote { name: String::new(), place, object, write, ignored: settings.ignored, warnings })
    }
}

/// <https://rclone.org/local/#symlinks-junction-points>
fn links(settings: &Settings<'_>) -> Result<Links> {
    let says = |option: &str| settings.truth(option).map(|truth| truth == Some(true));
    Ok(match (says("copy_links")?, says("skip_links")?) {
        (true, _) => Links::Followed,
        (false, true) => Links::LeftOutQuietly,
        (false, false) => Links::LeftOut,
    })
}

fn unsupported(kind: &str) -> ConfigError {
    let near = nearest(kind, backends().map(|backend| backend.name));
    ConfigError::new(format!("type {kind:?} is not supported")).expected(supported()).nearest(near)
}

fn supported() -> String {
    let names: Vec<_> = backends().map(|backend| backend.name).collect();
    format!("one of {}", names.join(", "))
}
