//! Bucket and prefix of a location, from `url` or `base_path`.

use std::path::{Component, Path, PathBuf};

use transship_store::{BucketSpec, LocalSpec, Location};

use crate::{
    ConfigError, Result,
    written::{Reading, Text, found},
};

const BASE_PATH_FORM: &str = "bucket or bucket/prefix";

/// The place without endpoint and credentials.
///
/// # Errors
/// Neither or both are given, or one of them names nothing.
pub(super) fn place(section: &Reading<'_>) -> Result<Location> {
    let url = section.unquoted("url")?;
    let base_path = section.unquoted("base_path")?;
    match (url, base_path) {
        (Some(url), None) => from_url(section, url),
        (None, Some(path)) => from_base_path(section, path),
        // What the section says itself replaces what it inherits.
        (Some(url), Some(path)) if path.inherited && !url.inherited => from_url(section, url),
        (Some(url), Some(path)) if url.inherited && !path.inherited => from_base_path(section, path),
        (Some(url), Some(_)) => {
            Err(section.error_at(url, ConfigError::new("base_path is there as well").expected("one of them")))
        }
        (None, None) => {
            Err(section.error(ConfigError::new("neither base_path nor url is there").expected(BASE_PATH_FORM)))
        }
    }
}

fn from_url(section: &Reading<'_>, url: Text<'_>) -> Result<Location> {
    let error = |error| section.error_at(url, error);
    if let Some(path) = url.value.strip_prefix("file://").filter(|path| path.starts_with('.')) {
        return relative(section, path).map_err(error);
    }
    no_user(url.value).map_err(error)?;
    let location = Location::from_url(url.value).map_err(|problem| error(ConfigError::new(problem.to_string())))?;
    check_bucket(&location).map_err(error)?;
    Ok(location)
}

/// What stands before an `@` in a bucket's place may be a password, and is not repeated.
fn no_user(place: &str) -> std::result::Result<(), ConfigError> {
    let rest = place.split_once("://").map_or(place, |(_, rest)| rest);
    if rest.split('/').next().is_some_and(|first| first.contains('@')) {
        return Err(ConfigError::new("it holds a user or password").expected("keys in their own settings"));
    }
    Ok(())
}

/// Old and foreign stores allow more than AWS does today, but not what would change a request's path.
fn check_bucket(location: &Location) -> std::result::Result<(), ConfigError> {
    let BucketSpec::S3(spec) = &location.bucket else { return Ok(()) };
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b':');
    if spec.bucket.bytes().all(legal) && spec.bucket != "." && spec.bucket != ".." && spec.bucket.len() <= 255 {
        return Ok(());
    }
    Err(found(&spec.bucket).expected("a bucket's name of letters, digits, dots and hyphens"))
}

/// `file://./dir` and `file://../dir` start where the configuration file is.
fn relative(section: &Reading<'_>, path: &str) -> std::result::Result<Location, ConfigError> {
    if !["./", "../"].iter().any(|start| path.starts_with(start)) && path != "." && path != ".." {
        return Err(found(path).expected("file:///absolute/dir, or file://./dir beside the configuration file"));
    }
    let folder = section.file.parent().unwrap_or(Path::new(""));
    let cannot = |error: std::io::Error| ConfigError::new(format!("cannot be resolved: {error}"));
    let absolute = std::path::absolute(folder.join(path)).map_err(cannot)?;
    let root: PathBuf = absolute.components().filter(|part| *part != Component::CurDir).collect();
    Ok(Location { bucket: BucketSpec::Local(LocalSpec { root, ..LocalSpec::default() }), prefix: String::new() })
}

/// Slashes before the bucket and one behind the prefix mean nothing, and `s3://` may stand before it all. Anything
/// else would be a guess, because `a//b` is a key of its own.
fn from_base_path(section: &Reading<'_>, path: Text<'_>) -> Result<Location> {
    let error = |expected: &str| section.error_at(path, found(path.value).expected(expected));
    let plain = path.value.strip_prefix("s3://").unwrap_or(path.value);
    if plain.contains("://") {
        return Err(error("bucket/prefix; other stores than S3 are named by url"));
    }
    let plain = plain.trim_start_matches('/');
    no_user(plain).map_err(|error| section.error_at(path, error))?;
    let (bucket, prefix) = plain.split_once('/').unwrap_or((plain, ""));
    if bucket.is_empty() {
        return Err(error(BASE_PATH_FORM));
    }
    if prefix.starts_with('/') || prefix.ends_with("//") {
        return Err(error("single slashes; a prefix that really starts or ends with an empty name is given by url"));
    }
    let location = Location::from_url(&format!("s3://{plain}")).map_err(|_| error(BASE_PATH_FORM))?;
    check_bucket(&location).map_err(|error| section.error_at(path, error))?;
    Ok(location)
}
