use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use super::{
    profile_file::{FileKind, ProfileFile, Section, Setting},
    variables::{Variables, either},
};
use crate::{Error, ErrorKind, Result};

/// So many profiles are named where one is missing.
const MOST_NAMES: usize = 10;

/// The shared credentials and config files together.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    /// The credentials file comes first: where both have a setting, its counts.
    files: Vec<ProfileFile>,
    /// Files that are not there or may not be read. They stop nobody whose keys come from elsewhere.
    absent: Vec<String>,
}

/// One profile, from both files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Profile<'a> {
    pub(super) name: &'a str,
    profiles: &'a Profiles,
}

/// A setting of a profile, and where it stands.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) value: &'a str,
    pub(super) key: &'a str,
    profile: &'a str,
    path: &'a Path,
    line: usize,
}

impl Profiles {
    /// Reads `AWS_SHARED_CREDENTIALS_FILE` (`~/.aws/credentials`) and `AWS_CONFIG_FILE` (`~/.aws/config`).
    ///
    /// # Errors
    /// `Configuration` with file and line where a file is there and makes no sense.
    pub(super) fn load(variables: &Variables) -> Result<Self> {
        let mut profiles = Self::default();
        let sources = [
            ("AWS_SHARED_CREDENTIALS_FILE", "credentials", FileKind::Credentials),
            ("AWS_CONFIG_FILE", "config", FileKind::Config),
        ];
        for (variable, name, kind) in sources {
            let Some((path, named_by)) = locate(variables, variable, name) else {
                profiles.absent.push(format!("~/.aws/{name} is unknown, as HOME is not set"));
                continue;
            };
            match std::fs::read(&path) {
                Ok(bytes) => {
                    let text = String::from_utf8(bytes).map_err(|_| {
                        let detail = format!("{}{named_by} is not UTF-8 text", path.display());
                        Error::new(ErrorKind::Configuration, detail)
                    })?;
                    profiles.files.push(ProfileFile::parse(&path, &text, kind)?);
                }
                Err(error) => profiles.absent.push(format!("{}{named_by} {}", path.display(), describe(&error))),
            }
        }
        Ok(profiles)
    }

    pub(super) fn get<'a>(&'a self, name: &'a str) -> Option<Profile<'a>> {
        let known = self.files.iter().any(|file| file.profiles.contains_key(name));
        known.then_some(Profile { name, profiles: self })
    }

    /// Says that `name` is not there, what is, and what is nearly there.
    pub(super) fn unknown(&self, name: &str) -> String {
        let paths: Vec<_> = self.files.iter().map(|file| file.path.display()).collect();
        let mut text = match paths.as_slice() {
            [] => format!("there is no profile {name:?}"),
            paths => format!("there is no profile {name:?} in {}", either(paths)),
        };
        for file in &self.files {
            if let Some(header) = file.misplaced.get(name) {
                text += &format!(": in {} its header must be {header}", file.path.display());
            }
        }
        let mut names: Vec<_> = self.files.iter().flat_map(|file| file.profiles.keys()).collect();
        names.sort_unstable();
        names.dedup();
        if !names.is_empty() {
            let more = if names.len() > MOST_NAMES { ", ..." } else { "" };
            let names: Vec<_> = names.iter().take(MOST_NAMES).map(|name| name.as_str()).collect();
            text += &format!(" (there are: {}{more})", names.join(", "));
        }
        for absent in &self.absent {
            text += &format!("; {absent}");
        }
        text
    }

    /// What was looked at in vain, for the line that says that there are no credentials.
    pub(super) fn looked_at(&self, name: &str) -> String {
        match self.get(name) {
            None => self.unknown(name),
            Some(_) => {
                let paths: Vec<_> = self.files.iter().map(|file| file.path.display()).collect();
                let mut text = format!("profile {name:?} in {} has no keys and no role", either(&paths));
                for absent in &self.absent {
                    text += &format!("; {absent}");
                }
                text
            }
        }
    }
}

impl<'a> Profile<'a> {
    pub(super) fn get(&self, key: &'a str) -> Option<Found<'a>> {
        self.sections().find_map(|(file, section)| {
            let setting = section.settings.get(key)?;
            Some(self.found(file, key, setting)).filter(|found| !found.value.is_empty())
        })
    }

    /// The settings of the file that holds `key`, in that file alone: keys of two files are never mixed.
    pub(super) fn beside(&self, holder: &Found<'a>, key: &'a str) -> Option<Found<'a>> {
        self.sections().filter(|(file, _)| file.path == holder.path).find_map(|(file, section)| {
            Some(self.found(file, key, section.settings.get(key)?)).filter(|found| !found.value.is_empty())
        })
    }

    /// `endpoint_url` for a service (`s3`, `sts`): from the services section that the profile names, or its own.
    pub(super) fn endpoint(&self, service: &str) -> Option<Found<'a>> {
        let own_section = self.get("services").and_then(|name| {
            let files = self.profiles.files.iter();
            files.filter_map(|file| Some((file, file.services.get(name.value)?))).find_map(|(file, section)| {
                let setting = section.nested.get(service)?.get("endpoint_url")?;
                Some(self.found(file, "endpoint_url", setting))
            })
        });
        own_section.or_else(|| self.get("endpoint_url"))
    }

    fn sections(&self) -> impl Iterator<Item = (&'a ProfileFile, &'a Section)> {
        let name = self.name;
        self.profiles.files.iter().filter_map(move |file| Some((file, file.profiles.get(name)?)))
    }

    fn found(&self, file: &'a ProfileFile, key: &'a str, setting: &'a Setting) -> Found<'a> {
        Found { value: setting.value.expose(), key, profile: self.name, path: &file.path, line: setting.line }
    }
}

impl Found<'_> {
    /// `FILE line N, profile "x"`
    pub(super) fn origin(&self) -> String {
        format!("{} line {}, profile {:?}", self.path.display(), self.line, self.profile)
    }

    /// `Configuration`: this setting is wrong. `what` must not show a secret.
    pub(super) fn wrong(&self, what: impl fmt::Display) -> Error {
        Error::new(ErrorKind::Configuration, format!("{}: {what}", self.origin()))
    }
}

fn locate(variables: &Variables, variable: &str, name: &str) -> Option<(PathBuf, String)> {
    match variables.get(variable) {
        Some(path) => Some((variables.path(path), format!(" ({variable})"))),
        None => Some((variables.home()?.join(".aws").join(name), String::new())),
    }
}

fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "does not exist".into(),
        io::ErrorKind::PermissionDenied => "cannot be read: permission denied".into(),
        _ => format!("cannot be read: {error}"),
    }
}
