use std::{fmt, fs, path::Path, str::FromStr};

use bytesize::ByteSize;
use transship_list::ListOptions;
use transship_transfer::CopyOptions;

/// The budget where neither the command line nor the container says otherwise: with the program itself, its connections and
/// what the allocator keeps, a process stays below 256 MiB.
const DEFAULT: u64 = 192 << 20;

const LEAST: u64 = CopyOptions::LEAST_MEMORY;

/// What a range of keys takes that is listed beside others.
const LISTER: u64 = ListOptions::LISTER as u64;

/// What it takes besides where two sides are compared, with what the allocator keeps: measured, so that a process with up to
/// four threads and nothing else to do stays below 64 MiB.
const SECOND_SIDE: u64 = 512 << 10;

/// Ranges of keys that are listed side by side where one side is listed and nothing else is done: more make listing from
/// afar no faster.
pub const LISTERS_ALONE: usize = 64;

/// Bytes of memory, written as `64MiB`, `1GiB`, `500MB` or `1048576`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MemorySize(pub u64);

impl FromStr for MemorySize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let size = text.trim().parse::<ByteSize>();
        let ByteSize(bytes) = size.map_err(|_| "expected a size such as 64MiB or 1GiB".to_owned())?;
        if bytes < LEAST {
            return Err(format!("expected at least {}", Self(LEAST)));
        }
        Ok(Self(bytes))
    }
}

impl MemorySize {
    /// How many ranges of keys may be listed at once, of so many that are wanted, where nothing else is done: one at least.
    pub fn listers_alone(self, wanted: usize) -> usize {
        held(self.0, LISTER).min(wanted)
    }

    /// The same while objects are copied: as many as a quarter holds.
    pub fn listers(self, wanted: usize) -> usize {
        held(self.0 / 4, LISTER).min(wanted)
    }

    /// The same where they are compared with those of another side.
    pub fn listers_of_two(self, wanted: usize) -> usize {
        held(self.0 / 4, LISTER + SECOND_SIDE).min(wanted)
    }

    /// What is left beside listings, in bytes: 16 MiB at least, even where that leaves less than a quarter to listings.
    pub fn for_data(self) -> u64 {
        (self.0 - self.0 / 4).max(LEAST)
    }
}

fn held(bytes: u64, each: u64) -> usize {
    usize::try_from(bytes / each).unwrap_or(usize::MAX).max(1)
}

impl fmt::Display for MemorySize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ByteSize(self.0).display().iec().fmt(f)
    }
}

/// The budget for a container of this process's size: a quarter of its memory limit, because the limit holds the
/// program, its buffers in the kernel and TLS as well; at least 16 MiB, at most 192 MiB.
pub fn default_memory() -> MemorySize {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    budget(cgroup_limit(Path::new("/sys/fs/cgroup"), &own))
}

fn budget(limit: Option<u64>) -> MemorySize {
    MemorySize(limit.map_or(DEFAULT, |limit| (limit / 4).clamp(LEAST, DEFAULT)))
}

/// The smallest limit of the groups that hold this process. `own` is `/proc/self/cgroup`: `0::/path` for version 2,
/// `N:memory:/path` for version 1. Inside a container the path may not be visible; the limit is then at the root.
fn cgroup_limit(root: &Path, own: &str) -> Option<u64> {
    let limits = own.lines().flat_map(|line| {
        let mut fields = line.splitn(3, ':');
        let (_, controllers, path) = (fields.next(), fields.next().unwrap_or(""), fields.next().unwrap_or("/"));
        let (root, file) = match controllers {
            "" => (root.to_owned(), "memory.max"),
            c if c.split(',').any(|c| c == "memory") => (root.join("memory"), "memory.limit_in_bytes"),
            _ => return Vec::new(),
        };
        let path = Path::new(path.trim_start_matches('/'));
        path.ancestors().filter_map(|part| fs::read_to_string(root.join(part).join(file)).ok()).collect()
    });
    // "max", or a number near 2^63, is no limit; the clamp takes care of the latter.
    limits.filter_map(|text| text.trim().parse().ok()).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_the_usual_forms() {
        for (text, bytes) in [("64MiB", 64 << 20), ("1 GiB", 1 << 30), ("500MB", 500_000_000), ("33554432", 32 << 20)] {
            assert_eq!(text.parse(), Ok(MemorySize(bytes)), "{text}");
        }
        for bad in ["", "much", "-1GiB", "1MiB", "0", "12 parsecs"] {
            assert!(bad.parse::<MemorySize>().is_err(), "{bad}");
        }
        assert_eq!(MemorySize(64 << 20).to_string(), "64.0 MiB");
    }

    #[test]
    fn listings_get_a_quarter() {
        for (mib, alone, listers, of_two, data) in [
            (16, 10, 2, 2, 16),
            (32, 21, 5, 4, 24),
            (64, 42, 10, 8, 48),
            (192, 128, 32, 24, 144),
            (1024, 682, 170, 128, 768),
        ] {
            let memory = MemorySize(mib << 20);
            let listers_found = (memory.listers_alone(999), memory.listers(999), memory.listers_of_two(999));
            assert_eq!((listers_found, memory.for_data()), ((alone, listers, of_two), data << 20), "{mib} MiB");
            assert_eq!((memory.listers_alone(1), memory.listers(1), memory.listers_of_two(1)), (1, 1, 1));
        }
    }

    #[test]
    fn the_tightest_limit_around_the_process_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(cgroup_limit(root.path(), "0::/pod/box\n"), None);
        write("pod/box/memory.max", "max\n");
        write("pod/memory.max", "268435456\n");
        assert_eq!(cgroup_limit(root.path(), "0::/pod/box\n"), Some(256 << 20));
        write("memory/memory.limit_in_bytes", "134217728\n");
        assert_eq!(cgroup_limit(root.path(), "5:cpu,memory:/not/visible\n1:name=x:/\n"), Some(128 << 20));
    }

    #[test]
    fn the_budget_is_a_quarter_within_bounds() {
        for (limit, expected) in [
            (None, 192 << 20),
            (Some(128 << 20), 32 << 20),
            (Some(1 << 20), 16 << 20),
            (Some(u64::MAX >> 1), 192 << 20),
        ] {
            assert_eq!(budget(limit), MemorySize(expected));
        }
    }
}
