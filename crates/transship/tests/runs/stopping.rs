//! Runs that are told to stop.

use std::time::{Duration, Instant};

use transship::types::Outcome;
use transship_testbed::s3::{Effect, Fault, Operation as Op, StoredObject};

use crate::stage::{BUCKET, MIB, Stage, finish, is_copied};

fn stop_after(stage: &Stage, wait: Duration) {
    let cancel = stage.options.cancel.clone();
    tokio::spawn(async move {
        tokio::time::sleep(wait).await;
        cancel.cancel();
    });
}

#[tokio::test]
async fn a_stopped_run_finishes_what_is_under_way_and_a_second_one_the_rest() {
    let mut stage = Stage::new().await;
    (stage.options.copy.transfers, stage.options.skip_existing) = (4, true);
    for n in 0..40 {
        stage.put(&format!("{n:02}"), format!("content {n}"), 0);
    }
    let slow = Fault::new(Effect::Delay(Duration::from_millis(50))).on(Op::PutObject);
    stage.site.faults().add(slow);
    stop_after(&stage, Duration::from_millis(120));
    let (reports, error) = finish(stage.copy(stage.straight())).await;
    assert!(error.is_none());
    let copied = reports.iter().filter(|report| is_copied(&report.destinations[0])).count();
    assert!((4..40).contains(&copied), "{copied}");
    assert!(
        reports
            .iter()
            .all(|report| { matches!(report.destinations[0].outcome, Outcome::Copied { .. } | Outcome::Cancelled) })
    );
    assert_eq!(stage.site.keys(BUCKET).len(), copied, "what is there is reported, and the other way round");
    stage.options.cancel = Default::default();
    let (second, error) = finish(stage.copy(stage.straight())).await;
    assert!(error.is_none());
    assert_eq!(second.iter().filter(|report| is_copied(&report.destinations[0])).count(), 40 - copied);
    assert_eq!(stage.site.keys(BUCKET), stage.source.keys(BUCKET));
}

#[tokio::test]
async fn a_stopped_run_leaves_no_unfinished_uploads() {
    let mut stage = Stage::new().await;
    stage.options.copy.grace = Duration::from_millis(50);
    for key in ["a", "b"] {
        let parts: Vec<bytes::Bytes> = (0..3).map(|n| vec![n; 5 * MIB].into()).collect();
        stage.source.put(BUCKET, key, StoredObject::in_parts(parts));
    }
    stage.site.faults().add(Fault::new(Effect::Delay(Duration::from_secs(5))).on(Op::UploadPart));
    stop_after(&stage, Duration::from_millis(300));
    let started = Instant::now();
    let (reports, error) = finish(stage.copy(stage.straight())).await;
    assert!(error.is_none() && started.elapsed() < Duration::from_secs(3));
    assert!(reports.iter().all(|report| report.destinations[0].outcome == Outcome::Cancelled));
    assert_eq!(stage.site.unfinished_uploads(BUCKET), []);
    assert_eq!(stage.site.keys(BUCKET), [""; 0]);
}
