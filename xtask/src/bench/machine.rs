//! On what was measured.

use std::{fs, path::Path, thread};

use serde::Serialize;

/// The machine, as far as it decides the figures.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    /// The processor's name.
    pub(crate) processor: String,
    /// Processors that may be used; servers and clients share them.
    pub(crate) processors: usize,
    /// Bytes.
    pub(crate) memory: u64,
    /// The kernel's version.
    pub(crate) kernel: String,
    /// The file system of temporary files: SeaweedFS keeps its objects there.
    pub(crate) temporary: String,
}

impl Machine {
    /// This one. What the system does not tell is `unknown`, or 0.
    pub(crate) fn here() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let field = |text: String, name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            line.trim_start_matches([' ', '\t', ':']).to_owned()
        };
        let kib = field(read("/proc/meminfo"), "MemTotal");
        let known = |text: String| if text.is_empty() { "unknown".to_owned() } else { text };
        Self {
            processor: known(field(read("/proc/cpuinfo"), "model name")),
            processors: thread::available_parallelism().map_or(0, usize::from),
            memory: kib.split(' ').next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) << 10,
            temporary: known(file_system(&read("/proc/mounts"), &std::env::temp_dir())),
            kernel: known(read("/proc/sys/kernel/osrelease").trim().to_owned()),
        }
    }
}

/// Of the mount that a folder is in; empty where none is listed.
fn file_system(mounts: &str, folder: &Path) -> String {
    let fields = |line: &'_ str| -> Option<(usize, String)> {
        let mut fields = line.split(' ').skip(1);
        let (at, kind) = (fields.next()?, fields.next()?);
        folder.starts_with(at).then(|| (at.len(), kind.to_owned()))
    };
    // The last one that is listed lies over those before it.
    mounts.lines().filter_map(fields).max_by_key(|(length, _)| *length).map(|(_, kind)| kind).unwrap_or_default()
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gib = self.memory >> 30;
        let Self { processors, processor, kernel, temporary, .. } = self;
        write!(f, "{processors} processors ({processor}), {gib} GiB, Linux {kernel}, temporary files on {temporary}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_on_the_innermost_mount_and_the_last_one_there() {
        let mounts =
            "/dev/vda / ext4 rw 0 0\ntmpfs /dev/shm tmpfs rw 0 0\nnone /tmp overlay rw 0 0\nnone /tmp xfs rw 0 0\n";
        for (folder, kind) in [("/dev/shm/a", "tmpfs"), ("/tmp", "xfs"), ("/tmpfoo", "ext4"), ("relative", "")] {
            assert_eq!(file_system(mounts, Path::new(folder)), kind, "{folder}");
        }
    }
}
