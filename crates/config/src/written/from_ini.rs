use std::path::Path;

use super::{Entry, Kind, ListForm, Section, Value, from_tree::kind_of};
use crate::{
    At, ConfigError, Result,
    ini::{self, DEFAULT_SECTION, IniEntry},
};

/// # Errors
/// What is not INI, and a section that is none of ours.
pub(super) fn sections(file: &Path, text: &str) -> Result<Vec<Section>> {
    let mut written = ini::parse(text).map_err(|(at, error)| error.in_file(file, Some(at)))?;
    let default = written.iter().position(|section| section.name == DEFAULT_SECTION);
    let default = default.map(|at| written.remove(at));
    let line = default.as_ref().map_or(0, |section| section.line);
    let default = default.map(|section| section.entries).unwrap_or_default();
    let mut sections: Vec<_> = written
        .into_iter()
        .map(|section| {
            let at = At::line(section.line);
            let kind = kind_of(&section.name).ok_or_else(|| unknown(&section.name).in_file(file, Some(at)))?;
            let own: Vec<_> = section.entries.iter().map(|entry| entry.key.clone()).collect();
            let inherited = default.iter().filter(|entry| !own.contains(&entry.key));
            let entries = section.entries.iter().map(|own| entry(own, false));
            let entries = entries.chain(inherited.map(|default| entry(default, true))).collect();
            Ok(Section { kind, name: section.name, at, entries })
        })
        .collect::<Result<_>>()?;
    if !default.is_empty() && !sections.iter().any(|section| section.kind == Kind::General) {
        // General keys in `[DEFAULT]` count where there is no `[solgate]` to inherit them, too.
        let entries = default.iter().map(|default| entry(default, true)).collect();
        sections.push(Section { kind: Kind::General, name: DEFAULT_SECTION.to_owned(), at: At::line(line), entries });
    }
    Ok(sections)
}

pub(super) fn unknown(section: &str) -> ConfigError {
    let nearest = crate::error::nearest(section, ["solgate", "source", "destination"]);
    let expected = "[solgate], [source_NAME] or [destination_NAME]";
    ConfigError::new("unknown section").in_section(section).expected(expected).nearest(nearest)
}

fn entry(written: &IniEntry, inherited: bool) -> Entry {
    let lines: Vec<_> = written.value.iter().map(|(line, text)| (text.clone(), At::line(*line))).collect();
    let at = lines.first().map_or(At::line(0), |(_, at)| *at);
    let value = match lines.as_slice() {
        [(text, _)] => Value::Text(text.clone()),
        _ => Value::List(lines, ListForm::Lines),
    };
    Entry { key: written.key.clone(), at, value, inherited }
}
