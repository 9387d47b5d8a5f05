use thiserror::Error;

/// A template that cannot be used, found when it is loaded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("formatter {template:?}, column {column}: {problem}")]
pub struct TemplateError {
    /// The template as it was written.
    pub template: String,
    /// The character at which the problem starts, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub problem: TemplateProblem,
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TemplateProblem {
    /// `{}`
    #[error("a placeholder needs a name, as in {{name}}")]
    Unnamed,
    /// `{0}`
    #[error("placeholder {{{0}}} is a number: expected a name, as in {{name}}")]
    Positional(String),
    /// `{a:>3}`
    #[error("placeholder {{{0}}} has a format specification, which is not supported: expected a name alone")]
    FormatSpec(String),
    /// `{a!r}`
    #[error("placeholder {{{0}}} has a conversion, which is not supported: expected a name alone")]
    Conversion(String),
    /// `{a.b}` or `{a[0]}`
    #[error("placeholder {{{0}}} looks inside a value, which is not supported: expected a name alone")]
    Access(String),
    /// `{a b}`
    #[error("placeholder {{{0}}} is no name: expected letters, digits and _, not starting with a digit")]
    BadName(String),
    /// `{a` or `{a{b}`
    #[error("this {{ is never closed: expected {{name}}, or {{{{ for the character itself")]
    Unclosed,
    /// `a}`
    #[error("this }} closes nothing: expected {{name}}, or }}}} for the character itself")]
    Unopened,
    /// A destination asks for what the source does not capture and no default gives.
    #[error("unknown placeholder {{{name}}}{}: {known}",
        .nearest.as_ref().map(|n| format!(" (did you mean {{{n}}}?)")).unwrap_or_default())]
    Unknown {
        /// The name that nothing gives.
        name: String,
        /// The known name that is most like it.
        nearest: Option<String>,
        /// The names that the source captures and those that are always known, for people.
        known: String,
    },
}

/// A key that a formatter cannot rename. The same key will fail again: do not retry.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The key does not have the form of the source template.
    #[error("key {key:?} does not match the source formatter {template:?}")]
    NoMatch {
        /// The key.
        key: String,
        /// The source template.
        template: String,
    },
    /// Repeated names leave more ways to match this key than can be tried.
    #[error("key {key:?} can match the source formatter {template:?} in too many ways: repeat fewer names in it")]
    TooAmbiguous {
        /// The key.
        key: String,
        /// The source template.
        template: String,
    },
    /// Nothing is left of the key.
    #[error("key {key:?} becomes an empty key")]
    Empty {
        /// The key.
        key: String,
    },
}
