use md5::{Digest as _, Md5};
use transship_types::{Algorithm, Digest};

/// Computes one digest over bytes as they pass.
///
/// MD5 runs at 0.4 to 0.8 GB/s a core and CRCs at more than 10.
pub struct Hasher(Kind);

enum Kind {
    Md5(Md5),
    Crc(Algorithm, Box<crc_fast::Digest>, usize),
}

impl Hasher {
    /// MD5: what a single-part S3 ETag usually is.
    pub fn md5() -> Self {
        Self(Kind::Md5(Md5::new()))
    }

    /// CRC-64/NVME: what S3 keeps for every object since December 2024.
    pub fn crc64nvme() -> Self {
        Self(Kind::Crc(Algorithm::Crc64nvme, Box::new(crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc64Nvme)), 8))
    }

    /// CRC-32C.
    pub fn crc32c() -> Self {
        Self(Kind::Crc(Algorithm::Crc32c, Box::new(crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi)), 4))
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Kind::Md5(md5) => md5.update(bytes),
            Kind::Crc(_, crc, _) => crc.update(bytes),
        }
    }

    /// The digest of everything.
    pub fn finish(self) -> Digest {
        match self.0 {
            Kind::Md5(md5) => Digest { algorithm: Algorithm::Md5, bytes: md5.finalize().to_vec() },
            Kind::Crc(algorithm, crc, width) => {
                Digest { algorithm, bytes: crc.finalize().to_be_bytes()[8 - width..].to_vec() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_match_their_published_check_values() {
        for (mut hasher, expected) in [
            (Hasher::md5(), "md5:25f9e794323b453885f5181f1b624d0b"),
            (Hasher::crc64nvme(), "crc64nvme:ae8b14860a799888"),
            (Hasher::crc32c(), "crc32c:e3069283"),
        ] {
            hasher.update(b"1234");
            hasher.update(b"56789");
            assert_eq!(hasher.finish().to_string(), expected);
        }
    }
}
