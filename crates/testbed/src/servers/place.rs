use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// A variable of the environment, empty counting as not set. The testbed runs in tests and in the `xtask` program
/// only, and this is the one place where it looks at their environment.
#[allow(clippy::disallowed_methods)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether this runs in continuous integration, where nothing may be missing.
pub(crate) fn in_ci() -> bool {
    variable("CI").is_some_and(|value| value != "false" && value != "0")
}

/// Where the testbed keeps what it installs and records: `TRANSSHIP_TESTBED_DIR`, or `target/testbed` in the workspace.
pub fn testbed_directory() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."));
    let target = || variable("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    variable("TRANSSHIP_TESTBED_DIR").map_or_else(|| target().join("testbed"), PathBuf::from)
}

/// The directory of the programs that pip installed.
pub(crate) fn venv_programs() -> PathBuf {
    testbed_directory().join("venv/bin")
}

/// The directory of the programs that npm installed.
pub(crate) fn npm_programs() -> PathBuf {
    testbed_directory().join("node_modules/.bin")
}

/// The program `name`: on `PATH`, in `/usr/sbin` (where Debian keeps daemons that users' `PATH` may lack), or
/// installed by the testbed.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = variable("PATH").map(OsString::from).unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/bin"), PathBuf::from("/usr/sbin"), venv_programs(), npm_programs()])
        .map(|directory| directory.join(name))
        .find(|candidate| is_program(candidate))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_on_the_path_is_found_and_a_data_file_is_not_one() {
        assert!(program("sh").is_some_and(|path| path.is_absolute()));
        assert_eq!(program("no-such-program-anywhere"), None);
        assert!(!is_program(Path::new("/etc/passwd")));
    }
}
