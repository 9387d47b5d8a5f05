use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// A file of results that appears under its name only when it is complete.
///
/// It is written beside its place and renamed by [`commit`](Self::commit); dropped without that, it is gone and an
/// older file of the name stays as it was. A name that leads to something other than a file (`/dev/stdout`, a pipe)
/// is written to directly.
#[derive(Debug)]
pub struct OutputFile {
    path: PathBuf,
    target: BufWriter<Target>,
}

#[derive(Debug)]
enum Target {
    Beside(NamedTempFile),
    Direct(File),
}

impl OutputFile {
    /// Starts a file that is to be at `path`. Its directory must exist.
    ///
    /// # Errors
    /// [`Error::File`], where it cannot be created.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let failed = |source| Error::File { doing: "create", path: path.clone(), source };
        // A symbolic link stays one: what it leads to is replaced.
        let path = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let target = match fs::metadata(&path) {
            Ok(found) if found.is_dir() => return Err(failed(io::Error::from(io::ErrorKind::IsADirectory))),
            Ok(found) if !found.is_file() => Target::Direct(File::options().write(true).open(&path).map_err(failed)?),
            _ if path.file_name().is_none() => return Err(failed(io::Error::from(io::ErrorKind::InvalidFilename))),
            _ => Target::Beside(beside(&path).map_err(failed)?),
        };
        Ok(Self { path, target: BufWriter::new(target) })
    }

    /// Looks whether a file could be started at `path`, and leaves everything there as it is. What is no file is not
    /// opened for that: a pipe would take it for the whole of its input.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn check(path: &Path) -> Result<()> {
        let other = fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir());
        if other { Ok(()) } else { Self::create(path).map(drop) }
    }

    /// Where the file is to be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts the file in its place, over an older one.
    ///
    /// # Errors
    /// [`Error::File`]; an older file is still there then.
    pub fn commit(self) -> Result<()> {
        let Self { path, target } = self;
        let failed = |doing, source| Error::File { doing, path: path.clone(), source };
        match target.into_inner().map_err(|e| failed("write", e.into_error()))? {
            Target::Direct(mut file) => file.flush().map_err(|e| failed("write", e)),
            Target::Beside(file) => {
                file.as_file().sync_all().map_err(|e| failed("write", e))?;
                file.persist(&path).map(drop).map_err(|e| failed("rename", e.error))
            }
        }
    }
}

/// tempfile's own files are readable by their owner alone; results get what the umask allows.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".transship-").suffix(".partial");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    fs::metadata(directory)?;
    // tempfile puts its own path before what the system says; the caller names the one that matters.
    builder.tempfile_in(directory).map_err(|error| error.kind().into())
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Beside(file) => file.write(bytes),
            Self::Direct(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Beside(file) => file.flush(),
            Self::Direct(file) => file.flush(),
        }
    }
}

impl Write for OutputFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.target.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.target.flush()
    }
}
