//! A destination is made equal to its source, or left alone.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::StreamExt;
use proptest::prelude::*;
use transship::{
    Error, Place,
    diff::{Filter, Limits, Rule, Rules},
    mirror::{
        Content, Deletion, Ends, Guards, MirrorOptions, Mirrored, Reached, Refusal, Share, is_about_order, mirror,
    },
    store::{BucketSpec, open},
    types::Outcome,
};
use transship_testbed::s3::{Effect, Fault, Operation, PageFault, S3Server};

use crate::stage::{BUCKET, Stage, place, spec};

/// What a run did, in counts, and the run's own error.
#[derive(Debug, Default)]
pub(crate) struct Did {
    pub(crate) copied: u64,
    pub(crate) deleted: u64,
    pub(crate) failed: u64,
    pub(crate) same: u64,
    pub(crate) extra: u64,
    pub(crate) spared: u64,
    pub(crate) refused: Option<Refusal>,
    pub(crate) cut_off: Option<Reached>,
    pub(crate) error: Option<Error>,
}

pub(crate) fn options(stage: &Stage, deletion: Deletion) -> MirrorOptions {
    let copy = stage.options.copy.clone();
    let mut options = MirrorOptions { copy, deletion, ..MirrorOptions::default() };
    options.list.retry = options.copy.retry.clone();
    options
}

pub(crate) fn ends(stage: &Stage) -> Ends {
    Ends::new(place(&stage.source, "in/"), place(&stage.site, "out/"))
}

pub(crate) async fn run(stage: &Stage, options: MirrorOptions) -> Did {
    run_between(ends(stage), options).await
}

async fn run_between(ends: Ends, options: MirrorOptions) -> Did {
    let mut did = Did::default();
    let mut outcomes = mirror(ends, options).outcomes();
    while let Some(outcome) = outcomes.next().await {
        assert!(did.error.is_none(), "the run's error comes last");
        match outcome {
            Err(error) => did.error = Some(error),
            Ok(Mirrored::Object(object)) => match &object.destinations[0].outcome {
                Outcome::Copied { .. } => did.copied += 1,
                Outcome::Deleted => did.deleted += 1,
                Outcome::Failed { .. } => did.failed += 1,
                other => panic!("{other:?}"),
            },
            Ok(Mirrored::Same(..)) => did.same += 1,
            Ok(Mirrored::Extra(_)) => did.extra += 1,
            Ok(Mirrored::Spared(count)) => did.spared = count,
            Ok(Mirrored::Refused(refusal)) => did.refused = Some(refusal),
            Ok(Mirrored::CutOff(reached)) => did.cut_off = Some(reached),
        }
    }
    did
}

pub(crate) fn fill(
    stage: &Stage,
    source: impl IntoIterator<Item = (String, String)>,
    site: impl IntoIterator<Item = (String, String)>,
) {
    for (key, content) in source {
        stage.source.store().put_object(BUCKET, &format!("in/{key}"), content);
    }
    for (key, content) in site {
        stage.site.store().put_object(BUCKET, &format!("out/{key}"), content);
    }
}

pub(crate) fn numbered(range: std::ops::Range<u32>) -> impl Iterator<Item = (String, String)> {
    range.map(|n| (format!("{n:04}"), format!("content {n}")))
}

pub(crate) fn held(server: &transship_testbed::s3::S3Server, prefix: &str) -> BTreeMap<String, bytes::Bytes> {
    let keys = server.store().keys(BUCKET);
    let content = |key: &str| server.store().object(BUCKET, key).unwrap().bytes().unwrap();
    keys.iter().filter_map(|key| Some((key.strip_prefix(prefix)?.to_owned(), content(key)))).collect()
}

fn is_equal(stage: &Stage) {
    assert_eq!(held(&stage.source, "in/"), held(&stage.site, "out/"));
}

#[tokio::test]
async fn a_destination_is_made_equal_and_then_left_alone_without_a_head() {
    let stage = Stage::with_pages_of(50).await;
    fill(&stage, numbered(0..300), numbered(200..400).map(|(key, content)| (key, format!("{content}, old"))));
    stage.site.store().put_object(BUCKET, "outside", "stays");
    let did = run(&stage, options(&stage, Deletion::Extra)).await;
    assert_eq!((did.copied, did.deleted, did.failed), (300, 100, 0), "{did:?}");
    is_equal(&stage);
    assert!(stage.site.store().object(BUCKET, "outside").is_some());
    stage.requests();
    let did = run(&stage, options(&stage, Deletion::Extra)).await;
    assert_eq!((did.same, did.copied, did.deleted), (300, 0, 0), "{did:?}");
    assert_eq!(stage.requests(), [], "nothing but listings");
}

