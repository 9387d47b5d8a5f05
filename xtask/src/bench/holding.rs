//! Objects larger than memory that cost a server little.

use std::io::Write as _;

use anyhow::{Context, Result};
use bytes::Bytes;
use clap::ValueEnum;
use flate2::{Compression, write::GzEncoder};
use serde::{Deserialize, Serialize};
use transship_testbed::s3::StoredObject;

use super::{server::Setup, stock::Stock};

/// Bytes of one part, and of the text in one gzip member.
const PIECE: usize = 8 << 20;

/// What a source holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
pub(crate) enum Holding {
    /// One object, written in one part
    Single,
    /// One object, written in parts of 8 MiB
    Parts,
    /// One gzip archive of text
    Gzip,
    /// Objects of 8 MiB each
    Many,
    /// Objects of 8 MiB each, so many that listing and copying them go on until the program is stopped
    Endless,
}

impl Holding {
    /// Its name on the command line.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// How many objects `size` bytes are; `None` where they do not matter.
    pub(crate) fn count(self, size: u64) -> Option<u64> {
        match self {
            Self::Single | Self::Parts | Self::Gzip => Some(1),
            Self::Many => Some(size / PIECE as u64),
            Self::Endless => None,
        }
    }

    /// A server that holds them.
    pub(crate) fn setup(self, size: u64) -> Setup {
        match self {
            Self::Endless => {
                let stock = Stock::Numbered { count: 1_000_000, padding: 0, size: PIECE as u64 };
                Setup { stock: Some(stock), page_delay: 30, ..Setup::default() }
            }
            _ => Setup { holding: Some((self, size)), ..Setup::default() },
        }
    }

    /// Objects by key, `size` bytes in whole pieces for all of them together; for the archive, those that come out of it.
    ///
    /// # Errors
    /// The size is beyond what this machine can address.
    pub(crate) fn objects(self, size: u64) -> Result<Vec<(String, StoredObject)>> {
        let pieces = usize::try_from(size).context("too large")? / PIECE;
        let one = |key: &str, object| vec![(key.to_owned(), object)];
        let objects = match self {
            Self::Single => one("in/single", StoredObject::synthetic(size, 1)),
            Self::Parts => one("in/parts", StoredObject::in_parts(vec![Bytes::from(text(PIECE)); pieces])),
            Self::Gzip => one("in/text.csv.gz", StoredObject::new(packed(&text(PIECE))?.repeat(pieces))),
            Self::Many => {
                let object = |n: usize| (format!("in/{n:05}"), StoredObject::synthetic(PIECE as u64, n as u64));
                (0..pieces).map(object).collect()
            }
            Self::Endless => Vec::new(),
        };
        // Now, and not while somebody waits for the first listing.
        for (_, object) in &objects {
            object.etag();
        }
        Ok(objects)
    }
}

/// gzip archives of about one size that all differ.
pub(crate) struct Archives {
    body: Vec<u8>,
}

impl Archives {
    /// Archives of `size` bytes, or a little more.
    ///
    /// # Errors
    /// The size is beyond what this machine can address.
    pub(crate) fn new(size: u64) -> Result<Self> {
        let member = packed(&text(PIECE))?;
        let members = usize::try_from(size).context("too large")?.div_ceil(member.len()).max(1);
        Ok(Self { body: member.repeat(members) })
    }

    /// One of them: a member of its own, and those that all have.
    ///
    /// # Errors
    /// There is not enough memory.
    pub(crate) fn packed(&self, n: u64) -> Result<Vec<u8>> {
        let mut archive = packed(format!("archive {n}\n").as_bytes())?;
        archive.extend_from_slice(&self.body);
        Ok(archive)
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
        let (_, object) = Holding::Gzip.objects(3 * PIECE as u64).unwrap().remove(0);
        let mut unpacked = Vec::new();
        flate2::read::MultiGzDecoder::new(&object.bytes().unwrap()[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked.len(), 3 * PIECE);
        assert!(object.size() > PIECE as u64 / 8, "{}", object.size());
    }

    #[test]
    fn an_object_in_parts_has_the_etag_of_one() {
        let (_, object) = Holding::Parts.objects(2 * PIECE as u64).unwrap().remove(0);
        assert_eq!((object.size(), object.etag().ends_with("-2")), (2 * PIECE as u64, true));
    }
}
