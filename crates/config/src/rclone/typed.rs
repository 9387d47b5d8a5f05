//! What is typed for a remote: `remote:path`, `remote,key=value:path`, `:backend,key="a, b":path`, or a local path.
//! <https://rclone.org/docs/#connection-strings>

use std::fmt;

use transship_types::Secret;

use crate::{ConfigError, Result};

/// A typed remote, taken apart.
#[derive(Debug, Default)]
pub(super) struct Typed {
    /// The remote's name, or `:` and a backend's; nothing for a local path.
    pub(super) name: Option<String>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) path: String,
}

#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) key: String,
    pub(super) value: Secret,
}

/// As it was typed, but for the values.
impl fmt::Display for Typed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(name) = &self.name else { return f.write_str(&self.path) };
        f.write_str(name)?;
        for parameter in &self.parameters {
            write!(f, ",{}=***", parameter.key)?;
        }
        write!(f, ":{}", self.path)
    }
}

/// # Errors
/// What cannot be a remote, with the character where it goes wrong; values are never repeated.
pub(super) fn parse(text: &str) -> Result<Typed> {
    if text.is_empty() {
        return Err(ConfigError::new("the remote is empty").expected("remote:path or a local path"));
    }
    let local = || Typed { path: text.to_owned(), ..Typed::default() };
    if !text.contains(':') {
        return Ok(local());
    }
    let start = usize::from(text.starts_with(':'));
    let Some(end) = text[start..].find([':', ',', '/', '\\']).map(|end| start + end) else {
        return Err(wrong(text, text.len(), "the backend's name has no end", ":backend:path"));
    };
    // A `/` before any `:` is a path's, such as `./a:b`.
    if text[end..].starts_with(['/', '\\']) && start == 0 {
        return Ok(local());
    }
    check_name(text, start, end)?;
    let mut reader = Reader { text, at: end };
    let mut typed = Typed { name: Some(text[..end].to_owned()), ..Typed::default() };
    while reader.next() == Some(',') {
        let begin = reader.at;
        let parameter = reader.parameter()?;
        if typed.parameters.iter().any(|known| known.key == parameter.key) {
            return Err(wrong(text, begin, &format!("{} stands twice", parameter.key), "each option once"));
        }
        typed.parameters.push(parameter);
    }
    reader.at += 1;
    typed.path = text.get(reader.at..).unwrap_or_default().to_owned();
    Ok(typed)
}

/// <https://rclone.org/docs/#valid-remote-names>
fn check_name(text: &str, start: usize, end: usize) -> Result<()> {
    const FORM: &str = "letters, digits, `_`, `-`, `.`, `+`, `@` and blanks inside";
    let name = &text[start..end];
    let legal = |c: char| c.is_alphanumeric() || "_-.+@ ".contains(c);
    if name.is_empty() {
        return Err(wrong(text, end, "there is no name before the `:`", "remote:path, :backend:path or ./path"));
    }
    if let Some(bad) = name.find(|c| !legal(c)).or_else(|| text[end..].starts_with(['/', '\\']).then_some(name.len())) {
        return Err(wrong(text, start + bad, "this cannot be in a remote's name", FORM));
    }
    if name.starts_with(['-', ' ']) {
        return Err(wrong(text, start, "a remote's name cannot start like this", FORM));
    }
    if name.ends_with(' ') {
        return Err(wrong(text, end - 1, "a remote's name cannot end like this", FORM));
    }
    Ok(())
}

struct Reader<'a> {
    text: &'a str,
    /// In bytes: at the `,` or `:` that comes next.
    at: usize,
}

impl Reader<'_> {
    fn next(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    /// From a `,` up to the next `,` or `:`.
    fn parameter(&mut self) -> Result<Parameter> {
        let begin = self.at + 1;
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        self.at = self.text[begin..].find(|c| !legal(c)).map_or(self.text.len(), |end| begin + end);
        let key = self.text[begin..self.at].to_owned();
        let next = self.next();
        if key.is_empty() {
            return Err(self.wrong(begin, "an option without a name", "key=value"));
        }
        let value = match next {
            Some('=') => {
                self.at += 1;
                match self.next() {
                    Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
                    _ => self.bare(&key)?,
                }
            }
            Some(',' | ':') => "true".to_owned(),
            Some(_) => {
                return Err(self.wrong(self.at, "this cannot be in an option's name", "letters, digits, `_` and `.`"));
            }
            None => return Err(self.wrong(self.at, &format!("no end after {key}"), "`:` and the path")),
        };
        Ok(Parameter { key, value: Secret::new(value) })
    }

    fn bare(&mut self, key: &str) -> Result<String> {
        let begin = self.at;
        let Some(end) = self.text[begin..].find([',', ':']) else {
            let problem = format!("no end after the value of {key}");
            return Err(self.wrong(self.text.len(), &problem, "`:` and the path"));
        };
        self.at += end;
        Ok(self.text[begin..self.at].to_owned())
    }

    /// In quotes everything is itself; a quote inside is doubled.
    fn quoted(&mut self, quote: char) -> Result<String> {
        let begin = self.at;
        let mut value = String::new();
        loop {
            self.at += 1;
            let Some(end) = self.text[self.at..].find(quote) else {
                return Err(self.wrong(begin, "this quote is not closed", "the same quote behind the value"));
            };
            value.push_str(&self.text[self.at..self.at + end]);
            self.at += end + 1;
            match self.next() {
                Some(c) if c == quote => value.push(quote),
                Some(',' | ':') => return Ok(value),
                _ => {
                    return Err(self.wrong(
                        self.at,
                        "the quote before this closes the value",
                        "`:`, `,` or a second quote",
                    ));
                }
            }
        }
    }

    fn wrong(&self, at: usize, problem: &str, expected: &str) -> ConfigError {
        wrong(self.text, at, problem, expected)
    }
}

/// `source: character 8: ...`, from 1. Of the text no more than the name is told.
fn wrong(text: &str, at: usize, problem: &str, expected: &str) -> ConfigError {
    let end = text.char_indices().skip(1).find(|(_, c)| [',', ':', '/'].contains(c)).map_or(text.len(), |(at, _)| at);
    let character = 1 + text[..at].chars().count();
    ConfigError::new(format!("character {character}: {problem}")).of_key(&text[..end]).expected(expected)
}
