use super::{
    Entry, Kind, ListForm, Section, Value,
    from_ini::unknown,
    tree::{Content, Located, Node},
};
use crate::{At, ConfigError, error::nearest, solgate::known_keys};

/// What a table of this name is, in every format.
pub(super) fn kind_of(name: &str) -> Option<Kind> {
    match name {
        "solgate" => Some(Kind::General),
        "source" => Some(Kind::Source),
        "destination" => Some(Kind::Destination),
        _ if name.starts_with("source_") => Some(Kind::Source),
        _ if name.starts_with("destination_") => Some(Kind::Destination),
        _ => None,
    }
}

/// The tables of the INI form, and those of the YAML form: `source`, a list of `destinations`, general keys on top.
///
/// # Errors
/// A key or a table that is none of ours, or of another form.
pub(super) fn sections(root: Node) -> Located<Vec<Section>> {
    let Content::Table(entries) = root.content else {
        let problem = format!("the file holds {}", root.content.describe());
        return Err((root.at, ConfigError::new(problem).expected("source: and destinations:")));
    };
    let mut sections = Vec::new();
    let mut general = Vec::new();
    for (name, at, node) in entries {
        match (name.as_str(), node.content) {
            ("destinations", Content::List(items)) => sections.extend(destinations(items)?),
            ("destinations", other) => {
                let problem = format!("destinations is {}", other.describe());
                return Err((at, ConfigError::new(problem).expected("a list, each item with a - before it")));
            }
            (_, Content::Table(entries)) => {
                let kind = kind_of(&name).ok_or_else(|| (at, unknown(&name)))?;
                sections.push(section(kind, name, at, entries)?);
            }
            (_, content) if known_keys(Kind::General).contains(&name.as_str()) => {
                general.push((name, at, Node { at: node.at, content }));
            }
            (_, content) => return Err((at, unknown_key(&name, &content))),
        }
    }
    if !general.is_empty() {
        let at = root.at;
        sections.insert(0, section(Kind::General, "general".to_owned(), at, general)?);
    }
    Ok(sections)
}

fn unknown_key(name: &str, content: &Content) -> ConfigError {
    if kind_of(name).is_some() {
        let problem = format!("the section is {}", content.describe());
        return ConfigError::new(problem).in_section(name).expected("a table with base_path or url");
    }
    let known = known_keys(Kind::General).iter().copied().chain(["source", "destinations", "solgate"]);
    ConfigError::new("unknown key").of_key(name).nearest(nearest(name, known))
}

/// They are named as their files of keys are: from 0.
fn destinations(items: Vec<Node>) -> Located<Vec<Section>> {
    let items = items.into_iter().enumerate().map(|(index, item)| {
        let name = format!("destination.{index}");
        match item.content {
            Content::Table(entries) => section(Kind::Destination, name, item.at, entries),
            other => {
                let problem = format!("the destination is {}", other.describe());
                Err((item.at, ConfigError::new(problem).in_section(&name).expected("a table with base_path or url")))
            }
        }
    });
    items.collect()
}

pub(super) fn section(kind: Kind, name: String, at: At, entries: Vec<(String, At, Node)>) -> Located<Section> {
    let entries = entries.into_iter().map(|(key, at, node)| entry(&name, key, at, node)).collect::<Located<_>>()?;
    Ok(Section { kind, name, at, entries })
}

fn entry(section: &str, key: String, key_at: At, node: Node) -> Located<Entry> {
    let value = match node.content {
        Content::Null => Value::Null,
        Content::Text(text) => Value::Text(text),
        Content::List(items) => {
            Value::List(items.into_iter().map(|n| item(section, &key, n)).collect::<Located<_>>()?, ListForm::Items)
        }
        table @ Content::Table(_) => return Err((node.at, not_text(section, &key, &table))),
    };
    // A value on its own line (`key: >-`) is still looked for at its key.
    let at = if key_at.line == node.at.line { node.at } else { key_at };
    Ok(Entry { key, at, value, inherited: false })
}

fn item(section: &str, key: &str, node: Node) -> Located<(transship_types::Secret, At)> {
    match node.content {
        Content::Text(text) => Ok((text, node.at)),
        other => Err((node.at, not_text(section, key, &other))),
    }
}

fn not_text(section: &str, key: &str, found: &Content) -> ConfigError {
    ConfigError::new(format!("found {}", found.describe())).in_section(section).of_key(key).expected("a text")
}
