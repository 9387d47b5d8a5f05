//! One trait, [`Bucket`], over S3, Ceph, OCI, Azure, GCS and local directories - with exact S3 keys.
//!
//! [`S3Bucket`] speaks S3 itself, because keys such as `a//b`, `a/../b` and `/a` must reach the server byte for
//! byte. [`ObjectStoreBucket`] wraps anything that implements [`object_store::ObjectStore`].
//! [`open`] gives either from a [`BucketSpec`]; [`Location::from_url`] makes one from a URL.
//!
//! Buckets never retry: they classify ([`Error::class`]), and [`retry`] is the one place that decides.

mod body;
mod bucket;
mod capabilities;
mod congestion;
mod error;
mod hill_climb;
mod objects;
mod open;
mod proxy;
mod reply;
mod request;
mod retry;
mod s3;
mod silence;
mod spec;
mod tls;

pub use body::{Body, ByteStream, Pace};
pub use bucket::Bucket;
pub use capabilities::{Capabilities, MultipartLimits, RequestCounts};
pub use congestion::LONG_BODY;
pub use error::{Error, ErrorKind, Result};
pub use hill_climb::HillClimb;
pub use objects::{ObjectStoreBucket, is_unfinished_file_of};
pub use open::open;
pub use proxy::ProxySpec;
pub use reply::{
    Attributes, Deleted, GetReply, ListPage, ObjectInfo, Part, PartInfo, PutReply, UnfinishedUpload, Upload,
};
pub(crate) use request::CursorKind;
pub use request::{Condition, CopySource, Cursor, Encryption, GetOptions, ListRequest, PutOptions, Tag};
pub use retry::{Failures, RetryOptions, retry};
pub use s3::S3Bucket;
#[cfg(feature = "bench")]
#[doc(hidden)]
pub use s3::bench;
pub use spec::{
    Addressing, AzureSpec, BucketSpec, GcsSpec, Links, LocalSpec, Location, PayloadSigning, S3Credentials, S3Spec,
};
