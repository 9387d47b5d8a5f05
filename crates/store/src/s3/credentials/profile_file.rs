//! One shared file of AWS's tools, read as they read it.
//!
//! Where the CLI (Python's `configparser`) and the SDKs disagree, whatever either accepts is accepted: `:` as well as
//! `=`, indented settings, a section or setting that comes twice (the later setting wins), ` #` and ` ;` as comments.
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use transship_types::Secret;

use crate::{Error, ErrorKind, Result};

/// Which of the two files: they name their profiles differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// `[default]`, `[profile name]`, `[services name]`
    Config,
    /// `[default]`, `[name]`
    Credentials,
}

/// A value and where it stands. Any value may be a secret.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) value: Secret,
    pub(super) line: usize,
}

/// A profile or a services section.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// Names in lower case.
    pub(super) settings: BTreeMap<String, Setting>,
    /// The indented settings under a setting without a value: `s3 =`.
    pub(super) nested: BTreeMap<String, BTreeMap<String, Setting>>,
    prefixed: bool,
}

/// A file that was read.
#[derive(Debug)]
pub(super) struct ProfileFile {
    pub(super) path: PathBuf,
    pub(super) profiles: BTreeMap<String, Section>,
    pub(super) services: BTreeMap<String, Section>,
    /// Profiles under a header that belongs in the other file, and the header that they need here.
    pub(super) misplaced: BTreeMap<String, String>,
}

/// What the lines that follow belong to.
enum Place {
    Nowhere,
    Profile(String),
    Services(String),
    /// A section that is none of ours, or is overruled by another: read, and dropped.
    Ignored,
}

/// A line without its comment.
enum Line<'a> {
    Blank,
    Header(&'a str),
    Pair(&'a str, &'a str),
    Other,
}

struct Parser<'a> {
    file: ProfileFile,
    kind: FileKind,
    place: Place,
    dropped: Section,
    /// The setting that indented lines go on with, and its own indent.
    current: Option<(String, usize)>,
    path: &'a Path,
}

impl ProfileFile {
    /// Reads `text`, the content of `path`.
    ///
    /// # Errors
    /// `Configuration` with file and line. The line itself is not shown: it may hold a secret.
    pub(super) fn parse(path: &Path, text: &str, kind: FileKind) -> Result<Self> {
        let file = Self {
            path: path.to_owned(),
            profiles: BTreeMap::new(),
            services: BTreeMap::new(),
            misplaced: BTreeMap::new(),
        };
        let dropped = Section::default();
        let mut parser = Parser { file, kind, place: Place::Nowhere, dropped, current: None, path };
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            parser.line(index + 1, line)?;
        }
        Ok(parser.file)
    }
}

impl Parser<'_> {
    fn line(&mut self, number: usize, raw: &str) -> Result<()> {
        let indent = raw.len() - raw.trim_start().len();
        if let Some((name, own_indent)) = &self.current
            && indent > *own_indent
        {
            let name = name.clone();
            return self.continuation(number, raw, &name);
        }
        match classify(raw) {
            Line::Blank => Ok(()),
            Line::Header(header) => {
                self.current = None;
                self.header(header);
                Ok(())
            }
            Line::Pair(..) | Line::Other if matches!(self.place, Place::Nowhere) => {
                Err(self.wrong(number, "expected a section first, such as [default]"))
            }
            Line::Pair(name, value) => {
                let name = name.to_ascii_lowercase();
                self.current = Some((name.clone(), indent));
                let section = self.section();
                section.nested.remove(&name);
                section.settings.insert(name, Setting { value: Secret::new(value), line: number });
                Ok(())
            }
            Line::Other => Err(self.wrong(number, "expected [section] or name = value")),
        }
    }

    /// An indented line: a nested setting under an empty one, more text of any other.
    fn continuation(&mut self, number: usize, raw: &str, parent: &str) -> Result<()> {
        let is_empty = self.section().settings.get(parent).is_some_and(|setting| setting.value.expose().is_empty());
        match classify(raw) {
            Line::Blank => Ok(()),
            Line::Pair(name, value) if is_empty => {
                let setting = Setting { value: Secret::new(value), line: number };
                let nested = self.section().nested.entry(parent.to_owned()).or_default();
                nested.insert(name.to_ascii_lowercase(), setting);
                Ok(())
            }
            _ if is_empty => Err(self.wrong(number, &format!("expected name = value under {parent}"))),
            _ => {
                if let Some(setting) = self.section().settings.get_mut(parent) {
                    let more = format!("{}\n{}", setting.value.expose(), without_comment(raw).trim());
                    setting.value = Secret::new(more);
                }
                Ok(())
            }
        }
    }

    fn section(&mut self) -> &mut Section {
        match &self.place {
            Place::Profile(name) => self.file.profiles.entry(name.clone()).or_default(),
            Place::Services(name) => self.file.services.entry(name.clone()).or_default(),
            Place::Nowhere | Place::Ignored => &mut self.dropped,
        }
    }

    fn header(&mut self, header: &str) {
        let (word, name) = match header.split_once(char::is_whitespace) {
            Some((word, name)) => (word, unquoted(name.trim())),
            None => ("", header),
        };
        self.place = match (self.kind, word) {
            (FileKind::Config, "profile") => self.enter(name, true),
            (FileKind::Config, "services") => Place::Services(name.to_owned()),
            (FileKind::Config, _) if header == "default" => self.enter("default", false),
            (FileKind::Config, "") => {
                self.file.misplaced.insert(header.to_owned(), format!("[profile {header}]"));
                Place::Ignored
            }
            (FileKind::Config, _) => Place::Ignored,
            (FileKind::Credentials, "profile") => {
                self.file.misplaced.insert(name.to_owned(), format!("[{name}]"));
                Place::Ignored
            }
            (FileKind::Credentials, _) => self.enter(unquoted(header), false),
        };
    }

    /// Of `[default]` and `[profile default]`, the latter counts, whichever comes first.
    fn enter(&mut self, name: &str, prefixed: bool) -> Place {
        let section = self.file.profiles.entry(name.to_owned()).or_default();
        if section.prefixed && !prefixed {
            return Place::Ignored;
        }
        if prefixed && !section.prefixed {
            *section = Section { prefixed, ..Section::default() };
        }
        Place::Profile(name.to_owned())
    }

    fn wrong(&self, line: usize, what: &str) -> Error {
        Error::new(ErrorKind::Configuration, format!("{} line {line}: {what}", self.path.display()))
    }
}

fn classify(raw: &str) -> Line<'_> {
    let line = without_comment(raw).trim();
    if line.is_empty() {
        return Line::Blank;
    }
    if let Some(rest) = line.strip_prefix('[') {
        return match rest.split_once(']') {
            Some((header, after)) if after.is_empty() || after.trim_start().starts_with(['#', ';']) => {
                Line::Header(header.trim())
            }
            _ => Line::Other,
        };
    }
    match line.split_once(['=', ':']) {
        Some((name, value)) if !name.trim().is_empty() => Line::Pair(name.trim(), value.trim()),
        _ => Line::Other,
    }
}

/// `#` and `;` start a comment at the start of a line or after white space: elsewhere they may be part of a secret.
fn without_comment(raw: &str) -> &str {
    let mut after_blank = true;
    for (at, c) in raw.char_indices() {
        if after_blank && matches!(c, '#' | ';') {
            return &raw[..at];
        }
        after_blank = c.is_whitespace();
    }
    raw
}

fn unquoted(name: &str) -> &str {
    ['"', '\''].iter().find_map(|quote| name.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(name)
}