#[tokio::test]
async fn without_deletion_extra_objects_stay() {
    let stage = Stage::new().await;
    fill(&stage, numbered(0..3), numbered(2..5));
    let did = run(&stage, options(&stage, Deletion::Nothing)).await;
    assert_eq!((did.copied, did.same, did.extra, did.deleted), (2, 1, 2, 0), "{did:?}");
}

#[tokio::test]
async fn one_failed_copy_spares_all_deletions() {
    let stage = Stage::new().await;
    fill(&stage, numbered(0..3), numbered(3..5));
    stage.site.faults().add(Fault::answer(403, "AccessDenied").on(Operation::PutObject).key("out/0001"));
    let did = run(&stage, options(&stage, Deletion::Extra)).await;
    assert_eq!((did.copied, did.failed, did.spared, did.deleted), (2, 1, 2, 0), "{did:?}");
    assert_eq!(stage.site.count(Operation::DeleteObjects), 0);
}

#[tokio::test]
async fn a_listing_that_breaks_off_ends_the_run_and_deletes_nothing() {
    let stage = Stage::with_pages_of(10).await;
    fill(&stage, numbered(0..100), numbered(50..150));
    stage.source.faults().add(Fault::answer(403, "AccessDenied").on(Operation::ListObjectsV2).after(4));
    let did = run(&stage, options(&stage, Deletion::Extra)).await;
    assert!(matches!(did.error, Some(Error::Store(_))), "{did:?}");
    assert_eq!(stage.site.count(Operation::DeleteObjects), 0);
    assert!(held(&stage.site, "out/").len() >= 100);
}

#[tokio::test]
async fn a_page_that_is_repeated_deletes_nothing() {
    let stage = Stage::with_pages_of(10).await;
    fill(&stage, numbered(0..100), numbered(50..150));
    stage.source.faults().add(Fault::new(Effect::Page(PageFault::Repeat)).on(Operation::ListObjectsV2));
    let did = run(&stage, options(&stage, Deletion::Extra)).await;
    assert!(matches!(did.error, Some(Error::Listing(_))), "{did:?}");
    assert_eq!(stage.site.count(Operation::DeleteObjects), 0);
}

#[tokio::test]
async fn a_listing_out_of_order_ends_the_run_unless_no_order_is_taken_for_granted() {
    let stage = Stage::with_pages_of(10).await;
    fill(&stage, numbered(0..100), numbered(50..150));
    stage.site.faults().add(Fault::new(Effect::Page(PageFault::OutOfOrder)).on(Operation::ListObjectsV2));
    let did = run(&stage, options(&stage, Deletion::Extra)).await;
    assert!(did.error.as_ref().is_some_and(is_about_order) && did.deleted == 0, "{did:?}");
    let did = run(&stage, MirrorOptions { sort: true, ..options(&stage, Deletion::Extra) }).await;
    assert!(did.error.is_none() && did.deleted == 50, "{did:?}");
    is_equal(&stage);
}

#[tokio::test]
async fn an_empty_source_deletes_nothing_unless_it_is_meant() {
    let stage = Stage::new().await;
    fill(&stage, [], numbered(0..5));
    let did = run(&stage, options(&stage, Deletion::Extra)).await;
    assert_eq!(did.refused, Some(Refusal::EmptySource { deletions: 5 }));
    assert_eq!(held(&stage.site, "out/").len(), 5);
    let guards = Guards { allow_empty_source: true, ..Guards::default() };
    let did = run(&stage, MirrorOptions { guards, ..options(&stage, Deletion::Extra) }).await;
    assert_eq!(did.deleted, 5, "{did:?}");
}

fn only(pattern: &str) -> Arc<Filter> {
    let mut rules = Rules::new(false);
    rules.add(Rule::Include(pattern.to_owned())).unwrap();
    rules.add(Rule::Exclude("**".to_owned())).unwrap();
    Arc::new(Filter::new(rules, Limits::default()).unwrap())
}

