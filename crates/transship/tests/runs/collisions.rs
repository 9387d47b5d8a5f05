//! Two objects, one key.

use transship::Error;

use crate::stage::{BUCKET, Stage, finish, gzip, is_copied, place, reports, skipped, unpacking};

async fn collides(stage: &Stage, route: transship::Route, named: [&str; 3]) {
    let (reports, error) = finish(stage.copy(route)).await;
    let Some(Error::Collision { key, first, second, .. }) = error else { panic!("no collision: {error:?}") };
    assert_eq!([key.as_str(), first.as_str(), second.as_str()], named);
    assert_eq!(reports, [], "found out before the first copy");
    assert_eq!((stage.requests(), stage.site.keys(BUCKET)), (vec![], vec![]));
}

#[tokio::test]
async fn names_that_formatters_make_equal_are_found_before_the_first_copy() {
    let stage = Stage::new().await;
    for key in ["a/b-c", "a-b/c", "x/y"] {
        stage.put(key, key.to_owned(), 0);
    }
    let route = stage.renamed("{one}/{two}", "{one}-{two}", false);
    collides(&stage, route, ["a-b-c", "a-b/c", "a/b-c"]).await;
}

#[tokio::test]
async fn an_archive_and_its_content_collide_where_archives_are_unpacked() {
    let stage = Stage::new().await;
    stage.put("a", "content", 0);
    stage.put("a.gz", gzip(b"content"), 0);
    let leg = transship::Leg { keys: unpacking(), ..transship::Leg::new("site", place(&stage.site, "below/")) };
    let straight = transship::Leg::new("straight", place(&stage.site, "beside/"));
    let route = stage.route(vec![straight.clone(), leg.clone()]);
    collides(&stage, route, ["a", "a", "a.gz"]).await;

    let reports = reports(stage.copy(stage.route(vec![straight]))).await;
    assert!(reports.iter().all(|report| is_copied(&report.destinations[0])), "both have a place of their own there");
    stage.source.remove_object(BUCKET, "a");
    assert!(is_copied(&crate::stage::reports(stage.copy(stage.route(vec![leg]))).await[0].destinations[0]));
    assert_eq!(stage.arrived("below/a"), "content");
}

#[tokio::test]
async fn a_shared_key_gets_the_newest_object_and_the_others_say_so() {
    let stage = Stage::new().await;
    for (key, day) in [("2024-01-01/orders.csv", 0), ("2024-01-02/orders.csv", 2), ("2024-01-03/orders.csv", 1)] {
        stage.put(key, key.to_owned(), day);
    }
    stage.put("2024-01-01/users.csv", "users", 0);
    let route = stage.renamed("{date}/{collection}.{ext}", "{collection}/latest.{ext}", false);
    let reports = reports(stage.copy(route)).await;
    let copied: Vec<_> = reports.iter().map(|report| is_copied(&report.destinations[0])).collect();
    assert_eq!(copied, [false, true, true, false]);
    assert!(skipped(&reports[0].destinations[0]).contains("newer"));
    assert_eq!(reports[0].destinations[0].key.as_ref().unwrap().as_str(), "orders/latest.csv");
    assert_eq!(stage.site.keys(BUCKET), ["orders/latest.csv", "users/latest.csv"]);
    assert_eq!(stage.arrived("orders/latest.csv"), "2024-01-02/orders.csv");
}

#[tokio::test]
async fn of_equally_new_objects_the_greatest_key_wins() {
    let stage = Stage::new().await;
    for key in ["1/orders.csv", "3/orders.csv", "2/orders.csv"] {
        stage.put(key, key.to_owned(), 0);
    }
    let route = stage.renamed("{date}/{collection}.{ext}", "{collection}/latest.{ext}", false);
    for _ in 0..2 {
        reports(stage.copy(route.clone())).await;
        assert_eq!(stage.arrived("orders/latest.csv"), "3/orders.csv");
    }
}

#[tokio::test]
async fn a_run_over_older_objects_alone_never_puts_them_back() {
    let stage = Stage::new().await;
    stage.put("2/orders.csv.gz", gzip(b"newer"), 2);
    let route = stage.renamed("{date}/{collection}.{ext}", "{collection}/latest.{ext}", true);
    reports(stage.copy(route.clone())).await;
    assert_eq!(stage.arrived("orders/latest.csv"), "newer");
    stage.source.remove_object(BUCKET, "2/orders.csv.gz");
    stage.put("1/orders.csv.gz", gzip(b"older"), 1);
    let backfill = reports(stage.copy(route)).await;
    assert_eq!(skipped(&backfill[0].destinations[0]), "newer at the destination");
    assert_eq!(stage.arrived("orders/latest.csv"), "newer");
}

