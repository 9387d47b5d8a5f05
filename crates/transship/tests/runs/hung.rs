//! One destination of several that does not answer.

use std::{sync::Arc, time::Duration};

use transship::{Leg, Place, Route, store::S3Bucket, types::Outcome};
use transship_testbed::s3::{Effect, Fault, Operation as Op, S3Server};

use crate::stage::{BUCKET, Stage, failed, is_copied, place, reports, spec};

const OBJECTS: usize = 300;

/// A place whose requests are given up soon.
fn impatient(server: &S3Server) -> Place {
    let mut spec = spec(server);
    spec.read_timeout = Duration::from_millis(1500);
    Place { bucket: Arc::new(S3Bucket::open(&spec).unwrap()), prefix: String::new() }
}

/// A healthy site, and one that takes whatever it is told to write and does not answer.
async fn one_hangs() -> (Stage, S3Server, Route) {
    let mut stage = Stage::new().await;
    let hung = S3Server::builder().bucket(BUCKET).start().await.unwrap();
    (stage.options.copy.transfers, stage.options.copy.retry.attempts) = (8, 3);
    stage.options.copy.longest_lag = Duration::from_millis(150);
    stage.options.copy.longest_silence = Duration::from_secs(2);
    for n in 0..OBJECTS {
        stage.put(&format!("{n:03}"), format!("content {n}"), 0);
    }
    hung.faults().add(Fault::new(Effect::Delay(Duration::from_secs(60))).on(Op::PutObject));
    let route = stage.route(vec![Leg::new("hung", impatient(&hung)), Leg::new("site", place(&stage.site, ""))]);
    (stage, hung, route)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_destination_does_not_hold_up_another() {
    let (stage, hung, route) = one_hangs().await;
    let running = tokio::spawn(reports(stage.copy(route)));
    while stage.site.keys(BUCKET).len() < OBJECTS {
        assert!(!running.is_finished(), "the healthy one has {} objects", stage.site.keys(BUCKET).len());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!running.is_finished(), "the hung one is still waited for");
    let asked = hung.count(Op::PutObject);
    assert!(asked <= 80, "no more are tried there than have a place, aside or not: {asked}");
    let reports = running.await.unwrap();
    assert_eq!((reports.len(), hung.keys(BUCKET).len()), (OBJECTS, 0));
    for report in &reports {
        assert!(is_copied(&report.destinations[1]), "{:?}", report.destinations[1].outcome);
        let error = failed(&report.destinations[0]);
        let not_tried = error.contains("has not answered since") && report.destinations[0].attempts == 0;
        assert!(not_tried || report.destinations[0].attempts > 0, "{error}");
    }
    let untried = reports.iter().filter(|report| report.destinations[0].attempts == 0).count();
    assert!(untried > OBJECTS / 2, "{untried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_comes_back_gets_what_waited_for_it() {
    let (mut stage, hung, mut route) = one_hangs().await;
    stage.options.copy.longest_silence = Duration::from_secs(60);
    stage.options.copy.transfers = 40;
    route.legs.swap(0, 1);
    let running = tokio::spawn(reports(stage.copy(route)));
    while stage.site.keys(BUCKET).len() < OBJECTS {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(hung.keys(BUCKET).len(), 0);
    hung.faults().clear();
    let reports = running.await.unwrap();
    assert!(reports.iter().all(|report| report.destinations.iter().all(is_copied)));
    assert_eq!(hung.keys(BUCKET).len(), OBJECTS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_was_given_up_is_used_again_when_it_is_back() {
    let (stage, hung, route) = one_hangs().await;
    let mut outcomes = stage.copy(route).outcomes();
    let (mut lost, mut arrived) = (0, 0);
    // Objects come in slowly, so that there are some left when it is back.
    stage.source.faults().add(Fault::new(Effect::Delay(Duration::from_millis(80))).on(Op::GetObject));
    while let Some(report) = futures::StreamExt::next(&mut outcomes).await {
        match &report.unwrap().destinations[0].outcome {
            Outcome::Failed { error } => {
                lost += 1;
                if error.contains("has not answered since") {
                    hung.faults().clear();
                }
            }
            Outcome::Copied { .. } => arrived += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(lost > 0 && arrived > 0 && lost + arrived == OBJECTS, "{lost} {arrived}");
    assert_eq!((stage.site.keys(BUCKET).len(), hung.keys(BUCKET).len()), (OBJECTS, arrived));
}
