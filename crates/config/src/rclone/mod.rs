//! Rclone's configuration: what `remote:path` on a command line means.

mod azure;
mod file;
mod find;
mod google;
mod options;
mod path;
mod providers;
mod remote;
mod s3;
mod settings;
mod typed;
mod value;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use transship_store::{BucketSpec, LocalSpec, Location};
use transship_types::Secret;

pub use self::remote::{Ignored, Remote, RemotePlace, WriteOptions};
use self::{
    file::Section,
    options::{Backend, Kind, backends},
    settings::{Places, Settings},
    typed::Typed,
};
use crate::{ConfigError, Result, error::nearest};

/// As many aliases may stand for each other.
const MAX_ALIASES: usize = 16;

/// `rclone.conf`, the variables that rclone reads, and the flags of its backends.
///
/// ```
/// use std::{collections::BTreeMap, path::Path};
/// use transship_config::RcloneConfig;
///
/// let text = "
/// [ceph]
/// type = s3
/// provider = Ceph
/// access_key_id = KEY_ID
/// secret_access_key = SECRET
/// endpoint = ceph.example.com
/// ";
/// let config = RcloneConfig::from_text(Path::new("rclone.conf"), text, &BTreeMap::new())?;
/// let remote = config.remote("ceph:lake/tables", Path::new("/"))?;
/// assert_eq!(remote.location()?.prefix, "tables/");
/// # Ok::<(), transship_config::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct RcloneConfig {
    file: Option<PathBuf>,
    sections: Vec<Section>,
    variables: BTreeMap<String, Secret>,
    flags: BTreeMap<String, Secret>,
}

impl fmt::Debug for RcloneConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RcloneConfig")
            .field("file", &self.file)
            .field("remotes", &self.remotes())
            .finish_non_exhaustive()
    }
}

impl RcloneConfig {
    /// Reads the file that `named` says (`--config`), or else `RCLONE_CONFIG`, or else the first that is there of
    /// `$XDG_CONFIG_HOME/rclone/rclone.conf`, `~/.config/rclone/rclone.conf` and `~/.rclone.conf`. There need not be
    /// one of the latter, and an empty name stands for no file. `variables` is the environment, which only a binary
    /// reads.
    ///
    /// # Errors
    /// A named file is not there; a file cannot be read, is encrypted, or is none of rclone's. Remotes are looked into
    /// when they are asked for.
    pub fn load(named: Option<&Path>, variables: &BTreeMap<String, String>) -> Result<Self> {
        match find::read(named, variables)? {
            Some((file, text)) => Self::from_text(&file, &text, variables),
            None => Ok(Self::new(None, Vec::new(), variables)),
        }
    }

    /// As [`load`](Self::load), for a text that was read already.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_text(file: &Path, text: &str, variables: &BTreeMap<String, String>) -> Result<Self> {
        Ok(Self::new(Some(file.to_owned()), file::parse(file, text)?, variables))
    }

    fn new(file: Option<PathBuf>, sections: Vec<Section>, variables: &BTreeMap<String, String>) -> Self {
        let variables = variables.iter().map(|(name, value)| (name.clone(), Secret::new(value))).collect();
        Self { file, sections, variables, flags: BTreeMap::new() }
    }

    /// With the flags of backends that were given, by name and without the dashes before it: `s3-region`.
    #[must_use]
    pub fn with_flags(mut self, flags: impl IntoIterator<Item = (String, String)>) -> Self {
        self.flags = flags.into_iter().map(|(name, value)| (name, Secret::new(value))).collect();
        self
    }

    /// The flags of backends, `s3-region` and so on, for a command line that wants to take them.
    pub fn backend_flags() -> impl Iterator<Item = String> {
        backends()
            .flat_map(|backend| backend.options().map(|key| format!("{}_{key}", backend.prefix).replace('_', "-")))
    }

    /// The file that was read.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The names of all remotes: the file's in its order, then those that only the environment knows.
    pub fn remotes(&self) -> Vec<String> {
        let mut names: Vec<_> = self.sections.iter().map(|section| section.name.clone()).collect();
        for variable in self.variables.keys() {
            let name = variable.strip_prefix("RCLONE_CONFIG_").and_then(|rest| rest.strip_suffix("_TYPE"));
            if let Some(name) = name.map(str::to_lowercase).filter(|name| !name.is_empty())
                && !names.iter().any(|known| known.to_lowercase().replace('-', "_") == name.replace('-', "_"))
            {
                names.push(name);
            }
        }
        names
    }

    /// What was typed for a remote: `remote:path`, `remote,key=value:path`, `:backend,key=value:path`, or a local path,
    /// which is relative to `folder`.
    ///
    /// # Errors
    /// It cannot be a remote, there is no such remote, or something is wrong with its options: where, and what would be
    /// right.
    pub fn remote(&self, typed: &str, folder: &Path) -> Result<Remote> {
        let parsed = typed::parse(typed)?;
        let name = parsed.to_string();
        let mut warnings = Vec::new();
        if parsed.name.is_none() && self.sections.iter().any(|section| section.name == typed) {
            warnings.push(format!("{typed:?} is a local path: the remote is {typed}:, and ./{typed} keeps this quiet"));
        }
        let mut remote = self.resolve(parsed, folder, &mut Vec::new(), warnings)?;
        remote.name = name;
        Ok(remote)
    }

    fn resolve(&self, typed: Typed, folder: &Path, path: &mut Vec<String>, warnings: Vec<String>) -> Result<Remote> {
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
            None => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &str) -> ConfigError {
        let names = self.remotes();
        let error = if self.sections.iter().any(|section| section.name == name) {
            ConfigError::new("the remote has no type").of_key("type").expected(supported())
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
                let spec = LocalSpec { root: path::directory(folder, path), create: false };
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

fn unsupported(kind: &str) -> ConfigError {
    let near = nearest(kind, backends().map(|backend| backend.name));
    ConfigError::new(format!("type {kind:?} is not supported")).expected(supported()).nearest(near)
}

fn supported() -> String {
    let names: Vec<_> = backends().map(|backend| backend.name).collect();
    format!("one of {}", names.join(", "))
}
