use crate::{
    Defaults, FormatError, Template, TemplateError, TemplateProblem,
    matching::{Failure, Pattern},
    template::Piece,
};

/// Takes a key apart with a source template and renders it with a destination template.
///
/// Groups are lazy, from left to right, and may span anything, `/` and newlines included; the whole key must match. A
/// name that stands twice in the source must match the same text twice. In the destination a captured value wins
/// over a default of the same name.
#[derive(Clone, Debug)]
pub struct Formatter {
    source: Template,
    destination: Template,
    pattern: Pattern,
}

impl Formatter {
    /// Pairs two templates.
    ///
    /// # Errors
    /// A placeholder of the destination that the source does not capture and that is no default: the error names it,
    /// its column, and the known name that is most like it.
    ///
    /// ```
    /// use transship_keys::{Formatter, Template};
    ///
    /// let source = Template::parse("{date}/{collection}.{ext}")?;
    /// let error = Formatter::new(&source, &Template::parse("{colection}.{ext}")?).unwrap_err();
    /// assert!(error.to_string().contains("did you mean {collection}?"));
    /// # Ok::<(), transship_keys::TemplateError>(())
    /// ```
    pub fn new(source: &Template, destination: &Template) -> Result<Self, TemplateError> {
        let pattern = Pattern::new(source);
        let known = || pattern.names().iter().map(String::as_str).chain(Defaults::NAMES);
        for (name, column) in destination.groups() {
            if !known().any(|k| k == name) {
                let problem = TemplateProblem::Unknown {
                    name: name.to_owned(),
                    nearest: nearest(name, known()),
                    known: format!(
                        "the source captures {}; always known are {}",
                        listed(pattern.names()),
                        Defaults::NAMES.join(", ")
                    ),
                };
                return Err(destination.error(column, problem));
            }
        }
        Ok(Self { source: source.clone(), destination: destination.clone(), pattern })
    }

    /// The template that takes keys apart.
    pub fn source(&self) -> &Template {
        &self.source
    }

    /// The template that renders them.
    pub fn destination(&self) -> &Template {
        &self.destination
    }

    /// The key's new name.
    ///
    /// # Errors
    /// The key does not match, can match in too many ways, or its new name is empty. None of them is worth a retry.
    pub fn format(&self, key: &str, defaults: &Defaults) -> Result<String, FormatError> {
        let captures = self.capture(key)?;
        let mut rendered = String::new();
        for piece in self.destination.pieces() {
            match piece {
                Piece::Literal(text) => rendered.push_str(text),
                Piece::Group(name, _) => match captures.get(name) {
                    Some(text) => rendered.push_str(text),
                    None => rendered.push_str(&defaults.get(name).unwrap_or_default()),
                },
            }
        }
        if rendered.is_empty() { Err(FormatError::Empty { key: key.to_owned() }) } else { Ok(rendered) }
    }

    /// What the source template's groups take of a key.
    ///
    /// # Errors
    /// The key does not match, or can match in too many ways.
    pub fn capture<'a>(&'a self, key: &'a str) -> Result<Captures<'a>, FormatError> {
        let ranges = self.pattern.captures(key).map_err(|failure| {
            let (key, template) = (key.to_owned(), self.source.as_str().to_owned());
            match failure {
                Failure::NoMatch => FormatError::NoMatch { key, template },
                Failure::TooAmbiguous => FormatError::TooAmbiguous { key, template },
            }
        })?;
        let names = self.pattern.names().iter().map(String::as_str);
        Ok(Captures(names.zip(ranges.into_iter().map(|range| &key[range])).collect()))
    }

    /// The groups that the source captures and the destination leaves out, in the source's order, each once.
    ///
    /// Where there are any, several source keys are meant to render to one name (`{date}/{collection}.{ext}` to
    /// `{collection}/latest.csv`), and the newest object should win. Where there are none, that is a collision.
    pub fn dropped(&self) -> Vec<&str> {
        let kept = |name: &str| self.destination.names().any(|n| n == name);
        self.pattern.names().iter().map(String::as_str).filter(|name| !kept(name)).collect()
    }
}

/// The text of each captured name, in the order of the source template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Captures<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Captures<'a> {
    /// The text that this name took; `None` where the source template has no such name.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
    }

    /// Names and texts.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.0.iter().copied()
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

/// The known name that is at most a third of its letters away.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let allowed = (name.chars().count() / 3).max(1);
    known
        .map(|k| (strsim::osa_distance(name, k), k))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k.to_owned())
}
