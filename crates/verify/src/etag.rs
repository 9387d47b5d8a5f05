use md5::{Digest as _, Md5};
use transship_types::{Algorithm, Digest, ETag};

use crate::part_sizes;

/// What bytes that were read say about the ETag that they came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The ETag is the digest of these bytes.
    Proven,
    /// It has the shape of a digest and is not that of these bytes: another part size, KMS, or other bytes.
    Unproven,
    /// It has no shape that could be compared.
    Unknown,
}

/// Checks bytes against an S3 ETag as they pass: MD5, or the MD5 of part MD5s for every likely part size.
///
/// It also gives the MD5 of the whole.
pub struct ETagHasher {
    whole: Md5,
    expected: Option<Expected>,
}

enum Expected {
    Whole([u8; 16]),
    Parts { digest: [u8; 16], candidates: Vec<PartDigests> },
}

impl ETagHasher {
    /// Expects an object of `size` bytes with this ETag, or nothing in particular. Where it is in parts, the two
    /// likeliest part sizes are tried: each one costs an MD5 of everything.
    pub fn new(etag: Option<&ETag>, size: u64) -> Self {
        Self::trying(etag, |parts| part_sizes(size, parts).into_iter().take(2).map(PartDigests::new).collect())
    }

    /// Like [`new`](Self::new), with every part size that [`part_sizes`] knows of.
    pub fn exhaustive(etag: Option<&ETag>, size: u64) -> Self {
        Self::trying(etag, |parts| part_sizes(size, parts).into_iter().map(PartDigests::new).collect())
    }

    /// Expects an object with this ETag whose parts have these lengths; further parts have that of the last one.
    pub fn in_parts(etag: Option<&ETag>, lengths: &[u64]) -> Self {
        Self::trying(etag, |_| vec![PartDigests::of_lengths(lengths)])
    }

    fn trying(etag: Option<&ETag>, candidates: impl Fn(u32) -> Vec<PartDigests>) -> Self {
        let whole = |e: &ETag| e.md5().map(Expected::Whole);
        let parts = |e: &ETag| {
            let (digest, parts) = e.multipart()?;
            Some(Expected::Parts { digest, candidates: candidates(parts) })
        };
        Self { whole: Md5::new(), expected: etag.and_then(|e| whole(e).or_else(|| parts(e))) }
    }

    /// The next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.whole.update(bytes);
        if let Some(Expected::Parts { candidates, .. }) = &mut self.expected {
            candidates.iter_mut().for_each(|c| c.update(bytes));
        }
    }

    /// What became of the claim.
    pub fn finish(self) -> Claim {
        self.finish_with_md5().0
    }

    /// What became of the claim, and the MD5 of all bytes.
    pub fn finish_with_md5(self) -> (Claim, Digest) {
        let md5: [u8; 16] = self.whole.finalize().into();
        let claim = match self.expected {
            None => Claim::Unknown,
            Some(Expected::Whole(expected)) if expected == md5 => Claim::Proven,
            Some(Expected::Whole(_)) => Claim::Unproven,
            Some(Expected::Parts { digest, candidates }) => {
                let mut etags = candidates.into_iter().map(PartDigests::finish);
                let matches = etags.any(|e| e.multipart().is_some_and(|(d, _)| d == digest));
                if matches { Claim::Proven } else { Claim::Unproven }
            }
        };
        (claim, Digest { algorithm: Algorithm::Md5, bytes: md5.to_vec() })
    }
}

/// The `md5-N` ETag that bytes get when they are written in parts.
pub struct PartDigests {
    lengths: Vec<u64>,
    /// Bytes that the current part still takes.
    left: u64,
    current: Md5,
    digests: Vec<[u8; 16]>,
}

impl PartDigests {
    /// Parts of `part_size` bytes (at least 1), the last one shorter.
    pub fn new(part_size: u64) -> Self {
        Self::of_lengths(&[part_size])
    }

    /// Parts of these lengths (at least 1 byte each); further ones have that of the last one.
    pub fn of_lengths(lengths: &[u64]) -> Self {
        let mut parts = Self { lengths: lengths.to_vec(), left: 0, current: Md5::new(), digests: Vec::new() };
        parts.left = parts.length();
        parts
    }

    /// Bytes of the current part, where it is full.
    fn length(&self) -> u64 {
        let length = self.lengths.get(self.digests.len()).or(self.lengths.last());
        length.copied().unwrap_or(u64::MAX).max(1)
    }

    /// The next bytes.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let take = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(take);
            self.current.update(now);
            self.left -= take as u64;
            bytes = later;
            if self.left == 0 {
                self.close();
            }
        }
    }

    fn close(&mut self) {
        self.digests.push(std::mem::take(&mut self.current).finalize().into());
        self.left = self.length();
    }

    /// The ETag.
    pub fn finish(mut self) -> ETag {
        if self.left < self.length() || self.digests.is_empty() {
            self.close();
        }
        Self::combine(&self.digests)
    }

    /// The ETag of an object whose parts have these MD5s.
    pub fn combine(digests: &[[u8; 16]]) -> ETag {
        let mut all = Md5::new();
        digests.iter().for_each(|d| all.update(d));
        let hex: String = all.finalize().iter().map(|b| format!("{b:02x}")).collect();
        ETag::new(&format!("{hex}-{}", digests.len()))
    }
}

