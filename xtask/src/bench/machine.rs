//! On what was measured.

use std::{fs, thread};

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
            kernel: known(read("/proc/sys/kernel/osrelease").trim().to_owned()),
        }
    }
}

impl std::fmt::Display for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let gib = self.memory >> 30;
        write!(f, "{} processors ({}), {gib} GiB, Linux {}", self.processors, self.processor, self.kernel)
    }
}
