use std::path::{Path, PathBuf};

use crate::{ConfigError, Result};

/// Where the original looks, too.
const FOLDER: &str = "/etc/solgate";
/// Looked for in this order; the first that is there is read.
const NAMES: [&str; 4] = ["config.ini", "config.yaml", "config.yml", "config.toml"];

/// What the command line says about where the configuration is.
///
/// ```no_run
/// use transship_config::ConfigPath;
///
/// // /etc/solgate/config.ini, or else config.yaml, config.yml, config.toml there
/// let file = ConfigPath::default().find()?;
/// # Ok::<(), transship_config::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigPath {
    /// The file, or a folder that holds it: wins over `folder`.
    pub path: Option<PathBuf>,
    /// The folder, where it is not `/etc/solgate`.
    pub folder: Option<PathBuf>,
    /// The file's name in the folder, where it is none of the usual ones.
    pub filename: Option<PathBuf>,
}

impl ConfigPath {
    /// The file to read. Whether it can be read is not known yet.
    ///
    /// # Errors
    /// There is no such file; all the places where it was looked for are named.
    pub fn find(&self) -> Result<PathBuf> {
        let place = self.path.as_deref().or(self.folder.as_deref()).unwrap_or(Path::new(FOLDER));
        if self.path.is_some() && !place.is_dir() {
            return exists(place).then(|| place.to_owned()).ok_or_else(|| missing(&[place.to_owned()]));
        }
        let candidates: Vec<_> = match &self.filename {
            Some(name) => vec![place.join(name)],
            None => NAMES.iter().map(|name| place.join(name)).collect(),
        };
        candidates.iter().find(|file| exists(file)).cloned().ok_or_else(|| missing(&candidates))
    }
}

/// What cannot be looked at may still be there: reading it gives the better error.
fn exists(file: &Path) -> bool {
    file.try_exists().unwrap_or(true)
}

fn missing(looked: &[PathBuf]) -> ConfigError {
    let looked: Vec<_> = looked.iter().map(|file| file.display().to_string()).collect();
    ConfigError::new(format!("no configuration file: looked for {}", looked.join(", ")))
}

/// A whole file as text.
///
/// # Errors
/// It is a directory, cannot be read, or is not UTF-8.
pub(crate) fn read(file: &Path) -> Result<String> {
    let fail = |problem: String| ConfigError::new(problem).in_file(file, None);
    if file.is_dir() {
        return Err(fail("this is a directory".into()).expected("a file"));
    }
    let bytes = std::fs::read(file).map_err(|error| fail(format!("cannot be read: {error}")))?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + valid.iter().filter(|byte| **byte == b'\n').count();
        fail("not UTF-8 text".into()).in_file(file, Some(crate::At::line(line)))
    })
}
