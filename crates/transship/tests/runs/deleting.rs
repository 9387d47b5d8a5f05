//! Deletions: what the source has though it did not list it stays, a stop ends them, and a server may ask for patience.

use futures::StreamExt;
use std::time::Duration;
use transship::{
    mirror::{Deletion, Ends, Mirrored, Refusal, mirror},
    types::Outcome,
};
use transship_testbed::s3::{Effect, Fault, Operation, PageFault};

use crate::{
    mirroring::{fill, held, numbered, options, run},
    stage::{Stage, place},
};

/// A page that a server leaves out cannot be told from a listing: the source is asked before anything goes.
#[tokio::test]
async fn what_the_source_did_not_list_though_it_has_it_stays() {
    let stage = Stage::with_pages_of(10).await;
    fill(&stage, numbered(0..100), numbered(0..110));
    let skip = Fault::new(Effect::Page(PageFault::Skip)).on(Operation::ListObjectsV2).after(2).times(1);
    let skipped = stage.source.faults().add(skip);
    let mut options = options(&stage, Deletion::Extra);
    options.list.listers = 1;
    let did = run(&stage, options).await;
    assert_eq!(skipped.count(), 1);
    assert!(matches!(did.refused, Some(Refusal::Unlisted { .. })), "{did:?}");
    assert_eq!((did.deleted, held(&stage.site, "out/").len()), (0, 110));
}

/// One batch is being deleted when another one turns out to hold what the source has: both are told of.
#[tokio::test]
async fn what_was_being_deleted_when_nothing_more_may_be_is_told() {
    let stage = Stage::with_pages_of(10).await;
    fill(&stage, numbered(0..10).chain(numbered(1050..1060)).chain(numbered(1090..1100)), numbered(0..1100));
    let skip = Fault::new(Effect::Page(PageFault::Skip)).on(Operation::ListObjectsV2).times(1);
    stage.source.faults().add(skip);
    let late = |ms, operation| Fault::new(Effect::Delay(Duration::from_millis(ms))).on(operation);
    stage.source.faults().add(late(2000, Operation::HeadObject).key("in/1050"));
    stage.site.faults().add(late(2500, Operation::DeleteObjects));
    let mut options = options(&stage, Deletion::Extra);
    options.guards.max_delete = Some(transship::mirror::Share::Percent(100));
    options.list.listers = 1;
    let did = run(&stage, options).await;
    assert!(matches!(did.refused, Some(Refusal::Unlisted { .. })), "{did:?}");
    let gone = 1100 - held(&stage.site, "out/").len();
    assert!([0, 1000].contains(&gone), "a batch, or none on a machine that is too slow: {gone}");
    assert_eq!(did.deleted, u64::try_from(gone).unwrap());
}

#[tokio::test]
async fn whether_the_source_has_it_must_be_told() {
    let stage = Stage::new().await;
    fill(&stage, numbered(0..3), numbered(2..6));
    stage.source.faults().add(Fault::answer(403, "AccessDenied").on(Operation::HeadObject).key("in/0004"));
    let did = run(&stage, options(&stage, Deletion::Extra)).await;
    assert_eq!((did.deleted, did.failed), (2, 1), "{did:?}");
    assert!(held(&stage.site, "out/").contains_key("0004"));
}

#[tokio::test]
async fn the_same_place_under_two_names_is_found_out_before_anything_is_deleted() {
    let stage = Stage::new().await;
    for key in ["in/a", "in/b", "c"] {
        stage.source.store().put_object(crate::stage::BUCKET, key, key.to_owned());
    }
    let ends = Ends::new(place(&stage.source, "in/"), place(&stage.source, ""));
    let mut refused = None;
    let mut outcomes = mirror(ends, options(&stage, Deletion::Extra)).outcomes();
    while let Some(outcome) = outcomes.next().await {
        if let Mirrored::Refused(why) = outcome.unwrap() {
            refused = Some(why);
        }
    }
    assert!(matches!(refused, Some(Refusal::SamePlace { .. })), "{refused:?}");
    assert_eq!(stage.source.count(Operation::DeleteObjects), 0);
}

#[tokio::test]
async fn a_stop_ends_deletions_too() {
    let stage = Stage::new().await;
    fill(&stage, numbered(0..1), numbered(0..9000));
    stage.site.faults().add(Fault::new(Effect::Delay(Duration::from_millis(200))).on(Operation::DeleteObjects));
    let mut options = options(&stage, Deletion::Extra);
    options.guards.max_delete = Some(transship::mirror::Share::Percent(100));
    let cancel = options.cancel.clone();
    let ends = Ends::new(place(&stage.source, "in/"), place(&stage.site, "out/"));
    let mut outcomes = mirror(ends, options).outcomes();
    let (mut deleted, mut spared) = (0, 0);
    while let Some(outcome) = outcomes.next().await {
        match outcome.unwrap() {
            Mirrored::Object(object) if object.destinations[0].outcome == Outcome::Deleted => {
                deleted += 1;
                cancel.cancel();
            }
            Mirrored::Spared(count) => spared = count,
            _ => {}
        }
    }
    assert_eq!(deleted + spared, 8999);
    assert!(deleted >= 1000 && spared >= 1000, "{deleted} deleted, {spared} spared");
    assert_eq!(held(&stage.site, "out/").len(), usize::try_from(spared).unwrap() + 1);
}

#[tokio::test]
async fn only_what_takes_part_counts_for_the_guards() {
    let stage = Stage::with_pages_of(1000).await;
    let b = (0..1500).map(|n| (format!("b/{n:04}"), String::new()));
    let c = (0..110).map(|n| (format!("c/{n:04}"), String::new()));
    fill(&stage, [("d".to_owned(), String::new())], b.chain(c));
    for rule in [transship::diff::Rule::Exclude("/b/**".to_owned()), transship::diff::Rule::Exclude("/b/*".to_owned())]
    {
        let mut rules = transship::diff::Rules::new(false);
        rules.add(rule).unwrap();
        let mut options = options(&stage, Deletion::Extra);
        options.filter = std::sync::Arc::new(transship::diff::Filter::new(rules, Default::default()).unwrap());
        let did = run(&stage, options).await;
        assert!(matches!(did.refused, Some(Refusal::TooMany { deletions: 110, .. })), "{did:?}");
    }
}
