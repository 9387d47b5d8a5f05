//! Digests: those that servers compute themselves, and the check of a body before it is sent.

use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use http::HeaderMap;
use md5::{Digest as _, Md5};
use transship_types::{Algorithm, Digest};

use crate::{Error, ErrorKind, Result};

/// Digests that a server computed over the whole object. They come back from `object_store` as an extension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct TrustedDigests(pub(super) Vec<Digest>);

impl TrustedDigests {
    /// GCS tells CRC-32C and MD5 of what it holds (<https://cloud.google.com/storage/docs/xml-api/reference-headers#xgooghash>).
    /// Azure's `Content-MD5` is computed by the server in the reply to a write
    /// (<https://learn.microsoft.com/en-us/rest/api/storageservices/put-blob#response-headers>); in other replies it
    /// is whatever the writer once claimed, and is left out.
    pub(super) fn of(headers: &HeaderMap, written: bool) -> Self {
        let text = |value: &http::HeaderValue| value.to_str().map(str::to_owned).unwrap_or_default();
        let google = headers.get_all("x-goog-hash").iter().map(text).collect::<Vec<_>>().join(",");
        let mut digests: Vec<_> = google
            .split(',')
            .filter_map(|pair| {
                let (name, value) = pair.trim().split_once('=')?;
                match name {
                    "crc32c" => decoded(Algorithm::Crc32c, 4, value),
                    "md5" => decoded(Algorithm::Md5, 16, value),
                    _ => None,
                }
            })
            .collect();
        let md5 = headers.get("content-md5").filter(|_| written && google.is_empty());
        digests.extend(md5.and_then(|value| decoded(Algorithm::Md5, 16, &text(value))));
        Self(digests)
    }

    pub(super) fn from_extensions(extensions: &http::Extensions) -> Vec<Digest> {
        extensions.get::<Self>().cloned().unwrap_or_default().0
    }
}

fn decoded(algorithm: Algorithm, length: usize, value: &str) -> Option<Digest> {
    let bytes = BASE64_STANDARD.decode(value).ok().filter(|b| b.len() == length)?;
    Some(Digest { algorithm, bytes })
}

/// Compares a body with the digest that the caller announced: `object_store` cannot send it along for the server to
/// check, so bytes that went wrong before they came here are caught, and those that go wrong on the wire are not.
///
/// # Errors
/// `DigestMismatch`.
pub(super) async fn check(chunks: &[Bytes], announced: Option<&Digest>) -> Result<()> {
    let Some(mut check) = Check::of(announced)? else { return Ok(()) };
    let chunks = chunks.to_vec();
    tokio::task::spawn_blocking(move || {
        chunks.iter().for_each(|chunk| check.update(chunk));
        check.finish()
    })
    .await
    .map_err(|e| Error::new(ErrorKind::Io, "the digest could not be computed").caused_by(e))?
}

/// The same for a body that streams by.
pub(super) struct Check {
    announced: Digest,
    state: State,
}

enum State {
    Md5(Md5),
    Sha(ring::digest::Context),
    /// A CRC of this many bytes.
    Crc(crc_fast::Digest, usize),
}

impl Check {
    pub(super) fn of(announced: Option<&Digest>) -> Result<Option<Self>> {
        let Some(announced) = announced.cloned() else { return Ok(None) };
        let state = match announced.algorithm {
            Algorithm::Md5 => State::Md5(Md5::new()),
            Algorithm::Sha256 => State::Sha(ring::digest::Context::new(&ring::digest::SHA256)),
            Algorithm::Sha1 => State::Sha(ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY)),
            Algorithm::Crc32 => State::Crc(crc_fast::Digest::new(CrcAlgorithm::Crc32IsoHdlc), 4),
            Algorithm::Crc32c => State::Crc(crc_fast::Digest::new(CrcAlgorithm::Crc32Iscsi), 4),
            Algorithm::Crc64nvme => State::Crc(crc_fast::Digest::new(CrcAlgorithm::Crc64Nvme), 8),
            other => return Err(Error::unsupported(&format!("check {}", other.name()))),
        };
        Ok(Some(Self { announced, state }))
    }

    pub(super) fn update(&mut self, chunk: &[u8]) {
        match &mut self.state {
            State::Md5(state) => state.update(chunk),
            State::Sha(state) => state.update(chunk),
            State::Crc(state, _) => state.update(chunk),
        }
    }

    pub(super) fn finish(self) -> Result<()> {
        let Self { announced, state } = self;
        let bytes = match state {
            State::Md5(state) => state.finalize().to_vec(),
            State::Sha(state) => state.finish().as_ref().to_vec(),
            State::Crc(state, length) => state.finalize().to_be_bytes()[8 - length..].to_vec(),
        };
        if bytes == announced.bytes {
            return Ok(());
        }
        let computed = Digest { algorithm: announced.algorithm, bytes };
        Err(Error::new(ErrorKind::DigestMismatch, format!("the body is {computed}, {announced} was announced")))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const CHECK: &[u8] = b"123456789";

    /// The check values of <https://reveng.sourceforge.io/crc-catalogue/all.htm>, RFC 1321 and FIPS 180.
    #[tokio::test]
    async fn every_algorithm_gives_its_published_check_value() {
        for (algorithm, expected) in [
            (Algorithm::Md5, "25f9e794323b453885f5181f1b624d0b"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (Algorithm::Sha256, "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
            (Algorithm::Crc64nvme, "ae8b14860a799888"),
        ] {
            let chunks = [Bytes::from_static(&CHECK[..4]), Bytes::from_static(&CHECK[4..])];
            let mut digest = Digest { algorithm, bytes: hex::decode(expected).unwrap() };
            check(&chunks, Some(&digest)).await.unwrap();
            digest.bytes[0] ^= 1;
            let error = check(&chunks, Some(&digest)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DigestMismatch);
        }
    }

    #[test]
    fn only_digests_that_the_server_computed_are_believed() {
        let mut headers = HeaderMap::new();
        headers.insert("content-md5", HeaderValue::from_static("JfnnlDI7RTiF9RgfG2JNCw=="));
        assert_eq!(TrustedDigests::of(&headers, false).0, []);
        assert_eq!(TrustedDigests::of(&headers, true).0[0].to_string(), "md5:25f9e794323b453885f5181f1b624d0b");
        headers.insert("x-goog-hash", HeaderValue::from_static("crc32c=4waSgw==,md5=JfnnlDI7RTiF9RgfG2JNCw=="));
        assert_eq!(TrustedDigests::of(&headers, false).0.len(), 2);
        headers.insert("x-goog-hash", HeaderValue::from_static("md5=short"));
        assert_eq!(TrustedDigests::of(&headers, false).0, []);
    }
}
