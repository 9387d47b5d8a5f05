//! The allocator, and how soon it gives back what was freed.

use mimalloc::MiMalloc;

/// Bytes are allocated by the thread that reads them and freed by another one, which the C library's allocator answers with
/// memory for each thread that it does not give back: 288 MiB with four threads, where this one takes 206.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What is freed goes back after a tenth of a second and not after a whole one, in which it adds up to half of a small
/// budget; and no huge pages, even where the kernel gives them to everybody. The allocator takes neither from anywhere but
/// the environment, and reads that before `main`.
#[cfg(unix)]
const SETTINGS: [(&str, &str); 2] = [("MIMALLOC_PURGE_DELAY", "100"), ("MIMALLOC_ALLOW_THP", "0")];

/// Begins the program again, as the same process, with those of [`SETTINGS`] in its environment that are not there: what
/// somebody set stays as it is. Where that does not go, the program goes on, and takes more memory; the attempt leaves
/// `SIGPIPE` at its default.
#[cfg(unix)]
pub(crate) fn settle() {
    use std::{env, os::unix::process::CommandExt as _, process::Command};

    let missing: Vec<_> = SETTINGS.into_iter().filter(|(name, _)| env::var_os(name).is_none()).collect();
    let mut arguments = env::args_os();
    let (false, Some(name), Ok(program)) = (missing.is_empty(), arguments.next(), env::current_exe()) else { return };
    // Started by the dynamic loader: that is what would begin again.
    if program.file_name().is_none_or(|name| name.to_string_lossy().contains(".so")) {
        return;
    }
    // It returns only where it failed.
    let _failed = Command::new(program).arg0(name).args(arguments).envs(missing).exec();
}

#[cfg(not(unix))]
pub(crate) fn settle() {}
