//! INI files, with line numbers.
//!
//! * A line that starts with `;` or `#` is a comment, and so is ` ;` or ` #` after white space, up to the line's end.
//! * `[section]` is taken as it is written, white space around the name aside; `key = value` or `key: value`, keys in any
//!   case, white space around both sides dropped. There are no quotes, escapes or `%` interpolation: every other
//!   character of a value is itself.
//! * A line that is indented deeper than the key above it goes on with that key's value.
//! * A section or a key that stands twice is an error.

use transship_types::Secret;

use crate::{At, ConfigError};

/// The section that others inherit from.
pub(crate) const DEFAULT_SECTION: &str = "DEFAULT";

pub(crate) struct IniSection {
    pub(crate) name: String,
    pub(crate) line: usize,
    pub(crate) entries: Vec<IniEntry>,
}

pub(crate) struct IniEntry {
    /// In lower case.
    pub(crate) key: String,
    /// The value's lines with their numbers: the first one is the key's.
    pub(crate) value: Vec<(usize, Secret)>,
    indent: usize,
}

/// # Errors
/// A line that is none of the above, or that says something a second time; without the file's name.
pub(crate) fn parse(text: &str) -> Result<Vec<IniSection>, (At, ConfigError)> {
    let mut sections: Vec<IniSection> = Vec::new();
    for (number, line) in (1..).zip(text.strip_prefix('\u{feff}').unwrap_or(text).lines()) {
        let content = without_comment(line).trim();
        if content.is_empty() {
            continue;
        }
        let fail = |error: ConfigError| (At::line(number), error);
        let indent = line.len() - line.trim_start().len();
        let continued = sections.last_mut().and_then(|s| s.entries.last_mut()).filter(|entry| indent > entry.indent);
        if let Some(entry) = continued {
            entry.value.push((number, Secret::new(content)));
        } else if let Some(rest) = content.strip_prefix('[') {
            let name = rest.strip_suffix(']').map(str::trim).filter(|name| !name.is_empty());
            let name = name.ok_or_else(|| fail(ConfigError::new("not a section's name").expected("[name]")))?;
            if let Some(first) = sections.iter().find(|s| s.name == name) {
                let problem = format!("the section is already in line {}", first.line);
                return Err(fail(ConfigError::new(problem).in_section(name).expected("each section once")));
            }
            sections.push(IniSection { name: name.to_owned(), line: number, entries: Vec::new() });
        } else {
            let section = sections.last_mut();
            let section =
                section.ok_or_else(|| fail(ConfigError::new("no section yet").expected("[section] first")))?;
            section.add(content, number, indent).map_err(|error| fail(error.in_section(&section.name)))?;
        }
    }
    Ok(sections)
}

impl IniSection {
    /// What the line says is not repeated in errors: it may be a piece of a secret.
    fn add(&mut self, content: &str, line: usize, indent: usize) -> Result<(), ConfigError> {
        let end = content.find(['=', ':']).filter(|end| *end > 0);
        let end = end.ok_or_else(|| ConfigError::new("not a setting").expected("key = value"))?;
        let key = content[..end].trim_end().to_lowercase();
        if let Some(first) = self.entries.iter().find(|entry| entry.key == key) {
            let problem = format!("the key is already in line {}", first.value.first().map_or(0, |(line, _)| *line));
            return Err(ConfigError::new(problem).of_key(&key).expected("each key once"));
        }
        let value = Secret::new(content[end + 1..].trim_start());
        self.entries.push(IniEntry { key, value: vec![(line, value)], indent });
        Ok(())
    }
}

