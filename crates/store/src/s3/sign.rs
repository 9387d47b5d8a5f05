//! Signature Version 4, over the request exactly as it will be sent.
//!
//! `object_store`'s signer and `reqwest` both put the address through `url::Url`, which folds `a/../b` into `b`: a
//! DELETE would hit another object. So the path is signed as the bytes that go on the wire.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

use std::sync::Mutex;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use ring::{digest, hmac};
use time::OffsetDateTime;

use super::credentials::Keys;

/// The hash that stands for "the signature does not cover the body".
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// The hash of no bytes.
pub(super) const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Signs requests; remembers the day's derived key.
#[derive(Default)]
pub(super) struct Signer {
    derived: Mutex<Option<Derived>>,
}

struct Derived {
    scope: String,
    secret: transship_types::Secret,
    key: hmac::Key,
}

/// What is signed besides the headers.
pub(super) struct Target<'a> {
    pub(super) method: &'a str,
    /// As sent, before the `?`.
    pub(super) path: &'a str,
    /// Encoded names and values; sorted here.
    pub(super) query: &'a [(String, String)],
    /// In hexadecimal, or [`UNSIGNED`].
    pub(super) payload_sha256: &'a str,
}

impl Signer {
    /// Adds `x-amz-date`, `x-amz-content-sha256`, the session token and `authorization` to `headers`, which must
    /// hold `host` and everything else that is to be signed.
    pub(super) fn sign(
        &self,
        keys: &Keys,
        region: &str,
        now: OffsetDateTime,
        target: &Target<'_>,
        headers: &mut HeaderMap,
    ) {
        let instant = instant(now);
        let day = &instant[..8];
        insert(headers, DATE, &instant);
        insert(headers, CONTENT_SHA256, target.payload_sha256);
        if let Some(token) = &keys.session_token {
            insert(headers, SECURITY_TOKEN, token.expose());
        }
        let (canonical, signed) = canonical_request(target, headers);
        let scope = [day, "/", region, "/s3/aws4_request"].concat();
        let hashed = hexadecimal(digest::digest(&digest::SHA256, &canonical).as_ref());
        let to_sign = ["AWS4-HMAC-SHA256\n", &instant, "\n", &scope, "\n", &hashed].concat();
        let signature = self.with_key(keys, &scope, day, region, |key| hmac::sign(key, to_sign.as_bytes()));
        let signature = hexadecimal(signature.as_ref());
        let credential = ["AWS4-HMAC-SHA256 Credential=", &keys.access_key_id, "/", &scope].concat();
        let authorization = [&credential, ", SignedHeaders=", &signed, ", Signature=", &signature].concat();
        insert(headers, header::AUTHORIZATION, &authorization);
    }

    fn with_key<T>(&self, keys: &Keys, scope: &str, day: &str, region: &str, f: impl FnOnce(&hmac::Key) -> T) -> T {
        let mut derived = self.derived.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let known = derived.as_ref().is_some_and(|d| d.scope == scope && d.secret == keys.secret_access_key);
        if !known {
            let key = derive(keys.secret_access_key.expose(), day, region);
            *derived = Some(Derived { scope: scope.to_owned(), secret: keys.secret_access_key.clone(), key });
        }
        match &*derived {
            Some(d) => f(&d.key),
            None => f(&derive(keys.secret_access_key.expose(), day, region)),
        }
    }
}

fn derive(secret: &str, day: &str, region: &str) -> hmac::Key {
    let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    [day, region, "s3", "aws4_request"]
        .iter()
        .fold(first, |key, part| hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&key, part.as_bytes()).as_ref()))
}

fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // Our own text is always a legal header value; a secret that is not one makes the signature wrong, not a panic.
    if let Ok(mut value) = HeaderValue::from_str(value) {
        value.set_sensitive(name == header::AUTHORIZATION || name == SECURITY_TOKEN);
        headers.insert(name, value);
    }
}

/// `20130524T000000Z`, of which the first eight characters are the day.
fn instant(now: OffsetDateTime) -> String {
    let day = now.year() * 10_000 + i32::from(u8::from(now.month())) * 100 + i32::from(now.day());
    let time = u32::from(now.hour()) * 10_000 + u32::from(now.minute()) * 100 + u32::from(now.second());
    format!("{day:08}T{time:06}Z")
}

