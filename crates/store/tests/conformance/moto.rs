use anyhow::Result;
use transship_testbed::{conformance::Deviation, servers::ServerKind};

use crate::suite;

pub(crate) const DEVIATIONS: &[Deviation] = &[];

#[tokio::test]
async fn s3_bucket_conforms_on_moto() -> Result<()> {
    suite::on_server(ServerKind::Moto, DEVIATIONS).await
}
