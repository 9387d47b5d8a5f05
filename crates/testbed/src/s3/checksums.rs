//! The checksums S3 knows beside MD5: asked for, computed, compared, combined over parts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::Checksum as _;
use s3s::dto::{Checksum, ChecksumType};
use s3s::{S3Result, s3_error};

/// The algorithms of `x-amz-checksum-*`
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// From `CRC32C` as from `x-amz-checksum-crc32c`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        let name = name.strip_prefix("x-amz-checksum-").unwrap_or(&name);
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The request and reply header that carries it.
    pub(crate) fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    fn crc(self) -> Option<(crc_fast::CrcAlgorithm, usize)> {
        match self {
            Self::Crc32 => Some((crc_fast::CrcAlgorithm::Crc32IsoHdlc, 4)),
            Self::Crc32c => Some((crc_fast::CrcAlgorithm::Crc32Iscsi, 4)),
            Self::Crc64Nvme => Some((crc_fast::CrcAlgorithm::Crc64Nvme, 8)),
            Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// What a multipart upload uses unless it says otherwise.
    pub(crate) fn default_kind(self) -> &'static str {
        if self == Self::Crc64Nvme { ChecksumType::FULL_OBJECT } else { ChecksumType::COMPOSITE }
    }
}

/// A hasher of just these algorithms.
pub(crate) fn hasher(algorithms: &[Algorithm]) -> ChecksumHasher {
    let mut hasher = ChecksumHasher::default();
    for algorithm in algorithms {
        match algorithm {
            Algorithm::Crc32 => hasher.crc32 = Some(s3s::crypto::Crc32::new()),
            Algorithm::Crc32c => hasher.crc32c = Some(s3s::crypto::Crc32c::new()),
            Algorithm::Crc64Nvme => hasher.crc64nvme = Some(s3s::crypto::Crc64Nvme::new()),
            Algorithm::Sha1 => hasher.sha1 = Some(s3s::crypto::Sha1::new()),
            Algorithm::Sha256 => hasher.sha256 = Some(s3s::crypto::Sha256::new()),
        }
    }
    hasher
}

/// The checksums of one object or part, in base64 as they travel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ObjectChecksums {
    values: Vec<(Algorithm, String)>,
    /// `FULL_OBJECT` or `COMPOSITE`; always the former unless uploaded in parts.
    pub(crate) composite: bool,
}

impl From<Checksum> for ObjectChecksums {
    fn from(sums: Checksum) -> Self {
        let values = [
            (Algorithm::Crc32, sums.checksum_crc32),
            (Algorithm::Crc32c, sums.checksum_crc32c),
            (Algorithm::Crc64Nvme, sums.checksum_crc64nvme),
            (Algorithm::Sha1, sums.checksum_sha1),
            (Algorithm::Sha256, sums.checksum_sha256),
        ];
        let values = values.into_iter().filter_map(|(algorithm, value)| Some((algorithm, value?))).collect();
        Self { values, composite: false }
    }
}

impl ObjectChecksums {
    pub(crate) fn one(algorithm: Algorithm, value: String, composite: bool) -> Self {
        Self { values: vec![(algorithm, value)], composite }
    }

    pub(crate) fn get(&self, algorithm: Algorithm) -> Option<String> {
        self.values.iter().find(|(known, _)| *known == algorithm).map(|(_, value)| value.clone())
    }

    pub(crate) fn algorithms(&self) -> impl Iterator<Item = Algorithm> + '_ {
        self.values.iter().map(|(algorithm, _)| *algorithm)
    }

    pub(crate) fn kind(&self) -> Option<ChecksumType> {
        let kind = if self.composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT };
        (!self.values.is_empty()).then(|| ChecksumType::from_static(kind))
    }

    /// Each of `expected` equals what was computed.
    ///
    /// # Errors
    /// `BadDigest`, naming the algorithm.
    pub(crate) fn check(&self, expected: &[(Algorithm, String)]) -> S3Result {
        for (algorithm, value) in expected {
            if self.get(*algorithm).as_ref() != Some(value) {
                let name = algorithm.name();
                return Err(s3_error!(BadDigest, "The {name} you specified did not match the calculated checksum."));
            }
        }
        Ok(())
    }
}

