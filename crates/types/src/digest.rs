use std::fmt;

use serde::{Deserialize, Serialize};

/// A digest algorithm that a store or a reader can use for an object's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Algorithm {
    /// 16 bytes.
    Md5,
    /// 32 bytes.
    Sha256,
    /// 20 bytes.
    Sha1,
    /// 4 bytes, big endian.
    Crc32,
    /// 4 bytes, big endian (Castagnoli).
    Crc32c,
    /// 8 bytes, big endian: S3's default for objects written since December 2024.
    Crc64nvme,
}

impl Algorithm {
    /// The name that reports use: lower case, no punctuation.
    pub fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha256 => "sha256",
            Self::Sha1 => "sha1",
            Self::Crc32 => "crc32",
            Self::Crc32c => "crc32c",
            Self::Crc64nvme => "crc64nvme",
        }
    }
}

/// An algorithm and the digest that it gave.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Digest {
    /// What was computed.
    pub algorithm: Algorithm,
    /// The raw bytes, in the algorithm's own order (big endian for CRCs).
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// `md5:9e107d9d...`, in hexadecimal.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.algorithm.name())?;
        self.bytes.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}
