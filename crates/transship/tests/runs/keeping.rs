//! What is replaced or deleted is kept, and runs that end before all is copied.

use std::time::Duration;

use transship::{
    diff::{Criterion, Policy},
    mirror::{Backup, CutOff, Deletion, MirrorOptions, Reached},
};
use transship_testbed::s3::{Effect, Fault, Operation};

use crate::{
    mirroring::{fill, held, numbered, options, run},
    stage::{Stage, place},
};

type Objects = Vec<(String, String)>;

/// Objects 0 and 1 are replaced, 2 stays, 3 is new, and 8 and 9 are deleted.
fn changed() -> (Objects, Objects) {
    let old = |(key, content)| (key, format!("{content}, old"));
    let site = numbered(0..2).map(old).chain(numbered(2..3)).chain(numbered(8..10));
    (numbered(0..4).collect(), site.collect())
}

fn keeping(stage: &Stage, backup: Backup) -> MirrorOptions {
    MirrorOptions { backup: Some(backup), ..options(stage, Deletion::Extra) }
}

fn keys(stage: &Stage, prefix: &str) -> Vec<String> {
    held(&stage.site, prefix).into_keys().collect()
}

#[tokio::test]
async fn what_is_replaced_or_deleted_is_kept_elsewhere() {
    let stage = Stage::new().await;
    let (source, site) = changed();
    fill(&stage, source, site);
    let backup = Backup { suffix: ".bak".to_owned(), ..Backup::new(place(&stage.site, "kept/")) };
    let did = run(&stage, keeping(&stage, backup)).await;
    assert_eq!((did.copied, did.deleted, did.same, did.failed), (3, 2, 1, 0), "{did:?}");
    assert_eq!(held(&stage.source, "in/"), held(&stage.site, "out/"));
    let kept = held(&stage.site, "kept/");
    let content: Vec<_> = kept.iter().map(|(key, bytes)| (&**key, str::from_utf8(bytes).unwrap())).collect();
    let expected = [
        ("0000.bak", "content 0, old"),
        ("0001.bak", "content 1, old"),
        ("0008.bak", "content 8"),
        ("0009.bak", "content 9"),
    ];
    assert_eq!(content, expected);
    assert_eq!(stage.site.count(Operation::GetObject), 0, "the server copied them");
}

#[tokio::test]
async fn what_is_kept_beside_the_others_is_not_deleted_in_the_same_run() {
    let stage = Stage::with_pages_of(1).await;
    let (source, site) = changed();
    fill(&stage, source, site);
    let backup = Backup { suffix: "-old".to_owned(), ..Backup::new(place(&stage.site, "out/")) };
    // The copies are behind the cursor of a listing that takes its time: it comes upon them.
    stage.site.faults().add(Fault::new(Effect::Delay(Duration::from_millis(30))).on(Operation::ListObjectsV2));
    let did = run(&stage, keeping(&stage, backup)).await;
    assert_eq!((did.copied, did.deleted, did.failed), (3, 2, 0), "{did:?}");
    let expected = ["0000", "0000-old", "0001", "0001-old", "0002", "0003", "0008-old", "0009-old"];
    assert_eq!(keys(&stage, "out/"), expected);
}

/// What an earlier run kept has the name under which something is kept now: that must not go in the same breath.
#[tokio::test]
async fn what_takes_the_name_of_something_that_is_deleted_stays() {
    let stage = Stage::new().await;
    let named = |name: &str| (name.to_owned(), format!("content of {name}"));
    fill(&stage, [named("other")], ["x-old.txt", "x.txt", "y.txt"].map(named));
    let suffix = "-old".to_owned();
    let backup = Backup { suffix, keep_extension: true, ..Backup::new(place(&stage.site, "out/")) };
    let did = run(&stage, keeping(&stage, backup)).await;
    assert_eq!((did.copied, did.failed, did.error.is_none()), (1, 0, true), "{did:?}");
    let kept = held(&stage.site, "out/");
    assert_eq!(kept["x-old.txt"], "content of x.txt");
    assert_eq!(kept["y-old.txt"], "content of y.txt");
    assert!(!kept.contains_key("x.txt") && !kept.contains_key("y.txt"));
}

#[tokio::test]
async fn what_cannot_be_kept_is_neither_replaced_nor_deleted() {
    let stage = Stage::new().await;
    let (source, site) = changed();
    fill(&stage, source, site);
    for key in ["kept/0000", "kept/0008"] {
        stage.site.faults().add(Fault::answer(403, "AccessDenied").on(Operation::CopyObject).key(key));
        stage.site.faults().add(Fault::answer(403, "AccessDenied").on(Operation::PutObject).key(key));
    }
    let did = run(&stage, keeping(&stage, Backup::new(place(&stage.site, "kept/")))).await;
    assert_eq!((did.copied, did.deleted, did.failed, did.spared), (2, 0, 1, 2), "{did:?}");
    assert_eq!(held(&stage.site, "out/")["0000"], "content 0, old");
    stage.source.store().put_object(crate::stage::BUCKET, "in/0000", "content 0, old");
    let did = run(&stage, keeping(&stage, Backup::new(place(&stage.site, "kept/")))).await;
    assert_eq!((did.copied, did.deleted, did.failed), (0, 1, 1), "{did:?}");
    assert_eq!(keys(&stage, "out/"), ["0000", "0001", "0002", "0003", "0008"]);
    assert_eq!(keys(&stage, "kept/"), ["0001", "0009"]);
}

#[tokio::test]
async fn nothing_is_begun_that_would_go_beyond_the_limit_and_nothing_is_deleted_then() {
    for (cautious, copied) in [(true, 3), (false, 4)] {
        let stage = Stage::new().await;
        fill(&stage, (0..8).map(|n| (n.to_string(), "x".repeat(10))), numbered(9..10));
        let mut options = options(&stage, Deletion::Extra);
        options.list.listers = 1;
        options.cut_off = CutOff { bytes: Some(35), cautious, at: None };
        let did = run(&stage, options).await;
        assert_eq!((did.copied, did.cut_off, did.spared), (copied, Some(Reached::Bytes(35)), did.spared), "{did:?}");
        assert_eq!(stage.site.count(Operation::DeleteObjects), 0);
    }
}

#[tokio::test]
async fn when_the_time_is_over_what_is_under_way_is_finished() {
    let stage = Stage::new().await;
    fill(&stage, numbered(0..20), numbered(30..31));
    stage.site.faults().add(Fault::new(Effect::Delay(Duration::from_millis(300))).on(Operation::PutObject));
    let mut options = options(&stage, Deletion::Extra);
    options.copy.transfers = 4;
    let at = tokio::time::Instant::now() + Duration::from_millis(150);
    options.cut_off = CutOff { at: Some(at), ..CutOff::default() };
    let did = run(&stage, options).await;
    assert_eq!((did.failed, did.deleted, did.cut_off), (0, 0, Some(Reached::Time)), "{did:?}");
    assert_eq!(did.copied, 4, "those under way: {did:?}");
}

#[tokio::test]
async fn what_is_the_same_whatever_its_age_is_not_kept() {
    let stage = Stage::new().await;
    fill(&stage, numbered(0..3), numbered(0..3));
    let mut options = keeping(&stage, Backup::new(place(&stage.site, "kept/")));
    options.policy = Policy(vec![Criterion::Size, Criterion::ETag]);
    let did = run(&stage, options).await;
    assert_eq!((did.same, did.copied), (3, 0), "{did:?}");
    assert!(keys(&stage, "kept/").is_empty());
}
