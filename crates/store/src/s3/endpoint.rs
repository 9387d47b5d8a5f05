//! Where a bucket's requests go.

use http::Uri;

use crate::{Addressing, Error, ErrorKind, Result};

/// An endpoint and the way a bucket is named there.
#[derive(Clone, Debug)]
pub(super) struct Endpoint {
    scheme: String,
    /// Host and port of the endpoint; `None`: AWS's own, which depends on the region.
    authority: Option<String>,
    /// A path before the bucket, without `/` at its end.
    base_path: String,
    virtual_hosted: bool,
}

impl Endpoint {
    /// `endpoint` is AWS's own where it is not given.
    pub(super) fn new(bucket: &str, endpoint: Option<&str>, addressing: Addressing) -> Result<Self> {
        check_bucket(bucket)?;
        let (scheme, authority, base_path) = match endpoint {
            None => ("https".to_owned(), None, String::new()),
            Some(given) => parse(given)?,
        };
        let at_aws = authority.as_deref().is_none_or(|a| a == "s3.amazonaws.com");
        let virtual_hosted = match addressing {
            Addressing::Path => false,
            Addressing::Virtual => true,
            // A dot in the bucket's name would not match the certificate's wildcard.
            Addressing::Auto => at_aws_host(authority.as_deref()) && is_host_label(bucket),
        };
        // The old global endpoint answers for us-east-1 only: the region's own is meant.
        let authority = if at_aws && scheme == "https" { None } else { authority };
        Ok(Self { scheme, authority, base_path, virtual_hosted })
    }

    /// The `Host` of requests for `bucket`.
    pub(super) fn host(&self, bucket: &str, region: &str) -> String {
        let endpoint = self.authority.clone().unwrap_or_else(|| aws_host(region));
        if self.virtual_hosted { format!("{bucket}.{endpoint}") } else { endpoint }
    }

    /// The path of a key, encoded; of the bucket itself where `key` is empty.
    pub(super) fn path(&self, bucket: &str, encoded_key: &str) -> String {
        match (self.virtual_hosted, encoded_key.is_empty()) {
            (true, _) => [&self.base_path, "/", encoded_key].concat(),
            (false, true) => [&self.base_path, "/", bucket].concat(),
            (false, false) => [&self.base_path, "/", bucket, "/", encoded_key].concat(),
        }
    }

    pub(super) fn scheme(&self) -> &str {
        &self.scheme
    }

    /// For people.
    pub(super) fn describe(&self) -> String {
        let host = self.authority.as_deref().unwrap_or("AWS");
        if self.authority.is_some() { format!("{}://{host}{}", self.scheme, self.base_path) } else { host.to_owned() }
    }
}

fn parse(given: &str) -> Result<(String, Option<String>, String)> {
    let wrong = |why: &str| {
        Error::new(
            ErrorKind::Configuration,
            format!("the endpoint {given:?} {why}: expected http://host[:port] or https://host[:port]"),
        )
    };
    let uri: Uri = given.trim().parse().map_err(|_| wrong("is not a URL"))?;
    let scheme = uri.scheme_str().ok_or_else(|| wrong("has no scheme"))?;
    if !matches!(scheme, "http" | "https") {
        return Err(wrong("is neither http nor https"));
    }
    let authority = uri.authority().ok_or_else(|| wrong("has no host"))?.as_str();
    if authority.contains('@') {
        return Err(Error::new(
            ErrorKind::Configuration,
            "the endpoint holds a user or password: give the keys in their own settings",
        ));
    }
    if uri.query().is_some() {
        return Err(wrong("has a query"));
    }
    Ok((scheme.to_owned(), Some(authority.to_ascii_lowercase()), uri.path().trim_end_matches('/').to_owned()))
}

fn at_aws_host(authority: Option<&str>) -> bool {
    authority.is_none_or(|a| a.ends_with(".amazonaws.com") || a.ends_with(".amazonaws.com.cn"))
}

fn aws_host(region: &str) -> String {
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("s3.{region}.{suffix}")
}

/// A name that can be one label of a host name.
fn is_host_label(bucket: &str) -> bool {
    (3..=63).contains(&bucket.len())
        && bucket.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Old and foreign stores allow more than AWS does today; what would change the request's path is refused.
fn check_bucket(bucket: &str) -> Result<()> {
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':');
    if !bucket.is_empty() && bucket.len() <= 255 && bucket.bytes().all(legal) && bucket != "." && bucket != ".." {
        return Ok(());
    }
    // What follows a colon in the wrong place may be anything, secrets too.
    let told =
        bucket.find([',', '=']).map_or_else(|| format!("{bucket:?}"), |_| "what stands for the bucket".to_owned());
    Err(Error::new(
        ErrorKind::Configuration,
        format!("{told} is no bucket name: expected 3 to 63 lower-case letters, digits, dots and hyphens"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(bucket: &str, endpoint: Option<&str>, addressing: Addressing) -> Endpoint {
        Endpoint::new(bucket, endpoint, addressing).unwrap()
    }

    #[test]
    fn aws_is_virtual_hosted_in_its_region_and_others_are_path_style() {
        let aws = endpoint("data", None, Addressing::Auto);
        assert_eq!(
            (aws.host("data", "eu-west-1"), aws.path("data", "k")),
            ("data.s3.eu-west-1.amazonaws.com".into(), "/k".into())
        );
        let global = endpoint("data", Some("https://s3.amazonaws.com"), Addressing::Auto);
        assert_eq!(global.host("data", "cn-north-1"), "data.s3.cn-north-1.amazonaws.com.cn");
        let dotted = endpoint("DH-PLAYPEN", None, Addressing::Auto);
        assert_eq!(dotted.path("DH-PLAYPEN", "k"), "/DH-PLAYPEN/k");
        let ceph = endpoint("data", Some("https://Ceph.example/base/"), Addressing::Auto);
        assert_eq!(
            (ceph.host("data", "x"), ceph.path("data", "a/../b")),
            ("ceph.example".into(), "/base/data/a/../b".into())
        );
        let told = endpoint("data", Some("http://ceph.example:8080"), Addressing::Virtual);
        assert_eq!((told.host("data", "x"), told.path("data", "")), ("data.ceph.example:8080".into(), "/".into()));
    }

    #[test]
    fn a_wrong_endpoint_is_named_and_a_password_in_it_is_not() {
        for bad in ["s3.example.com", "ftp://x", "http://", "http://u:canary@host", "http://h/?x=1"] {
            let error = Endpoint::new("bucket", Some(bad), Addressing::Auto).unwrap_err().to_string();
            assert!(error.contains("endpoint") && !error.contains("canary"), "{error}");
        }
    }
}