/// The checksum of an object from those of its parts: over the parts' checksums, or as if over all the bytes.
/// `None` where a part lacks one.
pub(crate) fn of_parts(algorithm: Algorithm, composite: bool, parts: &[(ObjectChecksums, u64)]) -> Option<String> {
    let raw: Vec<Vec<u8>> =
        parts.iter().map(|(sums, _)| BASE64.decode(sums.get(algorithm)?).ok()).collect::<Option<_>>()?;
    if composite {
        let mut hasher = hasher(&[algorithm]);
        raw.iter().for_each(|sum| hasher.update(sum));
        let whole = ObjectChecksums::from(hasher.finalize()).get(algorithm)?;
        return Some(format!("{whole}-{}", parts.len()));
    }
    let (crc, width) = algorithm.crc()?;
    let number = |sum: &[u8]| sum.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    let mut sums = raw.iter().zip(parts).map(|(sum, (_, size))| (number(sum), *size));
    let (first, _) = sums.next()?;
    let whole = sums.fold(first, |whole, (sum, size)| crc_fast::checksum_combine(crc, whole, sum, size));
    Some(BASE64.encode(&whole.to_be_bytes()[8 - width..]))
}

/// Copies the five checksum fields, which many request and reply types of `s3s` share, out of or into one.
macro_rules! checksum_fields {
    (from $input:expr) => {{
        use $crate::s3::checksums::Algorithm::*;
        [
            (Crc32, $input.checksum_crc32.clone()),
            (Crc32c, $input.checksum_crc32c.clone()),
            (Crc64Nvme, $input.checksum_crc64nvme.clone()),
            (Sha1, $input.checksum_sha1.clone()),
            (Sha256, $input.checksum_sha256.clone()),
        ]
        .into_iter()
        .filter_map(|(algorithm, value)| Some((algorithm, value?)))
        .collect::<Vec<_>>()
    }};
    (into $output:expr, $sums:expr) => {{
        use $crate::s3::checksums::Algorithm::*;
        $output.checksum_crc32 = $sums.get(Crc32);
        $output.checksum_crc32c = $sums.get(Crc32c);
        $output.checksum_crc64nvme = $sums.get(Crc64Nvme);
        $output.checksum_sha1 = $sums.get(Sha1);
        $output.checksum_sha256 = $sums.get(Sha256);
    }};
}
pub(crate) use checksum_fields;

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(algorithm: Algorithm, bytes: &[u8]) -> ObjectChecksums {
        let mut hasher = hasher(&[algorithm]);
        hasher.update(bytes);
        hasher.finalize().into()
    }

    #[test]
    fn crc_of_parts_equals_crc_of_the_whole() {
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let parts = [b"1234".as_slice(), b"", b"56789"].map(|part| (sums(algorithm, part), part.len() as u64));
            let whole = sums(algorithm, b"123456789").get(algorithm);
            assert!(whole.is_some());
            assert_eq!(of_parts(algorithm, false, &parts), whole, "{algorithm:?}");
        }
    }

    #[test]
    fn composite_checksum_names_the_number_of_parts() {
        let parts = [b"a".as_slice(), b"b"].map(|part| (sums(Algorithm::Sha256, part), 1));
        let sum = of_parts(Algorithm::Sha256, true, &parts).unwrap();
        assert!(sum.ends_with("=-2"), "{sum}");
        assert_eq!(of_parts(Algorithm::Sha256, false, &parts), None, "SHA-256 has no full-object form");
    }

    #[test]
    fn crc32c_check_value_is_the_published_one() {
        // RFC 3720, B.4 names the polynomial; the check value of `123456789` is 0xE3069283.
        assert_eq!(sums(Algorithm::Crc32c, b"123456789").get(Algorithm::Crc32c).unwrap(), "4waSgw==");
    }
}