#[tokio::test]
async fn a_key_that_does_not_match_fails_alone_and_is_not_tried() {
    let stage = Stage::new().await;
    stage.put("2024/orders.csv", "orders", 0);
    stage.put("README", "no date, no extension", 0);
    let route = stage.renamed("{date}/{collection}.{ext}", "{collection}/{date}.{ext}", false);
    let reports = reports(stage.copy(route)).await;
    assert!(is_copied(&reports[0].destinations[0]));
    let unmatched = &reports[1].destinations[0];
    assert!(crate::stage::failed(unmatched).contains("README") && unmatched.attempts == 0);
    assert_eq!(stage.site.keys(BUCKET), ["orders/2024.csv"]);
}

/// Two destinations at one server, as it is and under names of the other's.
fn in_one_place(stage: &Stage, raw: &str, unpacked: &str) -> transship::Route {
    let keys = crate::stage::renaming("{name}.csv.gz", "{name}.csv", true);
    let unpacked = transship::Leg { keys, ..transship::Leg::new("unpacked", place(&stage.site, unpacked)) };
    stage.route(vec![transship::Leg::new("raw", place(&stage.site, raw)), unpacked])
}

#[tokio::test]
async fn two_destinations_in_one_place_must_not_give_one_key_to_two_objects() {
    for (raw, unpacked, key) in [("out/", "out/", "out/x.csv"), ("", "out/", "out/x.csv"), ("out/", "", "out/x.csv")] {
        let stage = Stage::new().await;
        let archive = if unpacked.is_empty() { "out/x.csv.gz" } else { "x.csv.gz" };
        let plain = if raw.is_empty() { "out/x.csv" } else { "x.csv" };
        stage.put(plain, "plain", 0);
        stage.put(archive, gzip(b"packed"), 0);
        let (reports, error) = finish(stage.copy(in_one_place(&stage, raw, unpacked))).await;
        let words = error.as_ref().map(ToString::to_string).unwrap_or_default();
        let named = [format!("{plain:?} at raw"), format!("{archive:?} at unpacked"), format!("become {key:?}")];
        assert!(named.iter().all(|name| words.contains(name)), "{raw:?} {unpacked:?}: {words}");
        assert!(matches!(error, Some(Error::Collision { .. })) && reports.is_empty());
        assert_eq!(stage.requests(), [], "found out before the first copy");
    }
}

#[tokio::test]
async fn one_object_that_would_be_there_packed_and_unpacked_collides_with_itself() {
    let stage = Stage::new().await;
    stage.put("x.gz", gzip(b"packed"), 0);
    let named = |name, unpack| {
        let keys = crate::stage::renaming("{name}.gz", "{name}", unpack);
        transship::Leg { keys, ..transship::Leg::new(name, place(&stage.site, "")) }
    };
    collides(&stage, stage.route(vec![named("raw", false), named("unpacked", true)]), ["x", "x.gz", "x.gz"]).await;
}

#[tokio::test]
async fn two_destinations_in_one_place_may_have_keys_of_their_own() {
    let stage = Stage::new().await;
    stage.put("x.csv.gz", gzip(b"packed"), 0);
    let reports = reports(stage.copy(in_one_place(&stage, "out/", "out/"))).await;
    assert!(reports[0].destinations.iter().all(is_copied), "{reports:?}");
    assert_eq!((stage.site.keys(BUCKET).len(), stage.arrived("out/x.csv")), (2, "packed".into()));
}

#[tokio::test]
async fn folders_that_only_begin_alike_are_two_places() {
    let stage = Stage::new().await;
    stage.put("x.csv", "plain", 0);
    stage.put("x.csv.gz", gzip(b"packed"), 0);
    let reports = reports(stage.copy(in_one_place(&stage, "out/", "out2/"))).await;
    assert!(is_copied(&reports[0].destinations[0]) && reports[1].destinations.iter().all(is_copied), "{reports:?}");
}
