use std::{fmt, path::PathBuf};

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// From 1.
    pub line: usize,
    /// From 1, in characters; where the format tells it.
    pub column: Option<usize>,
}

impl At {
    pub(crate) fn line(line: usize) -> Self {
        Self { line, column: None }
    }
}

/// `12` or `12:3`
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.line)?;
        self.column.map_or(Ok(()), |column| write!(f, ":{column}"))
    }
}

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A file says so.
    File {
        /// The file.
        file: PathBuf,
        /// Where in it.
        at: At,
    },
    /// This environment variable says so.
    Variable(String),
    /// This flag says so.
    Flag(String),
    /// It was typed as part of a remote: `remote,key=value:path`.
    Typed,
}

/// `config.ini:12`, `AWS_ENDPOINT_URL`, `--s3-region`, `connection string` or `default`
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, at } => write!(f, "{}:{}", file.display(), at.line),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
            Self::Typed => f.write_str("connection string"),
        }
    }
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Who said so.
    pub origin: Origin,
}

impl<T> Sourced<T> {
    pub(crate) fn by_default(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }
}
