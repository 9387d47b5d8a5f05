use std::path::Path;

use super::{Document, Kind, Section, from_ini, from_tree, toml, tree, yaml};
use crate::{At, ConfigError, Result};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Ini,
    Toml,
    Yaml,
}

/// Reads a configuration file's text in the format that its name says, or else its content.
///
/// # Errors
/// Everything that can be wrong before a value is looked at; an empty file.
pub(crate) fn document(file: &Path, text: &str) -> Result<Document> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let located = |(at, error): (At, ConfigError)| error.in_file(file, Some(at));
    let sections = match by_name(file).unwrap_or_else(|| by_content(text)) {
        Format::Ini => from_ini::sections(file, text)?,
        Format::Toml => toml::parse(text).and_then(from_tree::sections).map_err(located)?,
        Format::Yaml => {
            yaml::parse(text).and_then(|root| root.map_or(Ok(vec![]), from_tree::sections)).map_err(located)?
        }
    };
    if sections.is_empty() {
        let expected = "one source and at least one destination";
        return Err(ConfigError::new("the configuration is empty").in_file(file, None).expected(expected));
    }
    Ok(Document { file: file.to_owned(), sections })
}

/// Reads a file of AWS keys: always YAML.
///
/// # Errors
/// As [`document`].
pub(crate) fn keys_file(file: &Path, text: &str) -> Result<Section> {
    let located = |(at, error): (At, ConfigError)| error.in_file(file, Some(at));
    let expected = "aws_access_key_id: and aws_secret_access_key:";
    match yaml::parse(text).map_err(located)? {
        Some(tree::Node { at, content: tree::Content::Table(entries) }) => {
            from_tree::section(Kind::Keys, "keys".to_owned(), at, entries).map_err(located)
        }
        Some(node) => {
            let problem = format!("the file holds {}", node.content.describe());
            Err(ConfigError::new(problem).in_file(file, Some(node.at)).expected(expected))
        }
        None => Err(ConfigError::new("the file is empty").in_file(file, None).expected(expected)),
    }
}

fn by_name(file: &Path) -> Option<Format> {
    match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "ini" | "cfg" | "conf" => Some(Format::Ini),
        "toml" => Some(Format::Toml),
        "yaml" | "yml" | "json" => Some(Format::Yaml),
        _ => None,
    }
}

fn by_content(text: &str) -> Format {
    let first = text.lines().map(str::trim_start).find(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    match first {
        Some(line) if line.starts_with('[') => {
            if toml::parse(text).is_ok() {
                Format::Toml
            } else {
                Format::Ini
            }
        }
        Some(_) => Format::Yaml,
        None => Format::Ini,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_the_format_and_else_the_content() {
        let name = |name: &str| by_name(Path::new(name));
        assert_eq!(name("a/config.ini"), Some(Format::Ini));
        assert_eq!(
            (name("x.YAML"), name("x.yml"), name("x.toml")),
            (Some(Format::Yaml), Some(Format::Yaml), Some(Format::Toml))
        );
        assert_eq!((name("config"), name("..data"), name("x.txt")), (None, None, None));
        assert_eq!(by_content("# c\n[source]\nbase_path = x y ; z\n"), Format::Ini);
        assert_eq!(by_content("# c\n\n[source]\nbase_path = \"x\"\n"), Format::Toml);
        assert_eq!(by_content("---\nsource:\n"), Format::Yaml);
        assert_eq!(by_content("; only a comment\n"), Format::Ini);
    }
}
