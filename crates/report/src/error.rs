use std::{io, path::PathBuf};

use transship_types::ErrorClass;

/// This crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A report or a list could not be written or read. Prints as one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of results could not be written.
    #[error("{doing} {}: {source}", path.display())]
    File {
        /// What was being done: `create`, `read`, `write`, `rename`, `remove`.
        doing: &'static str,
        /// The file that was to be.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file that is there already would be lost.
    #[error("{} is no list of objects, and is not overwritten with one", path.display())]
    NoList {
        /// The file.
        path: PathBuf,
    },
    /// The report's destination took no more bytes.
    #[error("write the report: {0}")]
    Write(#[from] io::Error),
    /// A value has no JSON form, or a report that is read is none.
    #[error("report: {0}")]
    Json(#[from] serde_json::Error),
    /// A report that is read has another schema.
    #[error("report: the schema is {found:?}, expected {:?}", crate::SCHEMA)]
    Schema {
        /// What it says.
        found: String,
    },
}

impl Error {
    /// Whether it may be tried again: it may not, because a part may have been written.
    pub fn class(&self) -> ErrorClass {
        ErrorClass::Permanent
    }
}
