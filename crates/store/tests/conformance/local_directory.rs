use anyhow::Result;
use transship_store::{BucketSpec, LocalSpec, open};
use transship_testbed::conformance::{Deviation, Doors, Profile};

use crate::suite;

pub(crate) const DEVIATIONS: &[Deviation] = &[];

#[tokio::test]
async fn object_store_bucket_conforms_on_a_local_directory() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let spec = |name: &str, create| {
        BucketSpec::Local(LocalSpec { root: directory.path().join(name), create, ..LocalSpec::default() })
    };
    let doors = Doors {
        neighbour: Some(open(&spec("neighbour", true))?),
        missing: Some(open(&spec("missing", false))?),
        ..Doors::default()
    };
    let profile = Profile { deviations: DEVIATIONS, doors, ..Profile::new("local directory") };
    suite::passes(open(&spec("conformance", true))?, &profile).await
}
