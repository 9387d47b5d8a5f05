//! The places where a remote's options may be said, and what is said there that nobody understands.
//! <https://rclone.org/docs/#precedence>

use std::{collections::BTreeMap, path::Path};

use transship_types::Secret;

use super::{
    Ignored, RcloneConfig,
    file::Section,
    options::Backend,
    settings::{Setting, Settings},
    typed::{Parameter, Typed},
};
use crate::{ConfigError, Origin, Result, error::nearest, layers::Place};

/// Keys that every remote may have and that are no options of its backend.
const COMMON: [&str; 2] = ["type", "description"];

/// The places where a remote's options may be said, the first before the others.
pub(super) struct Places<'a> {
    config: &'a RcloneConfig,
    remote: &'a str,
    parameters: &'a [Parameter],
    section: Option<&'a Section>,
    /// What the remote's own variables begin with: as rclone has it, and as shells allow it.
    variables: Vec<String>,
}

impl<'a> Places<'a> {
    pub(super) fn new(config: &'a RcloneConfig, typed: &'a Typed) -> Self {
        // A local path belongs to no remote.
        let remote = typed.name.as_deref().unwrap_or(":local");
        let section = config.sections.iter().find(|section| section.name == remote);
        Self { config, remote, parameters: &typed.parameters, section, variables: variables_of(config, remote) }
    }

    /// Who says what `type` the remote has.
    pub(super) fn kind(&self) -> Option<Setting> {
        self.own("type").filter(|setting| !setting.text().is_empty())
    }

    /// The connection string, the remote's variables, its section.
    fn own(&self, key: &str) -> Option<Setting> {
        self.typed(key).or_else(|| self.variable(key)).or_else(|| self.file(key))
    }

    /// The connection string, flags, the remote's variables, the backend's variables, the section.
    fn option(&self, key: &str, backend: &Backend) -> Option<Setting> {
        let typed = self.typed(key).or_else(|| self.flag(key, backend));
        let variable = || self.variable(key).or_else(|| self.backend_variable(key, backend));
        typed.or_else(variable).or_else(|| self.file(key))
    }

    fn typed(&self, key: &str) -> Option<Setting> {
        let parameter = self.parameters.iter().find(|parameter| parameter.key == key)?;
        Some(self.setting(&parameter.value, Origin::Typed, key, true))
    }

    fn flag(&self, key: &str, backend: &Backend) -> Option<Setting> {
        let name = backend.flag(key);
        let value = self.config.flags.get(&name)?;
        Some(self.setting(value, Origin::Flag(format!("--{name}")), key, false))
    }

    fn variable(&self, key: &str) -> Option<Setting> {
        let names = self.variables.iter().map(|prefix| format!("{prefix}{}", key.to_uppercase()));
        let (name, value) = names.filter_map(|name| self.config.variables.get_key_value(&name)).next()?;
        Some(self.setting(value, Origin::Variable(name.clone()), key, true))
    }

    fn backend_variable(&self, key: &str, backend: &Backend) -> Option<Setting> {
        let name = format!("{}{}", prefix_of(backend), key.to_uppercase());
        Some(self.setting(self.config.variables.get(&name)?, Origin::Variable(name), key, false))
    }

    /// An empty value in the file says nothing.
    fn file(&self, key: &str) -> Option<Setting> {
        let file = self.config.file.as_deref().unwrap_or(Path::new(""));
        let entry = self.section?.entries.iter().find(|entry| entry.key == key && !entry.value.expose().is_empty())?;
        let origin = Origin::File { file: file.to_owned(), at: entry.at };
        Some(self.setting(&entry.value, origin, key, true))
    }

    fn setting(&self, value: &Secret, origin: Origin, key: &str, is_own: bool) -> Setting {
        let place = Place { origin, section: Some(self.remote.to_owned()), key: key.to_owned() };
        Setting { value: value.clone(), place, is_own }
    }

