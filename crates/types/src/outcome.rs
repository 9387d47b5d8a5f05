use serde::{Deserialize, Serialize};

/// What was compared to call a copy verified, from strongest to weakest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Strength {
    /// SHA-256 of the bytes.
    Sha256,
    /// MD5 of the whole object, computed by the destination (or by it and the source).
    Md5,
    /// The destination's `md5-N` ETag over known part boundaries.
    MultipartEtag,
    /// CRC-64/NVME of the whole object.
    Crc64nvme,
    /// CRC-32C of the whole object.
    Crc32c,
    /// The destination's bytes, or the source's where its own ETag did not bear them out, were read again and compared
    /// by digest.
    Reread,
    /// Only the number of bytes agrees. This is never called content verification.
    Size,
}

impl Strength {
    /// The name that reports and summaries use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Md5 => "md5",
            Self::MultipartEtag => "multipart-etag",
            Self::Crc64nvme => "crc64nvme",
            Self::Crc32c => "crc32c",
            Self::Reread => "reread",
            Self::Size => "size",
        }
    }

    /// Whether the bytes themselves were compared, not only their number.
    pub fn proves_content(self) -> bool {
        self != Self::Size
    }
}

/// What became of one object at one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// Written, and verified at this strength.
    Copied {
        /// How the copy was verified.
        verified: Strength,
    },
    /// Not written, because it need not be (`reason` says why: `equal`, `newer at the destination`).
    Skipped {
        /// Why nothing was to be done.
        reason: String,
    },
    /// Not written, or written and found wrong and taken back.
    Failed {
        /// One line: what was being done to what, and why it failed.
        error: String,
    },
    /// Not tried, or given up half-way, because the run was being stopped.
    Cancelled,
    /// Would be written: the run was a dry one.
    Planned,
    /// Deleted, because the source does not have it.
    Deleted,
    /// Would be deleted: the run was a dry one.
    PlannedDeletion,
}
