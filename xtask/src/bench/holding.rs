//! Objects larger than memory that cost a server little.

use std::io::Write as _;

use anyhow::{Context, Result};
use bytes::Bytes;
use clap::ValueEnum;
use flate2::{Compression, write::GzEncoder};
use transship_testbed::s3::StoredObject;

/// Bytes of one part, and of the text in one gzip member.
const PIECE: usize = 8 << 20;

/// A large object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Holding {
    /// Written in one part
    Single,
    /// Written in parts of 8 MiB
    Parts,
    /// A gzip archive of text
    Gzip,
}

impl Holding {
    /// Its key.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Single => "in/single",
            Self::Parts => "in/parts",
            Self::Gzip => "in/text.csv.gz",
        }
    }

    /// The object: `size` bytes, for the archive those that come out of it, in whole pieces.
    ///
    /// # Errors
    /// The size is beyond what this machine can address.
    pub(crate) fn object(self, size: u64) -> Result<StoredObject> {
        let pieces = usize::try_from(size).context("too large")? / PIECE;
        let object = match self {
            Self::Single => StoredObject::synthetic(size, 1),
            Self::Parts => StoredObject::in_parts(vec![Bytes::from(text(PIECE)); pieces]),
            Self::Gzip => StoredObject::new(packed(&text(PIECE))?.repeat(pieces)),
        };
        // Now, and not while somebody waits for the first listing.
        object.etag();
        Ok(object)
    }
}

/// One gzip member.
fn packed(text: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text)?;
    Ok(encoder.finish()?)
}

/// Lines of numbers, of exactly this length: about as compressible as tables are.
fn text(length: usize) -> Vec<u8> {
    let mut text = Vec::with_capacity(length + 64);
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    while text.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (station, tenths) = (state >> 56, (state >> 40) & 0x1FF);
        text.extend_from_slice(format!("2020-01-01,station-{station},{}.{}\n", tenths / 10, tenths % 10).as_bytes());
    }
    text.truncate(length);
    text
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn the_archive_unpacks_to_the_size_that_was_asked_for() {
        let object = Holding::Gzip.object(3 * PIECE as u64).unwrap();
        let mut unpacked = Vec::new();
        flate2::read::MultiGzDecoder::new(&object.bytes().unwrap()[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked.len(), 3 * PIECE);
        assert!(object.size() > PIECE as u64 / 8, "{}", object.size());
    }

    #[test]
    fn an_object_in_parts_has_the_etag_of_one() {
        let object = Holding::Parts.object(2 * PIECE as u64).unwrap();
        assert_eq!((object.size(), object.etag().ends_with("-2")), (2 * PIECE as u64, true));
    }
}
