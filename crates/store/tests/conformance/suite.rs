use std::sync::Arc;

use anyhow::{Result, ensure};
use transship_store::{Bucket, BucketSpec, S3Credentials, open};
use transship_testbed::{
    conformance::{Deviation, Doors, Profile, run, store_verdict},
    servers::{Server, ServerKind},
};
use transship_types::Secret;

/// Starts the server and runs the suite on a fresh bucket of it.
pub(crate) async fn on_server(kind: ServerKind, deviations: &'static [Deviation]) -> Result<()> {
    let test = format!("conformance on {}", kind.name());
    let Some(server) = Server::start_or_skip(kind, &test).await? else { return Ok(()) };
    let (bucket, neighbour, missing) = (fresh("conformance"), fresh("neighbour"), fresh("missing"));
    server.create_bucket(&bucket).await?;
    server.create_bucket(&neighbour).await?;
    let spec = |bucket: &str| server.bucket_spec(bucket);
    let offers_all = kind != ServerKind::Azurite;
    let doors = doors(&spec(&bucket), &spec(&neighbour), &spec(&missing))?;
    let profile = Profile { deviations, offers_all, doors, ..Profile::new(kind.name()) };
    passes(open(&spec(&bucket))?, &profile).await
}

/// A bucket's name that is new: a server from the environment may hold the buckets of earlier runs.
pub(crate) fn fresh(name: &str) -> String {
    format!("{name}-{}", time::OffsetDateTime::now_utc().unix_timestamp_nanos())
}

/// Runs the suite, keeps the verdict, and fails with every failed case by name.
#[allow(clippy::print_stdout)] // shown where the test fails, and on demand
pub(crate) async fn passes(bucket: Arc<dyn Bucket>, profile: &Profile) -> Result<()> {
    let report = run(bucket, "", profile).await;
    store_verdict(&report)?;
    println!("{report}");
    ensure!(report.passes(), "{} failed cases", report.failed.len());
    Ok(())
}

/// The doors around `bucket`: its neighbour, one that is missing, a wrong secret, a port that nothing listens on.
pub(crate) fn doors(bucket: &BucketSpec, neighbour: &BucketSpec, missing: &BucketSpec) -> Result<Doors> {
    let (mut stranger, mut unreachable) = (bucket.clone(), bucket.clone());
    let nowhere = "http://127.0.0.1:9"; // the discard service, which nobody runs
    match (&mut stranger, &mut unreachable) {
        (BucketSpec::S3(stranger), BucketSpec::S3(unreachable)) => {
            if let S3Credentials::Static { secret_access_key, .. } = &mut stranger.credentials {
                *secret_access_key = Secret::new("not-the-secret");
            }
            unreachable.endpoint = Some(nowhere.to_owned());
        }
        (BucketSpec::Azure(stranger), BucketSpec::Azure(unreachable)) => {
            stranger.key = Some(Secret::new("bm90IHRoZSBzZWNyZXQ="));
            unreachable.endpoint = Some(format!("{nowhere}/{}", unreachable.account));
        }
        _ => {}
    }
    Ok(Doors {
        neighbour: Some(open(neighbour)?),
        missing: Some(open(missing)?),
        wrong_secret: Some(open(&stranger)?),
        unreachable: Some(open(&unreachable)?),
    })
}
