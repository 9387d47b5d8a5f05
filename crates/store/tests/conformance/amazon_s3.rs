//! `object_store`'s own S3 store behind [`ObjectStoreBucket`], as an embedder might bring it: the same promises, but for
//! exact keys.

use std::sync::Arc;

use anyhow::Result;
use object_store::{ClientOptions, RetryConfig, aws::AmazonS3Builder};
use transship_store::ObjectStoreBucket;
use transship_testbed::{
    conformance::{Deviation, Doors, Profile},
    s3::S3Server,
    servers::{Server, ServerKind},
};

use crate::suite;

const MISSING: &str = "A missing bucket is told as a missing object, and a delete in it counts as done.";
const SECRET: &str = "A wrong secret is told as a denied access.";
const WRITE_CONDITION: &str = "On Ceph RGW, writing over a known ETag fails as it does without `object_store`.";

pub(crate) const DEVIATIONS: &[Deviation] = &[
    Deviation::always("a missing bucket is told from a missing object", MISSING),
    Deviation::always("a missing bucket takes no object", MISSING),
    Deviation::always("deleting in a missing bucket fails", MISSING),
    Deviation::always("a wrong secret is told as wrong credentials", SECRET),
    Deviation::always("a wrong secret writes nothing", SECRET),
];

pub(crate) const DEVIATIONS_ON_CEPH: &[Deviation] =
    &[Deviation::always("writing over a known etag succeeds while it holds", WRITE_CONDITION)];

fn bucket(endpoint: &str, bucket: &str, id: &str, secret: &str) -> Result<Arc<ObjectStoreBucket>> {
    // Our reqwest brings no TLS of its own: an embedder chooses. A second call finds the first one's choice.
    let _chosen = rustls::crypto::ring::default_provider().install_default();
    // Whoever calls a bucket retries; and a time limit for a whole body is no way to notice that nothing comes.
    let client = ClientOptions::new().with_allow_http(true).with_timeout_disabled();
    let store = AmazonS3Builder::new()
        .with_endpoint(endpoint)
        .with_region("us-east-1")
        .with_bucket_name(bucket)
        .with_access_key_id(id)
        .with_secret_access_key(secret)
        .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
        .with_client_options(client)
        .build()?;
    Ok(Arc::new(ObjectStoreBucket::new(Arc::new(store), &format!("s3://{bucket} at {endpoint}"))))
}

#[tokio::test]
async fn object_store_s3_conforms_on_the_in_memory_server() -> Result<()> {
    let server = S3Server::builder().bucket("conformance").start().await?;
    let open = |name: &str, secret: &str| bucket(&server.endpoint(), name, server.access_key(), secret);
    let doors = Doors {
        missing: Some(open("no-such-bucket", server.secret_key())?),
        wrong_secret: Some(open("conformance", "not-the-secret")?),
        ..Doors::default()
    };
    let profile = Profile { deviations: DEVIATIONS, doors, ..Profile::new("object_store on in-memory S3") };
    suite::passes(open("conformance", server.secret_key())?, &profile).await
}

#[tokio::test]
async fn object_store_s3_conforms_on_ceph_rgw() -> Result<()> {
    let test = "object_store_s3_conforms_on_ceph_rgw";
    let Some(server) = Server::start_or_skip(ServerKind::Ceph, test).await? else { return Ok(()) };
    let name = suite::fresh("object-store");
    server.create_bucket(&name).await?;
    let opened = bucket(server.endpoint(), &name, server.access_key_id(), server.secret_access_key().expose())?;
    let profile = Profile { deviations: DEVIATIONS_ON_CEPH, ..Profile::new("object_store on Ceph RGW") };
    suite::passes(opened, &profile).await
}
