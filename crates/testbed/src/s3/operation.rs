//! Which S3 operation a request is, from its verb, target and headers alone.

use http::{HeaderMap, Method, Uri, header};
use percent_encoding::percent_decode_str;

/// The operations the server tells apart in its log and its faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are those of the S3 API reference")]
pub enum Operation {
    ListBuckets,
    CreateBucket,
    HeadBucket,
    DeleteBucket,
    GetBucketLocation,
    ListObjects,
    ListObjectsV2,
    ListMultipartUploads,
    GetObject,
    HeadObject,
    PutObject,
    CopyObject,
    DeleteObject,
    DeleteObjects,
    GetObjectTagging,
    PutObjectTagging,
    DeleteObjectTagging,
    CreateMultipartUpload,
    UploadPart,
    UploadPartCopy,
    CompleteMultipartUpload,
    AbortMultipartUpload,
    ListParts,
    Other,
}

/// What a request is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) operation: Operation,
    pub(crate) bucket: Option<String>,
    pub(crate) key: Option<String>,
}

impl Subject {
    /// `base_domain` turns on virtual-hosted addressing: `bucket.<base_domain>` in the Host header.
    pub(crate) fn of(method: &Method, uri: &Uri, headers: &HeaderMap, base_domain: Option<&str>) -> Self {
        let path = uri.path().strip_prefix('/').unwrap_or_else(|| uri.path());
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let (bucket, key) = match host.and_then(|host| hosted_bucket(host, base_domain?)) {
            Some(bucket) => (bucket.to_owned(), path),
            None => {
                let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
                (decode(bucket), key)
            }
        };
        let bucket = Some(bucket).filter(|bucket| !bucket.is_empty());
        let key = Some(decode(key)).filter(|key| !key.is_empty());
        let query = uri.query().unwrap_or_default();
        let copies = headers.contains_key("x-amz-copy-source");
        let operation = match (&bucket, &key) {
            (None, _) if *method == Method::GET => Operation::ListBuckets,
            (None, _) => Operation::Other,
            (Some(_), None) => on_bucket(method, query),
            (Some(_), Some(_)) => on_object(method, query, copies),
        };
        Self { operation, bucket, key }
    }
}

/// The bucket that a Host header names before the base domain.
pub(crate) fn hosted_bucket<'a>(host: &'a str, base_domain: &str) -> Option<&'a str> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.strip_suffix(base_domain)?.strip_suffix('.').filter(|bucket| !bucket.is_empty())
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn has(query: &str, name: &str) -> bool {
    query.split('&').any(|pair| pair.split_once('=').map_or(pair, |(found, _)| found) == name)
}

fn on_bucket(method: &Method, query: &str) -> Operation {
    match *method {
        Method::HEAD => Operation::HeadBucket,
        Method::GET if has(query, "location") => Operation::GetBucketLocation,
        Method::GET if has(query, "uploads") => Operation::ListMultipartUploads,
        Method::GET if has(query, "list-type") => Operation::ListObjectsV2,
        Method::GET if ["versioning", "versions", "acl", "policy"].iter().any(|name| has(query, name)) => {
            Operation::Other
        }
        Method::GET => Operation::ListObjects,
        Method::POST if has(query, "delete") => Operation::DeleteObjects,
        Method::PUT if query.is_empty() || has(query, "x-id") => Operation::CreateBucket,
        Method::DELETE if query.is_empty() || has(query, "x-id") => Operation::DeleteBucket,
        _ => Operation::Other,
    }
}

fn on_object(method: &Method, query: &str, copies: bool) -> Operation {
    let (tagging, upload, part) = (has(query, "tagging"), has(query, "uploadId"), has(query, "partNumber"));
    match *method {
        Method::HEAD => Operation::HeadObject,
        Method::GET if tagging => Operation::GetObjectTagging,
        Method::GET if upload => Operation::ListParts,
        Method::GET => Operation::GetObject,
        Method::PUT if tagging => Operation::PutObjectTagging,
        Method::PUT if upload && part && copies => Operation::UploadPartCopy,
        Method::PUT if upload && part => Operation::UploadPart,
        Method::PUT if copies => Operation::CopyObject,
        Method::PUT => Operation::PutObject,
        Method::POST if has(query, "uploads") => Operation::CreateMultipartUpload,
        Method::POST if upload => Operation::CompleteMultipartUpload,
        Method::DELETE if tagging => Operation::DeleteObjectTagging,
        Method::DELETE if upload => Operation::AbortMultipartUpload,
        Method::DELETE => Operation::DeleteObject,
        _ => Operation::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(method: Method, target: &str, host: &str) -> Subject {
        let headers = HeaderMap::from_iter([(header::HOST, host.parse().unwrap())]);
        Subject::of(&method, &target.parse().unwrap(), &headers, Some("localhost"))
    }

    #[test]
    fn bucket_and_key_come_from_the_path_or_the_host() {
        for (target, host) in [("/src/a//%2F%2E", "localhost:99"), ("/a//%2F%2E", "src.localhost:99")] {
            let subject = subject(Method::GET, target, host);
            assert_eq!((subject.bucket.as_deref(), subject.key.as_deref()), (Some("src"), Some("a///.")), "{host}");
        }
    }

    #[test]
    fn operations_are_told_apart_by_verb_and_query() {
        for (method, target, operation) in [
            (Method::GET, "/", Operation::ListBuckets),
            (Method::GET, "/b?list-type=2&prefix=x", Operation::ListObjectsV2),
            (Method::GET, "/b/?prefix=uploads", Operation::ListObjects),
            (Method::GET, "/b?uploads", Operation::ListMultipartUploads),
            (Method::POST, "/b?delete", Operation::DeleteObjects),
            (Method::POST, "/b/k?uploads=", Operation::CreateMultipartUpload),
            (Method::PUT, "/b/k?partNumber=1&uploadId=x", Operation::UploadPart),
            (Method::POST, "/b/k?uploadId=x", Operation::CompleteMultipartUpload),
            (Method::DELETE, "/b/k?uploadId=x", Operation::AbortMultipartUpload),
            (Method::PUT, "/b/k", Operation::PutObject),
        ] {
            assert_eq!(subject(method.clone(), target, "localhost").operation, operation, "{method} {target}");
        }
    }
}
