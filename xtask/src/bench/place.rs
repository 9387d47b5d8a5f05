//! Where objects are: an endpoint, a bucket and a prefix in it.

use std::{fmt, str::FromStr};

/// Written as `http://HOST:PORT/BUCKET/PREFIX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// `http://HOST:PORT`.
    pub(crate) endpoint: String,
    /// The bucket.
    pub(crate) bucket: String,
    /// Without slashes around it; empty for the whole bucket.
    pub(crate) prefix: String,
}

impl Place {
    /// A place on the server at an endpoint.
    pub(crate) fn new(endpoint: &str, bucket: &str, prefix: &str) -> Self {
        Self { endpoint: endpoint.to_owned(), bucket: bucket.to_owned(), prefix: prefix.to_owned() }
    }

    /// `HOST:PORT`.
    pub(crate) fn host(&self) -> &str {
        self.endpoint.trim_start_matches("http://")
    }

    /// `BUCKET/PREFIX`, or the bucket alone.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", self.bucket, self.prefix).trim_end_matches('/').to_owned()
    }

    /// The same as a folder: with a slash at its end.
    pub(crate) fn folder(&self) -> String {
        self.path() + "/"
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.endpoint, self.path())
    }
}

impl FromStr for Place {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("http://").ok_or("expected http://HOST:PORT/BUCKET/PREFIX")?;
        let (host, path) = rest.split_once('/').ok_or("expected a bucket behind the host")?;
        let (bucket, prefix) = path.split_once('/').unwrap_or((path, ""));
        Ok(Self::new(&format!("http://{host}"), bucket, prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        for text in ["http://127.0.0.1:99/data/in", "http://127.0.0.1:99/data", "http://h/data/a/b"] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), text);
        }
        assert!("http://h".parse::<Place>().is_err());
    }
}