#[tokio::test]
async fn a_source_of_which_a_filter_leaves_nothing_is_not_empty() {
    let stage = Stage::new().await;
    fill(&stage, numbered(0..3), [("data/x".to_owned(), String::new()), ("other".to_owned(), String::new())]);
    let did = run(&stage, MirrorOptions { filter: only("/data/**"), ..options(&stage, Deletion::Extra) }).await;
    assert_eq!((did.deleted, did.copied), (1, 0), "{did:?}");
    assert!(held(&stage.site, "out/").contains_key("other"), "what the filter excludes stays");
}

#[tokio::test]
async fn excluded_objects_are_deleted_where_that_is_asked_for() {
    let stage = Stage::new().await;
    fill(&stage, numbered(0..3), numbered(0..3));
    let did = run(&stage, MirrorOptions { filter: only("/0001"), ..options(&stage, Deletion::ExtraAndExcluded) }).await;
    assert_eq!((did.deleted, did.same), (2, 1), "{did:?}");
}

#[tokio::test]
async fn more_than_may_be_is_not_deleted_at_all() {
    let stage = Stage::new().await;
    fill(&stage, numbered(0..40), numbered(0..110));
    let did = run(&stage, options(&stage, Deletion::Extra)).await;
    assert_eq!(did.refused, Some(Refusal::TooMany { deletions: 70, of: 110, most: 55, limit: None }));
    let guards = Guards { max_delete: Some(Share::Count(69)), ..Guards::default() };
    assert!(run(&stage, MirrorOptions { guards, ..options(&stage, Deletion::Extra) }).await.refused.is_some());
    assert_eq!(stage.site.count(Operation::DeleteObjects), 0);
    let guards = Guards { max_delete: Some(Share::Count(70)), ..Guards::default() };
    assert_eq!(run(&stage, MirrorOptions { guards, ..options(&stage, Deletion::Extra) }).await.deleted, 70);
}

#[tokio::test]
async fn what_is_there_is_never_replaced_where_it_is_immutable() {
    let stage = Stage::new().await;
    fill(&stage, numbered(0..2), [("0000".to_owned(), "other".to_owned())]);
    let did = run(&stage, MirrorOptions { immutable: true, ..options(&stage, Deletion::Extra) }).await;
    assert_eq!((did.copied, did.failed), (1, 1), "{did:?}");
    assert_eq!(held(&stage.site, "out/")["0000"], "other");
}

/// What is compared and what is copied ask the same server, which lets them wait: neither may wait for the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contents_are_compared_while_copies_wait_for_their_turn() {
    let mut stage = Stage::new().await;
    stage.options.copy.transfers = 16;
    let other = |(key, content): (String, String)| (key, content.replace("content", "CONTENT"));
    fill(&stage, numbered(0..400), numbered(0..400).map(other));
    let limit = stage.source.faults().add(Fault::above_rate(100, 4).on(Operation::GetObject));
    let options = MirrorOptions { content: Content::Read, ..options(&stage, Deletion::Nothing) };
    // As programs open them.
    let opened = |server: &S3Server, prefix: &str| Place {
        bucket: open(&BucketSpec::S3(spec(server))).unwrap(),
        prefix: prefix.to_owned(),
    };
    let ends = Ends::new(opened(&stage.source, "in/"), opened(&stage.site, "out/"));
    // 800 reads.
    let did = tokio::time::timeout(Duration::from_secs(40), run_between(ends, options)).await.expect("it goes on");
    assert_eq!((did.copied, did.failed), (400, 0), "{:?}", did.error);
    assert!(limit.count() > 4, "refused {}", limit.count());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn whatever_was_there_both_ends_are_equal_afterwards(
        source in prop::collection::btree_map("[ab/é+%]{1,3}", "[xy]{0,2}", 1..30),
        site in prop::collection::btree_map("[ab/é+%]{1,3}", "[xy]{0,2}", 0..30),
        page in 1_usize..6,
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let stage = Stage::with_pages_of(page).await;
            fill(&stage, source, site);
            let did = run(&stage, options(&stage, Deletion::Extra)).await;
            assert!(did.error.is_none() && did.refused.is_none() && did.failed == 0, "{did:?}");
            is_equal(&stage);
        });
    }
}
