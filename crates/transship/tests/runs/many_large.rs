//! More large objects than may move, and small ones behind them.

use std::time::Duration;

use futures::StreamExt;
use transship::mirror::{Backup, CutOff, Deletion, MirrorOptions, Mirrored, Reached, mirror};
use transship_testbed::s3::{Effect, Fault, Operation};

use crate::{
    mirroring::{ends, fill, held, numbered, options, run},
    stage::{Stage, place},
};

const LARGE: usize = 40;
const TRANSFERS: usize = 32;

/// Large objects, listed before all others, each of which takes so long at the destination.
async fn crowded(transfers: usize, each: Duration) -> Stage {
    let mut stage = Stage::new().await;
    stage.options.copy.transfers = transfers;
    for n in 0..LARGE {
        let key = format!("!large {n:02}");
        fill(&stage, [(key.clone(), "x".repeat(2 << 20))], []);
        let slow = Fault::new(Effect::Delay(each)).on(Operation::PutObject);
        stage.site.faults().add(slow.key(format!("out/{key}")));
    }
    stage
}

#[tokio::test]
async fn small_objects_do_not_wait_for_more_large_ones_than_may_move() {
    let stage = crowded(TRANSFERS, Duration::from_secs(6)).await;
    fill(&stage, numbered(0..30), []);
    let mut outcomes = mirror(ends(&stage), options(&stage, Deletion::Nothing)).outcomes();
    let mut order = Vec::new();
    while let Some(outcome) = outcomes.next().await {
        if let Mirrored::Object(object) = outcome.unwrap() {
            order.push(object.key.as_str().to_owned());
            if order.len() == 30 {
                stage.site.faults().clear();
            }
        }
    }
    assert_eq!(order.len(), 30 + LARGE);
    assert!(order[..30].iter().all(|key| !key.starts_with('!')), "{order:?}");
}

#[tokio::test]
async fn large_objects_that_did_not_get_their_turn_in_time_are_left() {
    let stage = crowded(TRANSFERS, Duration::from_secs(6)).await;
    let mut options = options(&stage, Deletion::Extra);
    let at = tokio::time::Instant::now() + Duration::from_secs(3);
    options.cut_off = CutOff { at: Some(at), ..CutOff::default() };
    let did = run(&stage, options).await;
    assert_eq!((did.failed, did.cut_off), (0, Some(Reached::Time)), "{did:?}");
    // Those that had a place when the time was over.
    assert!((1..TRANSFERS as u64).contains(&did.copied), "{did:?}");
}

#[tokio::test]
async fn what_was_kept_aside_is_replaced_whatever_the_time() {
    let stage = crowded(12, Duration::from_secs(2)).await;
    fill(&stage, [], held(&stage.source, "in/").into_keys().map(|key| (key, "old".to_owned())));
    let backup = Some(Backup::new(place(&stage.site, "kept/")));
    let mut options = options(&stage, Deletion::Extra);
    let at = tokio::time::Instant::now() + Duration::from_secs(1);
    options.cut_off = CutOff { at: Some(at), ..CutOff::default() };
    let did = run(&stage, MirrorOptions { backup, ..options }).await;
    assert_eq!((did.failed, did.cut_off), (0, Some(Reached::Time)), "{did:?}");
    let replaced = held(&stage.site, "out/").into_iter().filter(|(_, content)| *content != "old");
    let kept = held(&stage.site, "kept/");
    assert_eq!(replaced.map(|(key, _)| key).collect::<Vec<_>>(), kept.into_keys().collect::<Vec<_>>());
    // More than had a place when the time was over, and no more than have a slot.
    assert!((5..=12).contains(&did.copied), "{did:?}");
}
