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
