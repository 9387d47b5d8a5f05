//! Percent-encoding as SigV4 wants it: every byte but `A-Z a-z 0-9 - . _ ~` is escaped, in upper case.
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
const PATH: &AsciiSet = &QUERY.remove(b'/');

/// A key as it stands in a request's path: slashes stay, dot segments stay.
pub(super) fn path(key: &str) -> String {
    utf8_percent_encode(key, PATH).to_string()
}

/// A name or value of a query string.
pub(super) fn query(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

/// What `encoding-type=url` did to a key: `+` is a space.
pub(super) fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(path("a//b/../é +?#%2F~\n"), "a//b/../%C3%A9%20%2B%3F%23%252F~%0A");
        assert_eq!(query("a/b=c"), "a%2Fb%3Dc");
    }

    proptest! {
        #[test]
        fn what_is_encoded_decodes_to_itself(key in any::<String>()) {
            prop_assert_eq!(&decode(&path(&key)).unwrap(), &key);
            prop_assert_eq!(&decode(&query(&key)).unwrap(), &key);
        }
    }
}
