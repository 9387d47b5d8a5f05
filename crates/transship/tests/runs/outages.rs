//! Stores that are away for some seconds in the middle of a run, as while they are restarted.

use std::time::Duration;

use transship_store::RetryOptions;

use crate::stage::{Stage, is_copied, reports};

/// Longer than five attempts take.
const OUTAGE: Duration = Duration::from_secs(6);

async fn survives(away: impl Fn(&Stage) -> &transship_testbed::s3::S3Server) {
    let mut stage = Stage::new().await;
    stage.options.copy.retry = RetryOptions::default();
    for n in 0..200 {
        stage.put(&format!("{n:03}"), n.to_string(), 0);
    }
    let run = stage.copy(stage.straight());
    let faults = away(&stage).faults();
    faults.kill_at(50);
    let outage = async {
        while !faults.is_killed() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(OUTAGE).await;
        faults.revive();
    };
    let (all, ()) = tokio::join!(reports(run), outage);
    let failed: Vec<_> = all.iter().filter(|report| !is_copied(&report.destinations[0])).collect();
    assert!(all.len() == 200 && failed.is_empty(), "{} failed: {:?}", failed.len(), failed.first());
}

#[tokio::test]
async fn a_destination_that_restarts_gets_all_objects() {
    survives(|stage| &stage.site).await;
}

#[tokio::test]
async fn a_source_that_restarts_gives_all_objects() {
    survives(|stage| &stage.source).await;
}