/// As `hex::encode`, which makes a string character by character; this runs twice for each request.
fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = vec![0; 2 * bytes.len()];
    // Fails where the lengths do not match.
    let _ = hex::encode_to_slice(bytes, &mut digits);
    String::from_utf8(digits).unwrap_or_default()
}

/// The canonical request, and the names of the headers it signs.
fn canonical_request(target: &Target<'_>, headers: &HeaderMap) -> (Vec<u8>, String) {
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(target.method.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(target.path.as_bytes());
    out.push(b'\n');
    let mut query: Vec<_> = target.query.iter().collect();
    query.sort();
    for (n, (name, value)) in query.into_iter().enumerate() {
        if n > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        out.extend_from_slice(value.as_bytes());
    }
    out.push(b'\n');
    let mut signed: Vec<(&str, &HeaderValue)> =
        headers.iter().map(|(n, v)| (n.as_str(), v)).filter(|(n, _)| is_signed(n)).collect();
    signed.sort_by_key(|(name, _)| *name);
    for (name, value) in &signed {
        out.extend_from_slice(name.as_bytes());
        out.push(b':');
        out.extend_from_slice(value.as_bytes().trim_ascii());
        out.push(b'\n');
    }
    let mut names = String::with_capacity(96);
    for (n, (name, _)) in signed.iter().enumerate() {
        if n > 0 {
            names.push(';');
        }
        names.push_str(name);
    }
    out.push(b'\n');
    out.extend_from_slice(names.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(target.payload_sha256.as_bytes());
    (out, names)
}

/// Proxies may touch the rest.
fn is_signed(name: &str) -> bool {
    name.starts_with("x-amz-") || matches!(name, "host" | "content-md5" | "content-type" | "range" | "date")
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;
    use transship_types::Secret;

    use super::*;

    /// The keys and requests of AWS's published examples (sig-v4-header-based-auth.html).
    fn signature(target: &Target<'_>, extra: &[(&'static str, &str)]) -> String {
        let keys = Keys {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".into(),
            secret_access_key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            session_token: None,
            expires: None,
        };
        let mut headers = HeaderMap::new();
        insert(&mut headers, header::HOST, "examplebucket.s3.amazonaws.com");
        for (name, value) in extra {
            insert(&mut headers, HeaderName::from_static(name), value);
        }
        Signer::default().sign(&keys, "us-east-1", datetime!(2013-05-24 0:00 UTC), target, &mut headers);
        let authorization = headers["authorization"].to_str().unwrap();
        authorization.rsplit_once("Signature=").unwrap().1.to_owned()
    }

    #[test]
    fn get_object_with_a_range_signs_as_published() {
        let target = Target { method: "GET", path: "/test.txt", query: &[], payload_sha256: EMPTY_SHA256 };
        assert_eq!(
            signature(&target, &[("range", "bytes=0-9")]),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
    }

    #[test]
    fn an_instant_has_every_digit_in_its_place() {
        assert_eq!(instant(datetime!(2013-05-24 01:02:03 UTC)), "20130524T010203Z");
        assert_eq!(instant(datetime!(2031-12-09 23:59:08.9 UTC)), "20311209T235908Z");
    }

    #[test]
    fn put_object_signs_as_published() {
        let target = Target {
            method: "PUT",
            path: "/test%24file.text",
            query: &[],
            payload_sha256: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        };
        let headers = [("date", "Fri, 24 May 2013 00:00:00 GMT"), ("x-amz-storage-class", "REDUCED_REDUNDANCY")];
        assert_eq!(signature(&target, &headers), "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    }

    #[test]
    fn get_lifecycle_and_list_sign_as_published() {
        let query = [("lifecycle".to_owned(), String::new())];
        let target = Target { method: "GET", path: "/", query: &query, payload_sha256: EMPTY_SHA256 };
        assert_eq!(signature(&target, &[]), "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
        let query = [("prefix".to_owned(), "J".to_owned()), ("max-keys".to_owned(), "2".to_owned())];
        let target = Target { method: "GET", path: "/", query: &query, payload_sha256: EMPTY_SHA256 };
        assert_eq!(signature(&target, &[]), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
    }
}
