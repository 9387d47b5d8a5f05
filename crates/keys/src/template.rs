use std::{fmt, str::FromStr};

use crate::{TemplateError, TemplateProblem as Problem};

/// Literal text with `{name}` groups in it; `{{` and `}}` stand for the braces themselves.
///
/// Names are letters, digits and `_`, not starting with a digit. Nothing else of Python's format syntax is taken:
/// what looks like it is an error, and never literal text by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(String),
    /// A group's name, and the column of its brace.
    Group(String, usize),
}

impl Template {
    /// Takes a template apart.
    ///
    /// # Errors
    /// The first problem, with its column.
    ///
    /// ```
    /// use transship_keys::Template;
    ///
    /// assert!(Template::parse("{date}/{collection}.{ext}").is_ok());
    /// let error = Template::parse("{date}/{0}").unwrap_err();
    /// assert_eq!(error.column, 8);
    /// ```
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut chars = text.char_indices().enumerate().peekable();
        while let Some((nth, (at, c))) = chars.next() {
            let doubled = chars.peek().is_some_and(|(_, (_, next))| *next == c);
            match c {
                '{' | '}' if doubled => {
                    chars.next();
                    literal.push(c);
                }
                '{' => {
                    let name = group(&text[at + 1..]).map_err(|problem| error(text, nth + 1, problem))?;
                    if !literal.is_empty() {
                        pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                    }
                    pieces.push(Piece::Group(name.to_owned(), nth + 1));
                    chars.find(|(_, (_, c))| *c == '}');
                }
                '}' => return Err(error(text, nth + 1, Problem::Unopened)),
                _ => literal.push(c),
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { text: text.to_owned(), pieces })
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names of the groups, in order; a name that stands twice comes twice.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.groups().map(|(name, _)| name)
    }

    /// The names of the groups with the columns of their braces.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (&str, usize)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Group(name, column) => Some((name.as_str(), *column)),
            Piece::Literal(_) => None,
        })
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    pub(crate) fn error(&self, column: usize, problem: Problem) -> TemplateError {
        error(&self.text, column, problem)
    }
}

fn error(text: &str, column: usize, problem: Problem) -> TemplateError {
    TemplateError { template: text.to_owned(), column, problem }
}

/// The name at the start of `rest`, which follows an opening brace.
fn group(rest: &str) -> Result<&str, Problem> {
    let end = rest.find(['{', '}']).ok_or(Problem::Unclosed)?;
    if rest[end..].starts_with('{') {
        return Err(Problem::Unclosed);
    }
    let field = &rest[..end];
    let name_end = field.find(['!', ':', '.', '[']).unwrap_or(field.len());
    let owned = || field.to_owned();
    match (&field[..name_end], field[name_end..].chars().next()) {
        (_, Some(':')) => Err(Problem::FormatSpec(owned())),
        (_, Some('!')) => Err(Problem::Conversion(owned())),
        (_, Some(_)) => Err(Problem::Access(owned())),
        ("", None) => Err(Problem::Unnamed),
        (name, None) if name.chars().all(|c| c.is_ascii_digit()) => Err(Problem::Positional(owned())),
        (name, None) if !is_name(name) => Err(Problem::BadName(owned())),
        (name, None) => Ok(name),
    }
}

fn is_name(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || c == '_') && !name.starts_with(char::is_numeric)
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        Self::parse(text)
    }
}

/// As it was written.
impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({:?})", self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> (usize, Problem) {
        let error = Template::parse(text).expect_err(text);
        assert_eq!(error.template, text);
        (error.column, error.problem)
    }

    #[test]
    fn what_is_no_plain_name_is_an_error_at_its_brace() {
        assert_eq!(problem("a/{}"), (3, Problem::Unnamed));
        assert_eq!(problem("{0}"), (1, Problem::Positional("0".into())));
        assert_eq!(problem("é{a:>3}"), (2, Problem::FormatSpec("a:>3".into())));
        assert_eq!(problem("{:>3}"), (1, Problem::FormatSpec(":>3".into())));
        assert_eq!(problem("{a!r}"), (1, Problem::Conversion("a!r".into())));
        assert_eq!(problem("{a.b}"), (1, Problem::Access("a.b".into())));
        assert_eq!(problem("{a[0]}"), (1, Problem::Access("a[0]".into())));
        for bad in ["{a b}", "{ a }", "{1a}", "{a-b}", "{a/b}"] {
            let name = bad[1..bad.len() - 1].to_owned();
            assert_eq!(problem(bad), (1, Problem::BadName(name)));
        }
    }

    #[test]
    fn unbalanced_braces_are_errors() {
        assert_eq!(problem("{date"), (1, Problem::Unclosed));
        assert_eq!(problem("a{"), (2, Problem::Unclosed));
        assert_eq!(problem("{a{b}}"), (1, Problem::Unclosed));
        assert_eq!(problem("date}"), (5, Problem::Unopened));
        assert_eq!(problem("{a}}"), (4, Problem::Unopened));
        assert_eq!(problem("{{{a"), (3, Problem::Unclosed));
        assert_eq!(problem("}}}"), (3, Problem::Unopened));
    }

    #[test]
    fn doubled_braces_are_the_braces_themselves() {
        let template = Template::parse("{{{a}}}-{{b}}").unwrap();
        let group = Piece::Group("a".into(), 3);
        assert_eq!(template.pieces(), [Piece::Literal("{".into()), group, Piece::Literal("}-{b}".into())]);
    }

    #[test]
    fn an_error_is_one_line_for_people() {
        let error = Template::parse("{date}/{0}").unwrap_err().to_string();
        assert_eq!(
            error,
            "formatter \"{date}/{0}\", column 8: placeholder {0} is a number: expected a name, as in {name}"
        );
    }
}
