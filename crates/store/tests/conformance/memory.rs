use anyhow::Result;
use transship_store::{BucketSpec, open};
use transship_testbed::conformance::{Deviation, Doors, Profile};

use crate::suite;

pub(crate) const DEVIATIONS: &[Deviation] = &[];

#[tokio::test]
async fn object_store_bucket_conforms_in_memory() -> Result<()> {
    let neighbour = Some(open(&BucketSpec::Memory("neighbour".to_owned()))?);
    let doors = Doors { neighbour, ..Doors::default() };
    let profile = Profile { deviations: DEVIATIONS, doors, ..Profile::new("memory") };
    suite::passes(open(&BucketSpec::Memory("conformance".to_owned()))?, &profile).await
}
