use anyhow::Result;
use transship_testbed::{conformance::Deviation, servers::ServerKind};

use crate::suite;

const ORDER: &str = "Lists keys in the order of their UTF-16 units, in which characters beyond 16 bits come too early.";
const DELETES: &str = "A delete in a container that is missing counts as done, like that of an object that is missing.";
const RANGES: &str = "A range that starts beyond the end is told as an error that may be tried again.";

pub(crate) const DEVIATIONS: &[Deviation] = &[
    Deviation::always("characters beyond 16 bits come in the order of their bytes", ORDER),
    Deviation::always("deleting in a missing bucket fails", DELETES),
    Deviation::always("a range that starts beyond the end is an error for good", RANGES),
];

#[tokio::test]
async fn object_store_bucket_conforms_on_azurite() -> Result<()> {
    suite::on_server(ServerKind::Azurite, DEVIATIONS).await
}
