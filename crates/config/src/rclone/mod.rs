//! Rclone's configuration: what `remote:path` on a command line means.

mod azure;
mod file;
mod find;
mod google;
mod options;
mod path;
mod places;
mod providers;
mod remote;
mod resolve;
mod s3;
mod settings;
mod typed;
mod value;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use transship_types::Secret;

pub use self::remote::{Ignored, Remote, RemotePlace, WriteOptions};
use self::{file::Section, options::backends};
use crate::Result;

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

/// A flag of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendFlag {
    /// Without the dashes before it: `s3-region`.
    pub name: String,
    /// It needs no value: alone it is `true`.
    pub is_switch: bool,
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
    pub fn backend_flags() -> impl Iterator<Item = BackendFlag> {
        backends().flat_map(|backend| {
            let flag = |key| BackendFlag { name: backend.flag(key), is_switch: backend.is_switch(key) };
            backend.options().map(flag)
        })
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
}
