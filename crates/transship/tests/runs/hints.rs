//! Lists that tell little, or what was true once.

use futures::stream;
use time::OffsetDateTime;
use transship::{
    Leg, Route, Run,
    types::{ETag, Entry, Key},
};
use transship_testbed::s3::Operation as Op;

use crate::stage::{
    BUCKET, MONDAY, Stage, directory, failed, finish, gzip, is_copied, place, renaming, reports, skipped, unpacking,
};

/// A line of a list that names a key and no more.
fn bare(key: &str) -> Entry {
    let (key, last_modified) = (Key::from(key), OffsetDateTime::UNIX_EPOCH);
    Entry { key, size: 0, last_modified, etag: None, storage_class: None }
}

fn listed(stage: &Stage, route: Route, entries: Vec<Entry>) -> Run {
    let mut options = stage.options.clone();
    options.hints = true;
    transship::copy_entries(route, stream::iter(entries.into_iter().map(Ok)), options)
}

fn latest(stage: &Stage) -> Route {
    stage.renamed("{date}/{name}.{ext}", "{name}/latest", false)
}

#[tokio::test]
async fn the_newest_wins_though_the_list_tells_no_times() {
    let stage = Stage::new().await;
    stage.put("2024-01-01/orders.csv", "older", 1);
    reports(stage.copy(latest(&stage))).await;
    stage.put("2024-01-02/orders.csv", "newest", 3);
    stage.put("2024-01-03/orders.csv", "newer", 2);
    stage.requests();
    let entries = ["2024-01-01/orders.csv", "2024-01-02/orders.csv", "2024-01-03/orders.csv"].map(bare).to_vec();
    let all = reports(listed(&stage, latest(&stage), entries)).await;
    let copied: Vec<_> = all.iter().map(|report| is_copied(&report.destinations[0])).collect();
    assert_eq!((copied, stage.arrived("orders/latest")), (vec![false, true, false], "newest".into()));
    assert_eq!(all[1].last_modified, Some(MONDAY + time::Duration::days(3)));
    let looks = (stage.source.count(Op::HeadObject), stage.source.count(Op::GetObject));
    assert_eq!(looks, (3, 1), "each is looked at, and one is read");
}

#[tokio::test]
async fn times_of_an_old_list_do_not_decide_who_is_newest() {
    let stage = Stage::new().await;
    stage.put("a/orders.csv", "once the newest", 1);
    stage.put("b/orders.csv", "written again since", 9);
    let at = |key: &str, days: i64| Entry { last_modified: MONDAY + time::Duration::days(days), ..bare(key) };
    let stale = vec![at("a/orders.csv", 5), at("b/orders.csv", 0)];
    let all = reports(listed(&stage, latest(&stage), stale)).await;
    assert_eq!(stage.arrived("orders/latest"), "written again since");
    assert!(all[1].changed_since_listing && is_copied(&all[1].destinations[0]), "{:?}", all[1]);
}

#[tokio::test]
async fn what_is_no_longer_there_fails_by_itself_and_wins_nothing() {
    let stage = Stage::new().await;
    stage.put("a/orders.csv", "here", 1);
    let gone = Entry { last_modified: MONDAY + time::Duration::days(9), ..bare("b/orders.csv") };
    let (all, error) = finish(listed(&stage, latest(&stage), vec![bare("a/orders.csv"), gone])).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(stage.arrived("orders/latest"), "here");
    let missing = &all[1].destinations[0];
    assert!(failed(missing).contains("b/orders.csv") && failed(missing).contains("404"), "{}", failed(missing));
    assert_eq!(missing.key.as_ref().unwrap().as_str(), "orders/latest");
    assert_eq!(stage.source.count(Op::HeadObject), 2, "what is missing is asked for once");
}

#[tokio::test]
async fn where_no_time_decides_nothing_is_looked_at() {
    let mut stage = Stage::new().await;
    for key in ["a", "b"] {
        stage.put(key, format!("content of {key}"), 1);
    }
    reports(listed(&stage, stage.straight(), vec![bare("a"), bare("b")])).await;
    assert_eq!(stage.requests(), [(Op::GetObject, 2), (Op::PutObject, 2)]);
    let renamed = stage.renamed("{name}", "x-{name}", false);
    reports(listed(&stage, renamed, vec![bare("a"), bare("b")])).await;
    assert_eq!(stage.requests(), [(Op::GetObject, 2), (Op::PutObject, 2)]);
    // Sizes and ETags tell enough.
    stage.options.skip_existing = true;
    let etag = stage.source.object(BUCKET, "a").unwrap().etag().to_owned();
    let told = Entry { size: 12, etag: Some(ETag::new(&etag)), ..bare("a") };
    let all = reports(listed(&stage, stage.straight(), vec![told])).await;
    assert_eq!((skipped(&all[0].destinations[0]), stage.requests()), ("already there", vec![]));
}

#[tokio::test]
async fn where_ages_are_compared_the_source_is_asked_for_its_own() {
    let mut stage = Stage::new().await;
    stage.options.skip_existing = true;
    let root = tempfile::tempdir().unwrap();
    let files = || Leg::new("files", directory(&root));
    let unpacked = || Leg { keys: unpacking(), ..Leg::new("unpacked", place(&stage.site, "u/")) };
    stage.put("a.gz", gzip(b"before"), 0);
    reports(stage.copy(stage.route(vec![files(), unpacked()]))).await;
    stage.requests();
    // Of the same size, and written after the copies were.
    stage.put("a.gz", gzip(b"behind"), 20_000);
    let size = gzip(b"behind").len() as u64;
    let stale = Entry { size, last_modified: MONDAY, ..bare("a.gz") };
    for leg in [files(), unpacked()] {
        let all = reports(listed(&stage, stage.route(vec![leg]), vec![stale.clone()])).await;
        assert!(is_copied(&all[0].destinations[0]), "{:?}", all[0]);
    }
    assert_eq!(stage.source.count(Op::HeadObject), 2);
    assert_eq!(stage.arrived("u/a"), "behind");
}

#[tokio::test]
async fn each_destination_has_its_own_rule_and_the_source_is_asked_once() {
    let stage = Stage::new().await;
    stage.put("1/orders.csv", "orders", 1);
    let latest = renaming("{date}/{name}.{ext}", "{name}/latest", false);
    let legs = vec![
        Leg::new("straight", place(&stage.site, "straight/")),
        Leg { keys: latest.clone(), ..Leg::new("latest", place(&stage.site, "")) },
        Leg { keys: latest, ..Leg::new("again", place(&stage.site, "again/")) },
    ];
    let all = reports(listed(&stage, stage.route(legs), vec![bare("1/orders.csv")])).await;
    assert!(all[0].destinations.iter().all(is_copied));
    assert_eq!((stage.source.count(Op::HeadObject), stage.source.count(Op::GetObject)), (1, 1));
}
