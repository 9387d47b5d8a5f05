//! Settings that may be said in several places, the later over the earlier: the `config` crate lays them over each
//! other.
//!
//! That crate keeps a value's origin as a text. Ours is a [`Place`], as an error begins with it, and the places are kept
//! beside. Secrets stay out of the layers, because its values and errors print what they hold; and what only the file
//! may say (`timedelta`, `ignore_alerts`) is read from it directly.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use config::{Config, Map, Source, Value, ValueKind};

use crate::{
    ConfigError, Origin, Result, Sourced,
    written::{Reading, Text},
};

/// Where a setting was said, as errors tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) origin: Origin,
    pub(crate) section: Option<String>,
    /// The key, or the variable.
    pub(crate) key: String,
}

impl Place {
    pub(crate) fn error(&self, error: ConfigError) -> ConfigError {
        let error = error.of_key(&self.key).at_origin(&self.origin);
        match &self.section {
            Some(section) => error.in_section(section),
            None => error,
        }
    }
}

/// `config.ini:12: [solgate] alerts_to: `, which no other setting has.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error(ConfigError::new("")).fmt(f)
    }
}

/// What one place says, or what several come to that lie over each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Settings {
    values: Map<String, Value>,
    places: BTreeMap<String, Place>,
}

/// All values are texts: no float is among them.
impl Eq for Settings {}

impl Source for Settings {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> std::result::Result<Map<String, Value>, config::ConfigError> {
        Ok(self.values.clone())
    }
}

impl Settings {
    /// For each setting the first of these variables that is set to something.
    pub(crate) fn variables(variables: &BTreeMap<String, String>, settings: &[(&str, &[&str])]) -> Self {
        let mut said = Self::default();
        for (setting, names) in settings {
            if let Some((name, text)) = names.iter().find_map(|name| Some((*name, variable(variables, name)?))) {
                let place = Place { origin: Origin::Variable(name.to_owned()), section: None, key: name.to_owned() };
                let value = said.value(place, text);
                said.values.insert((*setting).to_owned(), value);
            }
        }
        said
    }

    /// Adds what a section says in one text, if it does.
    pub(crate) fn add(&mut self, section: &Reading<'_>, text: Option<Text<'_>>) {
        if let Some(text) = text {
            let value = self.value(section.place(text), text.value);
            self.values.insert(text.key.to_owned(), value);
        }
    }

    /// Adds what a section says in several texts, each with its own line; nothing where there is none.
    pub(crate) fn add_list(&mut self, section: &Reading<'_>, texts: &[Text<'_>]) {
        if let Some(first) = texts.first() {
            let values: Vec<_> = texts.iter().map(|text| self.value(section.place(*text), text.value)).collect();
            self.values.insert(first.key.to_owned(), values.into());
        }
    }

    fn value(&mut self, place: Place, text: &str) -> Value {
        let origin = place.to_string();
        let value = Value::new(Some(&origin), text);
        self.places.insert(origin, place);
        value
    }

    /// What `upper` says counts, and what it leaves open stays.
    ///
    /// # Errors
    /// None of its own; those that the `config` crate may have.
    pub(crate) fn under(self, upper: Self) -> Result<Self> {
        let places = self.places.clone().into_iter().chain(upper.places.clone()).collect();
        let layered = Config::builder().add_source(self).add_source(upper).build();
        let values = layered.and_then(|config| config.collect());
        Ok(Self { values: values.map_err(|error| ConfigError::new(error.to_string()))?, places })
    }

    /// What is said in one text.
    pub(crate) fn text(&self, setting: &str) -> Option<Said> {
        self.said(self.values.get(setting)?)
    }

    /// What is said in one text or several; nothing where nobody says anything.
    pub(crate) fn list(&self, setting: &str) -> Vec<Said> {
        let Some(value) = self.values.get(setting) else { return Vec::new() };
        match &value.kind {
            ValueKind::Array(values) => values.iter().filter_map(|value| self.said(value)).collect(),
            _ => self.said(value).into_iter().collect(),
        }
    }

    fn said(&self, value: &Value) -> Option<Said> {
        let ValueKind::String(text) = &value.kind else { return None };
        Some(Said { value: text.clone(), place: self.places.get(value.origin()?)?.clone() })
    }
}

/// One text and who said it.
pub(crate) struct Said {
    pub(crate) value: String,
    pub(crate) place: Place,
}

impl Said {
    pub(crate) fn error(&self, error: ConfigError) -> ConfigError {
        self.place.error(error)
    }

    /// What it means.
    pub(crate) fn means<T>(&self, value: T) -> Sourced<T> {
        Sourced { value, origin: self.place.origin.clone() }
    }

    /// A file: relative to the configuration that names it, or else to the working directory.
    pub(crate) fn path(&self) -> PathBuf {
        match &self.place.origin {
            Origin::File { file, .. } => file.parent().unwrap_or(Path::new("")).join(&self.value),
            _ => PathBuf::from(&self.value),
        }
    }
}

impl From<Said> for Sourced<String> {
    fn from(said: Said) -> Self {
        Self { value: said.value, origin: said.place.origin }
    }
}

/// A variable that is set to something.
pub(crate) fn variable<'a>(variables: &'a BTreeMap<String, String>, name: &str) -> Option<&'a str> {
    variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
}
