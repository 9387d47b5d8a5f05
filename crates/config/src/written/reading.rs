use std::path::{Path, PathBuf};

use transship_types::Secret;

use super::{ListForm, Section, Value};
use crate::{
    At, ConfigError, Origin, Result, error::nearest, ini::DEFAULT_SECTION, layers::Place, solgate::known_keys,
};

/// Takes typed values out of a section. An empty value counts as not written, unless a caller asks.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a> {
    pub(crate) file: &'a Path,
    pub(crate) section: &'a Section,
}

/// One value and where it stands.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) key: &'a str,
    pub(crate) value: &'a str,
    pub(crate) at: At,
    pub(crate) inherited: bool,
}

impl<'a> Reading<'a> {
    /// # Errors
    /// The first key that this section does not know, with the nearest that it does.
    pub(crate) fn check_keys(&self) -> Result<()> {
        let known = known_keys(self.section.kind);
        for entry in &self.section.entries {
            // `[DEFAULT]` speaks to every section: each takes what it knows.
            let elsewhere = entry.inherited && crate::solgate::known_anywhere(&entry.key);
            if !known.contains(&entry.key.as_str()) && !elsewhere {
                let error = ConfigError::new("unknown key").of_key(&entry.key);
                let error = error.nearest(nearest(&entry.key, known.iter().copied()));
                return Err(self.at(entry.at, entry.inherited, error));
            }
        }
        Ok(())
    }

    /// An error of this section as a whole.
    pub(crate) fn error(&self, error: ConfigError) -> ConfigError {
        self.at(self.section.at, false, error)
    }

    /// An error at one of its values.
    pub(crate) fn error_at(&self, text: Text<'_>, error: ConfigError) -> ConfigError {
        self.place(text).error(error)
    }

    pub(crate) fn place(&self, text: Text<'_>) -> Place {
        let section = Some(self.name(text.inherited).to_owned());
        Place { origin: self.origin(text.at), section, key: text.key.to_owned() }
    }

    fn at(&self, at: At, inherited: bool, error: ConfigError) -> ConfigError {
        error.in_file(self.file, Some(at)).in_section(self.name(inherited))
    }

    fn name(&self, inherited: bool) -> &str {
        if inherited { DEFAULT_SECTION } else { &self.section.name }
    }

    pub(crate) fn origin(&self, at: At) -> Origin {
        Origin::File { file: self.file.to_owned(), at }
    }

    /// A value that may be empty.
    ///
    /// # Errors
    /// It is a list, or goes on in further lines.
    pub(crate) fn written(&self, key: &'a str) -> Result<Option<Text<'a>>> {
        let Some(entry) = self.section.entries.iter().find(|entry| entry.key == key) else { return Ok(None) };
        let text = Text { key, value: "", at: entry.at, inherited: entry.inherited };
        match &entry.value {
            Value::Null => Ok(None),
            Value::Text(value) => Ok(Some(Text { value: value.expose(), ..text })),
            Value::List(_, ListForm::Items) => {
                Err(self.error_at(text, ConfigError::new("found a list").expected("one value")))
            }
            Value::List(lines, ListForm::Lines) => {
                let line = lines.get(1).map_or(text.at, |(_, at)| *at).line;
                let problem = format!("line {line} is indented, so that it goes on with this value");
                Err(self.error_at(text, ConfigError::new(problem).expected("no white space before that line")))
            }
        }
    }

    /// A value that is not empty.
    pub(crate) fn text(&self, key: &'a str) -> Result<Option<Text<'a>>> {
        Ok(self.written(key)?.filter(|text| !text.value.is_empty()))
    }

    /// A value that is not in quotes: in an INI file they would be part of it, where nobody means that.
    pub(crate) fn unquoted(&self, key: &'a str) -> Result<Option<Text<'a>>> {
        let text = self.text(key)?;
        match text.filter(|text| is_quoted(text.value)) {
            Some(text) => Err(self.error_at(text, found(text.value).expected("it without quotes"))),
            None => Ok(text),
        }
    }

    /// A value without quotes and without white space in it.
    pub(crate) fn word(&self, key: &'a str) -> Result<Option<Text<'a>>> {
        let text = self.unquoted(key)?;
        match text.filter(|text| text.value.contains(char::is_whitespace)) {
            Some(text) => Err(self.error_at(text, found(text.value).expected("no white space in it"))),
            None => Ok(text),
        }
    }

    pub(crate) fn secret(&self, key: &'a str) -> Result<Option<Secret>> {
        Ok(self.text(key)?.map(|text| Secret::new(text.value)))
    }

    /// A file, relative to the one it is named in.
    pub(crate) fn path(&self, key: &'a str) -> Result<Option<PathBuf>> {
        let folder = self.file.parent().unwrap_or(Path::new(""));
        Ok(self.text(key)?.map(|text| folder.join(text.value)))
    }

    pub(crate) fn flag(&self, key: &'a str) -> Result<bool> {
        let Some(text) = self.written(key)? else { return Ok(false) };
        match text.value.to_ascii_lowercase().as_str() {
            "yes" | "true" | "on" | "1" => Ok(true),
            "no" | "false" | "off" | "0" => Ok(false),
            _ => Err(self.error_at(text, found(text.value).expected("yes, no, true, false, on, off, 1 or 0"))),
        }
    }

    /// Several values: a list's, or one text's, taken apart at these characters and at the ends of lines.
    pub(crate) fn list(&self, key: &'a str, separators: &[char]) -> Option<Vec<Text<'a>>> {
        let entry = self.section.entries.iter().find(|entry| entry.key == key)?;
        let whole: Vec<(&str, At)> = match &entry.value {
            Value::Null => return None,
            Value::Text(value) => vec![(value.expose(), entry.at)],
            Value::List(items, _) => items.iter().map(|(value, at)| (value.expose(), *at)).collect(),
        };
        let pieces = whole.into_iter().flat_map(|(value, at)| value.split(separators).map(move |piece| (piece, at)));
        let pieces = pieces.map(|(piece, at)| (piece.trim(), at)).filter(|(piece, _)| !piece.is_empty());
        Some(pieces.map(|(value, at)| Text { key, value, at, inherited: entry.inherited }).collect())
    }
}

/// `found "x"`, short enough for a line. Never for secrets; but what stands between a `:` and an `@`, as in
/// `http://user:password@host`, may be one by mistake.
pub(crate) fn found(value: &str) -> ConfigError {
    let told = match value.rsplit_once('@') {
        Some((before, after)) if before.contains(':') => format!("***@{after}"),
        _ => value.to_owned(),
    };
    let shown: String = told.chars().take(100).collect();
    ConfigError::new(format!("found {shown:?}"))
}

/// A value that is none of a few: with the one that is most like it. Never for secrets.
pub(crate) fn not_among(value: &str, form: &str, choices: &[&str]) -> ConfigError {
    found(value).expected(form).nearest(nearest(value, choices.iter().copied()))
}

pub(crate) fn is_quoted(value: &str) -> bool {
    ['"', '\''].iter().any(|quote| value.len() > 1 && value.starts_with(*quote) && value.ends_with(*quote))
}
