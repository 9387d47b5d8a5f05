use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// An entity tag as a store reports it, without the surrounding quotes.
///
/// Most S3 stores use the MD5 of an object written in one part, and the MD5 of the parts' MD5s with `-N` behind it
/// for one written in `N` parts. Neither holds with KMS encryption, and other stores promise nothing: an ETag has
/// the *shape* of an MD5, and whether it is one is the store's word.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ETag(Arc<str>);

impl ETag {
    /// Takes a header's or a listing's value, with or without quotes.
    pub fn new(raw: &str) -> Self {
        let raw = raw.trim();
        Self(raw.strip_prefix('"').and_then(|r| r.strip_suffix('"')).unwrap_or(raw).into())
    }

    /// The tag without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 16 bytes of a tag that has the shape of a whole object's MD5.
    pub fn md5(&self) -> Option<[u8; 16]> {
        hex16(&self.0)
    }

    /// The digest and the number of parts of a tag that has the shape `md5-N`.
    pub fn multipart(&self) -> Option<([u8; 16], u32)> {
        let (digest, parts) = self.0.split_once('-')?;
        let parts = parts.parse().ok().filter(|n| (1..=10_000).contains(n))?;
        Some((hex16(digest)?, parts))
    }

    /// The number of parts of a tag that has the shape `md5-N`.
    pub fn parts(&self) -> Option<u32> {
        self.multipart().map(|(_, n)| n)
    }

    /// The value for an `If-Match` header: quoted.
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

fn hex16(text: &str) -> Option<[u8; 16]> {
    let text = text.as_bytes();
    if text.len() != 32 {
        return None;
    }
    let mut out = [0; 16];
    for (byte, pair) in out.iter_mut().zip(text.chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(out)
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_told_apart() {
        let whole = ETag::new("\"9E107d9d372bb6826bd81d3542a419d6\"");
        assert_eq!(whole.md5().unwrap()[0], 0x9e);
        assert_eq!(whole.parts(), None);
        let parts = ETag::new("9e107d9d372bb6826bd81d3542a419d6-12");
        assert_eq!(parts.md5(), None);
        assert_eq!(parts.parts(), Some(12));
        for odd in ["", "\"", "x-1", "9e107d9d372bb6826bd81d3542a419d6-0", "é107d9d372bb6826bd81d3542a419d", "0x8DCA"]
        {
            let odd = ETag::new(odd);
            assert_eq!((odd.md5(), odd.parts()), (None, None), "{odd:?}");
        }
    }
}
