//! Files for what is too large for memory.

use std::{fs::File, io, path::Path};

/// A file without a name, which goes when it is closed.
pub(crate) fn create(directory: &Path) -> io::Result<File> {
    // What a missing directory is called is for the system to say.
    std::fs::metadata(directory)?;
    // tempfile puts a path of its own before what the system says.
    tempfile::tempfile_in(directory).map_err(|error| error.kind().into())
}