/// The line up to the first `;` or `#` that stands at its start or after white space.
fn without_comment(line: &str) -> &str {
    let mut after_space = true;
    for (at, c) in line.char_indices() {
        if after_space && matches!(c, ';' | '#') {
            return &line[..at];
        }
        after_space = c.is_whitespace();
    }
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flat(text: &str) -> Vec<(String, String, usize, String)> {
        let sections = parse(text).unwrap_or_else(|(at, error)| panic!("{at}: {error}"));
        let flat = sections.into_iter().flat_map(|section| {
            section.entries.into_iter().flat_map(move |entry| {
                let (section, key) = (section.name.clone(), entry.key);
                entry
                    .value
                    .into_iter()
                    .map(move |(line, value)| (section.clone(), key.clone(), line, value.expose().to_owned()))
            })
        });
        flat.collect()
    }

    fn values(text: &str) -> Vec<String> {
        flat(text).into_iter().map(|(_, _, _, value)| value).collect()
    }

    fn error(text: &str) -> String {
        let (at, error) = parse(text).err().expect(text);
        format!("{at}: {error}")
    }

    #[test]
    fn comments_follow_white_space_and_nothing_else_is_special() {
        let text = "; one\n  # two\n[s] ; three\na = x;y#z   ; four\nb: 50%(a)s \"q\" \\n\t# five\nc =#d\ne = ;f\n";
        assert_eq!(values(text), ["x;y#z", "50%(a)s \"q\" \\n", "#d", ""]);
    }

    #[test]
    fn keys_fold_and_sections_do_not() {
        let text = "[S]\nKey = 1\n[s]\nkEY : a = b: c\nurl=http://x:1/?a=b\n";
        let all = flat(text);
        assert_eq!(all[0], ("S".into(), "key".into(), 2, "1".into()));
        assert_eq!(all[1], ("s".into(), "key".into(), 4, "a = b: c".into()));
        assert_eq!(all[2].3, "http://x:1/?a=b");
    }

    #[test]
    fn line_ends_and_marks_of_other_systems_do_not_matter() {
        assert_eq!(flat("\u{feff}[s]\r\na = 1\r\n\r\nb = 2"), flat("[s]\na = 1\n\nb = 2\n"));
    }

    #[test]
    fn deeper_lines_go_on_with_the_value() {
        let all = flat("[s]\na = 1,\n\n    2 ; two\n    c = 3\n  [x]\nb = 4\n");
        let lines: Vec<_> = all.iter().map(|(section, key, line, v)| format!("{section} {key} {line} {v}")).collect();
        assert_eq!(lines, ["s a 2 1,", "s a 4 2", "s a 5 c = 3", "s a 6 [x]", "s b 7 4"]);
        assert_eq!(values("[s]\n  a = 1\n  b = 2\n"), ["1", "2"], "an indented section is no continuation");
    }

    #[test]
    fn what_is_said_twice_names_both_lines() {
        assert_eq!(error("[a]\n[b]\n[a]\n"), "3: [a] the section is already in line 1: expected each section once");
        let twice = error("[a]\nx = canary1\n\nX: canary2\n");
        assert_eq!(twice, "4: [a] x: the key is already in line 2: expected each key once");
    }

    #[test]
    fn broken_lines_are_located_and_not_repeated() {
        assert_eq!(error("x = 1\n[a]"), "1: no section yet: expected [section] first");
        assert_eq!(error("[a\n"), "1: not a section's name: expected [name]");
        assert_eq!(error("[ ]\n"), "1: not a section's name: expected [name]");
        assert_eq!(error("[a]\n\ncanary\n"), "3: [a] not a setting: expected key = value");
        assert_eq!(error("[a]\n= canary\n"), "2: [a] not a setting: expected key = value");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>(), lines in "([\\[\\]a=:;# \\t\\r\\n%\"]|\u{feff}|é){0,80}") {
            let _ = parse(&text);
            let _ = parse(&lines);
        }

        #[test]
        fn any_secret_without_a_comment_comes_through(secret in "[^\\r\\n\\p{Zs}\\p{Zl}\\p{Zp}\\p{Cc}]([^\\r\\n]{0,40}[^\\p{Zs}\\p{Zl}\\p{Zp}\\p{Cc}])?") {
            let spaced = secret.chars().zip(secret.chars().skip(1));
            prop_assume!(!secret.starts_with([';', '#']));
            prop_assume!(!spaced.into_iter().any(|(a, b)| a.is_whitespace() && matches!(b, ';' | '#')));
            prop_assert_eq!(values(&format!("[s]\nk = {secret}\nl: {secret} ; comment\n")), [secret.clone(), secret]);
        }
    }
}
