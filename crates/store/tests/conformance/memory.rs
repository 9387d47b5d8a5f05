use anyhow::{Result, ensure};
use transship_store::{BucketSpec, ListRequest, open};
use transship_testbed::conformance::{Deviation, Doors, Profile, run};

use crate::suite;

pub(crate) const DEVIATIONS: &[Deviation] = &[];

#[tokio::test]
async fn object_store_bucket_conforms_in_memory() -> Result<()> {
    let neighbour = Some(open(&BucketSpec::Memory("neighbour".to_owned()))?);
    let doors = Doors { neighbour, ..Doors::default() };
    let profile = Profile { deviations: DEVIATIONS, doors, ..Profile::new("memory") };
    suite::passes(open(&BucketSpec::Memory("conformance".to_owned()))?, &profile).await
}

#[tokio::test]
async fn the_suite_stays_behind_a_prefix() -> Result<()> {
    let bucket = open(&BucketSpec::Memory("shared".to_owned()))?;
    let report = run(bucket.clone(), "some/folder/", &Profile::new("memory behind a prefix")).await;
    ensure!(report.passes(), "{report}");
    let top = ListRequest { delimiter: Some("/".to_owned()), ..ListRequest::default() };
    let page = bucket.list_page(&top, None).await?;
    ensure!(page.entries.is_empty() && page.prefixes == ["some/"], "left outside: {page:?}");
    Ok(())
}
