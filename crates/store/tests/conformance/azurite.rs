use anyhow::Result;
use transship_testbed::{conformance::Deviation, servers::ServerKind};

use crate::suite;

pub(crate) const DEVIATIONS: &[Deviation] = &[];

#[tokio::test]
async fn object_store_bucket_conforms_on_azurite() -> Result<()> {
    suite::on_server(ServerKind::Azurite, DEVIATIONS).await
}
