use regex::Regex;

use super::glob;

/// A rule that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// A pattern with a mistake in it.
    #[error("the pattern {pattern:?} cannot be read: {why}")]
    Pattern {
        /// As written.
        pattern: String,
        /// What is wrong.
        why: String,
    },
    /// A line that is no rule.
    #[error("{0:?} is no filter rule: write \"+ pattern\", \"- pattern\" or \"!\"")]
    Rule(String),
    /// A list of files beside other filters.
    #[error("a list of files stands alone: it overrides all other filters")]
    FilesAndRules,
    /// Nothing can be both.
    #[error("nothing is both: the least {0} is above the greatest")]
    Contradiction(&'static str),
}

/// What a line of a filter file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `+ pattern`
    Include(String),
    /// `- pattern`
    Exclude(String),
    /// `!`: forget all rules before.
    Clear,
}

impl Rule {
    /// Reads `+ pattern`, `- pattern` or `!`.
    ///
    /// # Errors
    /// `Rule`, for anything else.
    pub fn parse(line: &str) -> Result<Self, FilterError> {
        match (line, line.get(..2)) {
            ("!", _) => Ok(Self::Clear),
            (_, Some("+ ")) => Ok(Self::Include(line[2..].to_owned())),
            (_, Some("- ")) => Ok(Self::Exclude(line[2..].to_owned())),
            _ => Err(FilterError::Rule(line.to_owned())),
        }
    }
}

/// Rules in order: the first that matches decides, and what none matches is included.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    ignore_case: bool,
    files: Vec<Line>,
    folders: Vec<Line>,
    /// What everything that is included begins with; `None` where that may be anything.
    roots: Option<Vec<String>>,
    /// Nothing behind this rule can match.
    closed: bool,
}

#[derive(Clone, Debug)]
struct Line {
    include: bool,
    text: String,
    pattern: Regex,
}

impl Rules {
    /// No rules: everything is included.
    pub fn new(ignore_case: bool) -> Self {
        Self { ignore_case, roots: Some(Vec::new()), ..Self::default() }
    }

    /// Adds a rule behind the others.
    ///
    /// # Errors
    /// `Pattern`.
    pub fn add(&mut self, rule: Rule) -> Result<(), FilterError> {
        match rule {
            Rule::Include(pattern) => self.add_pattern(true, &pattern),
            Rule::Exclude(pattern) => self.add_pattern(false, &pattern),
            Rule::Clear => {
                *self = Self::new(self.ignore_case);
                Ok(())
            }
        }
    }

    fn add_pattern(&mut self, include: bool, written: &str) -> Result<(), FilterError> {
        let folder = written.ends_with('/');
        // A folder is excluded with all that is in it; included, it only may be looked into.
        let pattern = if folder && !include { format!("{written}**") } else { written.to_owned() };
        let across = pattern.contains("**");
        let line = |text: &str| {
            let compiled = glob::compile(text, self.ignore_case)?;
            Ok(Line { include, text: written.to_owned(), pattern: compiled })
        };
        let mut folders = Vec::new();
        if (include || pattern == "*") && (across || !folder) {
            let reached = glob::folders(&pattern);
            folders = reached.iter().filter(|f| *f != "/").map(|f| line(f)).collect::<Result<_, _>>()?;
        }
        let compiled = line(&pattern)?;
        if across || folder {
            folders.push(compiled.clone());
        }
        self.folders.append(&mut folders);
        if across || !folder {
            self.note_root(include, &pattern);
            self.files.push(compiled);
        }
        Ok(())
    }

    fn note_root(&mut self, include: bool, pattern: &str) {
        if self.closed {
            return;
        }
        if include {
            let root = glob::root(pattern).filter(|_| !self.ignore_case).map(str::to_owned);
            self.roots = self.roots.take().zip(root).map(|(mut roots, root)| {
                roots.push(root);
                roots
            });
        } else {
            self.closed = matches!(pattern, "*" | "**" | "/**");
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.folders.is_empty()
    }

    /// The rule that decides about a path and about the folders above it, and what it says. `None` where no rule matches.
    pub fn decide(&self, path: &str) -> Option<(bool, &str)> {
        self.barred(path).map(|(_, rule)| (false, rule)).or_else(|| {
            let line = self.files.iter().find(|line| line.pattern.is_match(path))?;
            Some((line.include, line.text.as_str()))
        })
    }

    /// The outermost folder above a path that is excluded, with its `/`, and by which rule.
    pub(super) fn barred<'p>(&self, path: &'p str) -> Option<(&'p str, &str)> {
        if self.folders.is_empty() {
            return None;
        }
        let above = path.match_indices('/').map(|(at, _)| &path[..=at]);
        above.into_iter().find_map(|folder| {
            let line = self.folders.iter().find(|line| line.pattern.is_match(folder))?;
            (!line.include).then_some((folder, line.text.as_str()))
        })
    }

    /// What everything that is included begins with, where that is known.
    pub(super) fn roots(&self) -> Option<&[String]> {
        self.roots.as_deref().filter(|_| self.closed)
    }
}
