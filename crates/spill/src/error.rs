use std::{io, path::PathBuf};

/// This crate's results.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What does not fit into memory could not be kept on disk.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep in {} what does not fit into memory: {cause}", directory.display())]
pub struct Error {
    /// Where the file is.
    pub directory: PathBuf,
    /// Why.
    pub cause: io::Error,
}
