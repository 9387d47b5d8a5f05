//! `encoding-type=url`: how keys travel that XML 1.0 cannot carry.

use s3s::dto::EncodingType;
use std::fmt::Write as _;

/// Whether keys, prefixes and markers of a listing are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Plain,
    Url,
}

impl Encoding {
    pub(crate) fn of(asked: Option<&EncodingType>) -> Self {
        if asked.is_some_and(|kind| kind.as_str() == EncodingType::URL) { Self::Url } else { Self::Plain }
    }

    /// As AWS encodes: a blank becomes `+`, the slash stays
    /// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>).
    pub(crate) fn apply(self, text: &str) -> String {
        if self == Self::Plain {
            return text.to_owned();
        }
        let mut encoded = String::with_capacity(text.len());
        for byte in text.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                    encoded.push(char::from(byte));
                }
                b' ' => encoded.push('+'),
                other => {
                    // Writing to a String cannot fail.
                    let _ = write!(encoded, "%{other:02X}");
                }
            }
        }
        encoded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_encoding_keeps_slashes_and_turns_blanks_into_plus() {
        assert_eq!(Encoding::Url.apply("a b/c+d\n(3)é~"), "a+b/c%2Bd%0A%283%29%C3%A9%7E");
        assert_eq!(Encoding::Plain.apply("a b\n"), "a b\n");
    }
}