    /// # Errors
    /// An unknown option, and an unsupported one.
    pub(super) fn settle(self, backend: &'static Backend) -> Result<Settings<'a>> {
        self.check_names(backend)?;
        let mut settings = Settings { remote: self.remote, backend, values: BTreeMap::new(), ignored: Vec::new() };
        for option in backend.options() {
            let Some(setting) = self.option(option, backend).filter(|setting| !setting.text().is_empty()) else {
                continue;
            };
            if backend.is_ignored(option) {
                settings.ignored.push(Ignored { option: option.to_owned(), origin: setting.place.origin });
            } else if let Some(harmless) = backend.harmless(option) {
                if !harmless.contains(&setting.text()) {
                    return Err(setting.error(unsupported(harmless)));
                }
            } else {
                settings.values.insert(option, setting);
            }
        }
        Ok(settings)
    }

    fn check_names(&self, backend: &Backend) -> Result<()> {
        for parameter in self.parameters {
            self.check_name(&parameter.key, &parameter.key, Origin::Typed, backend)?;
        }
        let entries = self.section.map(|section| section.entries.as_slice()).unwrap_or_default();
        for entry in entries {
            let file = self.config.file.clone().unwrap_or_default();
            let origin = Origin::File { file, at: entry.at };
            self.check_name(&entry.key, &entry.key, origin.clone(), backend)?;
            let place = Place { origin, section: Some(self.remote.to_owned()), key: entry.key.clone() };
            entry.check().map_err(|error| place.error(error))?;
        }
        let prefixes = self.variables.iter().cloned().chain([prefix_of(backend)]);
        for prefix in prefixes {
            for name in self.config.variables.keys() {
                let Some(key) = name.strip_prefix(&prefix).map(str::to_lowercase) else { continue };
                if is_misspelt(&key, backend) {
                    self.check_name(&key, name, Origin::Variable(name.clone()), backend)?;
                }
            }
        }
        Ok(())
    }

    fn check_name(&self, key: &str, told: &str, origin: Origin, backend: &Backend) -> Result<()> {
        if COMMON.contains(&key) || backend.options().any(|option| option == key) {
            return Ok(());
        }
        let error = if key.starts_with("override.") || key.starts_with("global.") {
            ConfigError::new("flags inside a remote are not supported").expected("the flag on the command line")
        } else {
            let error = ConfigError::new(format!("type {} has no such option", backend.name));
            error.nearest(nearest(key, backend.options().chain(COMMON)))
        };
        Err(Place { origin, section: Some(self.remote.to_owned()), key: told.to_owned() }.error(error))
    }
}

fn unsupported(harmless: &[&str]) -> ConfigError {
    let error = ConfigError::new("this option is not supported");
    match harmless {
        [] => error.expected("none"),
        [value, ..] => error.expected(format!("{value}, or none")),
    }
}

fn prefix_of(backend: &Backend) -> String {
    format!("RCLONE_{}_", backend.prefix.to_uppercase())
}

/// `RCLONE_CONFIG_MY-REMOTE_`, and `RCLONE_CONFIG_MY_REMOTE_` unless that is another remote's.
fn variables_of(config: &RcloneConfig, remote: &str) -> Vec<String> {
    if remote.starts_with(':') {
        return Vec::new();
    }
    let plain = remote.replace('-', "_");
    let is_taken = plain != remote && config.sections.iter().any(|section| section.name.eq_ignore_ascii_case(&plain));
    let names = if plain == remote || is_taken { vec![remote] } else { vec![remote, &plain] };
    names.into_iter().map(|name| format!("RCLONE_CONFIG_{}_", name.to_uppercase())).collect()
}

/// Not an option, but like one. Another remote's name may begin with this one's: what ends like an option may be its.
fn is_misspelt(key: &str, backend: &Backend) -> bool {
    let known = || backend.options().chain(COMMON);
    !known().any(|option| key == option || key.ends_with(&format!("_{option}"))) && nearest(key, known()).is_some()
}
