//! Virtual-hosted addressing, by a base domain and on any port.

use super::operation::hosted_bucket;
use s3s::S3Result;
use s3s::host::{S3Host, VirtualHost};
use s3s::validation::NameValidation;

/// `bucket.<base domain>` names a bucket, every other host is path-style.
pub(crate) struct BaseDomain(pub(crate) String);

impl S3Host for BaseDomain {
    fn parse_host_header<'a>(&'a self, host: &'a str) -> S3Result<VirtualHost<'a>> {
        Ok(match hosted_bucket(host, &self.0) {
            Some(bucket) => VirtualHost::new(self.0.as_str()).with_bucket(bucket),
            None => VirtualHost::new(host),
        })
    }
}

/// AWS's rules for bucket names, of 1 to 63 characters: tests like short ones.
pub(crate) struct ShortNames;

impl NameValidation for ShortNames {
    fn validate_bucket_name(&self, name: &str) -> bool {
        s3s::path::check_bucket_name(&format!("{name:0>3}"))
    }
}
