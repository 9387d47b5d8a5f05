use anyhow::Result;
use transship_store::{BucketSpec, S3Credentials, S3Spec, open};
use transship_testbed::{
    conformance::{Deviation, Profile},
    s3::S3Server,
};
use transship_types::Secret;

use crate::suite;

pub(crate) const DEVIATIONS: &[Deviation] = &[];

/// Our own server: what it says counts where Ceph RGW and SeaweedFS say the same, which `cargo xtask test` looks at.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s3_bucket_conforms_on_the_in_memory_server() -> Result<()> {
    let server = S3Server::builder().bucket("conformance").bucket("neighbour").start().await?;
    let spec = |bucket: &str| {
        let credentials = S3Credentials::Static {
            access_key_id: server.access_key().to_owned(),
            secret_access_key: Secret::new(server.secret_key()),
            session_token: None,
        };
        let mut spec = S3Spec::new(bucket, credentials);
        (spec.endpoint, spec.region) = (Some(server.endpoint()), Some(server.region().to_owned()));
        BucketSpec::S3(spec)
    };
    let bucket = spec("conformance");
    let doors = suite::doors(&bucket, &spec("neighbour"), &spec("no-such-bucket"))?;
    let profile = Profile { deviations: DEVIATIONS, offers_all: true, doors, ..Profile::new("in-memory S3") };
    suite::passes(open(&bucket)?, &profile).await
}
