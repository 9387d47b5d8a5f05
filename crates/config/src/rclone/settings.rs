//! What holds for one remote, of all places where it may be said.

use std::collections::BTreeMap;

use transship_types::Secret;

use super::{Ignored, options::Backend, value};
use crate::{
    ConfigError, Result,
    layers::Place,
    written::{found, is_quoted},
};

/// The options of one remote.
pub(super) struct Settings<'a> {
    pub(super) remote: &'a str,
    pub(super) backend: &'static Backend,
    pub(super) values: BTreeMap<&'static str, Setting>,
    pub(super) ignored: Vec<Ignored>,
}

/// One option's value and who said it.
#[derive(Clone)]
pub(super) struct Setting {
    pub(super) value: Secret,
    pub(super) place: Place,
    /// It was said for this remote alone, not for all of its backend.
    pub(super) is_own: bool,
}

impl Settings<'_> {
    pub(super) fn get(&self, option: &str) -> Option<&Setting> {
        self.values.get(option)
    }

    /// Takes an option that has no effect beside the others.
    pub(super) fn ignore(&mut self, options: &[&'static str]) {
        for option in options {
            if let Some((option, setting)) = self.values.remove_entry(option) {
                self.ignored.push(Ignored { option: option.to_owned(), origin: setting.place.origin });
            }
        }
    }

    /// # Errors
    /// The value stands in quotes, which would be part of it.
    pub(super) fn word(&self, option: &str) -> Result<Option<String>> {
        let Some(setting) = self.get(option) else { return Ok(None) };
        if is_quoted(setting.text()) {
            return Err(setting.error(found(setting.text()).expected("it without quotes")));
        }
        Ok(Some(setting.text().to_owned()))
    }

    pub(super) fn secret(&self, option: &str) -> Option<Secret> {
        self.get(option).map(|setting| setting.value.clone())
    }

    pub(super) fn truth(&self, option: &str) -> Result<Option<bool>> {
        self.read(option, value::truth)
    }

    pub(super) fn size(&self, option: &str) -> Result<Option<u64>> {
        self.read(option, value::size)
    }

    /// # Errors
    /// What `read` has against the value.
    pub(super) fn read<T>(
        &self,
        option: &str,
        read: impl FnOnce(&str) -> std::result::Result<T, ConfigError>,
    ) -> Result<Option<T>> {
        self.get(option).map(|setting| read(setting.text()).map_err(|error| setting.error(error))).transpose()
    }

    /// An error of the remote as a whole.
    pub(super) fn error(&self, error: ConfigError) -> ConfigError {
        error.in_section(self.remote)
    }
}

impl Setting {
    pub(super) fn text(&self) -> &str {
        self.value.expose()
    }

    pub(super) fn error(&self, error: ConfigError) -> ConfigError {
        self.place.error(error)
    }
}