/// Whether two servers say the same of the bytes they hold: equal ETags of a digest's shape, or equal digests.
/// `None`: they say nothing that can be compared. `Some(false)` proves nothing by itself: see [`Claim::Unproven`].
pub fn same_content(source: Option<&ETag>, destination: Option<&ETag>) -> Option<bool> {
    let (source, destination) = (source?, destination?);
    match (source.md5(), destination.md5(), source.multipart(), destination.multipart()) {
        (Some(a), Some(b), _, _) => Some(a == b),
        (_, _, Some(a), Some(b)) => Some(a == b),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hashed(etag: &ETag, bytes: &[u8], chunk: usize) -> Claim {
        let mut hasher = ETagHasher::new(Some(etag), bytes.len() as u64);
        bytes.chunks(chunk).for_each(|c| hasher.update(c));
        hasher.finish()
    }

    #[test]
    fn a_multipart_etag_is_recomputed_from_the_bytes() {
        let bytes = vec![7u8; (8 << 20) + 5];
        let mut parts = PartDigests::new(8 << 20);
        parts.update(&bytes);
        let etag = parts.finish();
        assert_eq!(etag.parts(), Some(2));
        assert_eq!(hashed(&etag, &bytes, 65_537), Claim::Proven);
        let mut other = bytes;
        other[9] = 8;
        assert_eq!(hashed(&etag, &other, 65_537), Claim::Unproven);
    }

    #[test]
    fn parts_of_any_lengths_prove_an_etag_where_they_are_known() {
        let bytes: Vec<u8> = (0..100u8).collect();
        let digests: Vec<[u8; 16]> = [0..7, 7..50, 50..51, 51..100].map(|r| Md5::digest(&bytes[r]).into()).into();
        let etag = PartDigests::combine(&digests);
        let claim = |mut hasher: ETagHasher| {
            bytes.chunks(9).for_each(|c| hasher.update(c));
            hasher.finish()
        };
        assert_eq!(claim(ETagHasher::in_parts(Some(&etag), &[7, 43, 1, 49])), Claim::Proven);
        assert_eq!(claim(ETagHasher::in_parts(Some(&etag), &[7, 43, 2, 48])), Claim::Unproven);
        assert_eq!(claim(ETagHasher::exhaustive(Some(&etag), 100)), Claim::Unproven);
    }

    #[test]
    fn less_likely_part_sizes_are_tried_where_it_matters() {
        let (mib, part) = (1 << 20, 10 << 20);
        let bytes = vec![3u8; 20 * mib];
        let mut parts = PartDigests::new(part);
        parts.update(&bytes);
        let etag = parts.finish();
        let mut all = ETagHasher::exhaustive(Some(&etag), bytes.len() as u64);
        all.update(&bytes);
        assert_eq!((hashed(&etag, &bytes, mib), all.finish()), (Claim::Unproven, Claim::Proven));
    }

    #[test]
    fn an_etag_that_is_no_digest_claims_nothing() {
        assert_eq!(hashed(&ETag::new("0x8DCA"), b"abc", 1), Claim::Unknown);
        assert_eq!(ETagHasher::new(None, 0).finish(), Claim::Unknown);
    }

    #[test]
    fn etags_of_different_shape_cannot_be_compared() {
        let (md5, parts) = (ETag::new(&"a".repeat(32)), ETag::new(&format!("{}-2", "a".repeat(32))));
        assert_eq!(same_content(Some(&md5), Some(&md5)), Some(true));
        assert_eq!(same_content(Some(&md5), Some(&parts)), None);
        assert_eq!(same_content(Some(&parts), Some(&ETag::new(&format!("{}-3", "a".repeat(32))))), Some(false));
        assert_eq!(same_content(None, Some(&md5)), None);
    }

    proptest! {
        #[test]
        fn the_way_bytes_are_cut_up_does_not_matter(
            bytes in proptest::collection::vec(any::<u8>(), 1..300), part in 1u64..64, chunk in 1usize..80,
        ) {
            let mut at_once = PartDigests::new(part);
            at_once.update(&bytes);
            let mut cut = PartDigests::new(part);
            bytes.chunks(chunk).for_each(|c| cut.update(c));
            let separately: Vec<[u8; 16]> =
                bytes.chunks(usize::try_from(part).unwrap()).map(|p| Md5::digest(p).into()).collect();
            let etag = at_once.finish();
            prop_assert_eq!(&etag, &cut.finish());
            prop_assert_eq!(etag, PartDigests::combine(&separately));
        }
    }
}
