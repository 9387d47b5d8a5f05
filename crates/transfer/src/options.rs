use std::time::Duration;

use serde::{Deserialize, Serialize};
use transship_store::RetryOptions;

use crate::Bandwidth;

const MIB: u64 = 1 << 20;

/// How objects are copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CopyOptions {
    /// Bytes of objects that may be in memory at once, for all objects together. At least
    /// [`LEAST_MEMORY`](Self::LEAST_MEMORY) are used.
    pub memory: u64,
    /// How many objects are copied at once, at most; an object may have up to eight parts under way.
    pub transfers: usize,
    /// The size of parts where nothing else decides it, in bytes; at most a quarter of `memory` is used.
    pub part_size: u64,
    /// Objects that their source holds in one part are written in one part up to this size, in bytes (S3 allows
    /// 5 GiB): the servers' ETags then prove the copy. Larger ones are split, their parts uploaded side by side and
    /// hashed on the way.
    pub split_above: u64,
    /// When an attempt is repeated.
    pub retry: RetryOptions,
    /// A destination that holds up the others for this long is left behind and reads the source again, alone.
    pub longest_lag: Duration,
    /// A destination that has answered nothing for this long gets no more objects: they fail there at once, but for one
    /// at a time, which tries whether it is back.
    pub longest_silence: Duration,
    /// Where the newest of several sources is to stay: whether an object that was copied from a source of the same
    /// time is left alone. Otherwise it is written again.
    pub leave_equal: bool,
    /// How long objects in flight may go on after the run was cancelled. Cleaning up after them takes up to five seconds
    /// more.
    pub grace: Duration,
    /// A limit on the bytes that move through this process. Time that bytes spend waiting for it is nobody's lag.
    #[serde(skip)]
    pub bandwidth: Bandwidth,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self {
            memory: 192 * MIB,
            transfers: 64,
            part_size: 8 * MIB,
            split_above: 1024 * MIB,
            retry: RetryOptions::default(),
            longest_lag: Duration::from_secs(10),
            longest_silence: Duration::from_secs(120),
            leave_equal: false,
            grace: Duration::from_secs(10),
            bandwidth: Bandwidth::default(),
        }
    }
}

impl CopyOptions {
    /// Memory that is used at least, in bytes: with less, an S3 part (5 MiB at least) could not be read and written side
    /// by side.
    pub const LEAST_MEMORY: u64 = 16 * MIB;

    /// Memory with its lower bound.
    pub(crate) fn budget(&self) -> u64 {
        self.memory.max(Self::LEAST_MEMORY)
    }

    /// The first part's size under the budget.
    pub(crate) fn first_part(&self) -> u64 {
        self.part_size.clamp(5 * MIB, self.largest_part())
    }

    /// The largest part under the budget.
    pub(crate) fn largest_part(&self) -> u64 {
        (self.budget() / 4).max(5 * MIB)
    }
}
