//! `rclone.conf`, as rclone's own reader takes it.
//!
//! * A line is trimmed first. One that then starts with `;` or `#` is a comment; nothing else is.
//! * `[section]` and `key = value` or `key: value`: the first `=` or `:` divides. Keys are case-sensitive, and values are
//!   everything up to the line's end: no quotes, no escapes, no continued lines.
//! * A section or key that stands twice is an error: rclone merges the former and takes the last of the latter.

use std::path::Path;

use transship_types::Secret;

use crate::{At, ConfigError, Result};

#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) at: At,
    pub(super) value: Secret,
}

/// # Errors
/// The first line that is none of the above, or that says something a second time; a file that is encrypted.
pub(super) fn parse(file: &Path, text: &str) -> Result<Vec<Section>> {
    let mut sections: Vec<(usize, Section)> = Vec::new();
    for (number, line) in (1..).zip(text.strip_prefix('\u{feff}').unwrap_or(text).lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let fail = |error: ConfigError| Err(error.in_file(file, Some(At::line(number))));
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).map(str::trim) {
            if name.is_empty() {
                return fail(ConfigError::new("a section without a name").expected("[name]"));
            }
            if let Some((first, _)) = sections.iter().find(|(_, section)| section.name == name) {
                let problem = format!("the section is already in line {first}");
                return fail(ConfigError::new(problem).in_section(name).expected("each section once"));
            }
            sections.push((number, Section { name: name.to_owned(), entries: Vec::new() }));
            continue;
        }
        if sections.is_empty() && line.starts_with("RCLONE_ENCRYPT_V") {
            return fail(encrypted());
        }
        if line.starts_with('[') {
            return fail(ConfigError::new("not a section's name").expected("[name], and nothing behind it"));
        }
        let Some((_, section)) = sections.last_mut() else {
            return fail(ConfigError::new("no section yet").expected("[name] first"));
        };
        if let Err(error) = section.add(line, number) {
            return fail(error.in_section(&section.name));
        }
    }
    Ok(sections.into_iter().map(|(_, section)| section).collect())
}

fn encrypted() -> ConfigError {
    let problem = "the file is encrypted, which is not supported";
    ConfigError::new(problem).expected(
        "the file without a password: `rclone config encryption remove`, or the output of `rclone config show`",
    )
}

impl Section {
    /// What the line says is not repeated in errors: it may be a piece of a secret.
    fn add(&mut self, line: &str, number: usize) -> Result<()> {
        let end = line.find(['=', ':']).filter(|end| *end > 0);
        let end = end.ok_or_else(|| ConfigError::new("not a setting").expected("key = value"))?;
        let key = line[..end].trim_end();
        if let Some(first) = self.entries.iter().find(|entry| entry.key == key) {
            let problem = format!("the key is already in line {}", first.at.line);
            return Err(ConfigError::new(problem).of_key(key).expected("each key once"));
        }
        let value = Secret::new(line[end + 1..].trim_start());
        self.entries.push(Entry { key: key.to_owned(), at: At::line(number), value });
        Ok(())
    }
}

impl Entry {
    /// Rclone's reader does more to a few values than its manual says. Such a value would be another one here.
    pub(super) fn check(&self) -> std::result::Result<(), ConfigError> {
        let value = self.value.expose();
        if value.starts_with('`') || value.starts_with("\"\"\"") {
            let problem = "the value starts with a quote that rclone takes away";
            return Err(ConfigError::new(problem).expected("the value without quotes"));
        }
        let reference = value.find("%(").is_some_and(|start| value[start..].contains(")s"));
        if reference {
            let problem = "the value holds %(name)s, which rclone replaces by another key's value";
            return Err(ConfigError::new(problem).expected("the value itself"));
        }
        Ok(())
    }
}
