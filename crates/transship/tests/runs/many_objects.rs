//! Many objects, prefixes, several destinations with keys of their own.

use transship::{Leg, Route, types::Strength};
use transship_testbed::s3::{Operation as Op, S3Server};

use crate::stage::{BUCKET, Stage, directory, failed, gzip, is_copied, place, renaming, reports, strength};

#[tokio::test]
async fn three_destinations_with_keys_of_their_own_share_each_reading() {
    let stage = Stage::new().await;
    let root = tempfile::tempdir().unwrap();
    for (key, text) in [("2024-01-01/orders.csv.gz", "first"), ("2024-01-02/orders.csv.gz", "second")] {
        stage.source.put_object(BUCKET, &format!("exports/{key}"), gzip(text.as_bytes()));
    }
    let template = "{date}/{collection}.{ext}";
    let historic = renaming(template, "{collection}/historic/{date}-{collection}.{ext}", true);
    let latest = renaming(template, "{collection}/latest/full_data.csv", true);
    let legs = vec![
        Leg::new("as it is", place(&stage.site, "raw/")),
        Leg { keys: historic, ..Leg::new("historic", place(&stage.site, "")) },
        Leg { keys: latest, ..Leg::new("latest", directory(&root)) },
    ];
    let route = Route { source: place(&stage.source, "exports/"), legs };
    let reports = reports(stage.copy(route)).await;
    assert_eq!(
        reports.iter().map(|r| (r.key.as_str(), r.source_reads)).collect::<Vec<_>>(),
        [("2024-01-01/orders.csv.gz", 1), ("2024-01-02/orders.csv.gz", 1)]
    );
    assert_eq!(stage.source.count(Op::GetObject), 2);
    assert_eq!(
        stage.site.keys(BUCKET),
        [
            "orders/historic/2024-01-01-orders.csv",
            "orders/historic/2024-01-02-orders.csv",
            "raw/2024-01-01/orders.csv.gz",
            "raw/2024-01-02/orders.csv.gz",
        ]
    );
    assert_eq!(stage.arrived("orders/historic/2024-01-01-orders.csv"), "first");
    assert_eq!(std::fs::read_to_string(root.path().join("files/orders/latest/full_data.csv")).unwrap(), "second");
    let newest = &reports[1].destinations;
    assert_eq!(newest.iter().map(strength).collect::<Vec<_>>(), [Strength::Md5, Strength::Md5, Strength::Reread]);
    assert_eq!(newest[1].key.as_ref().unwrap().as_str(), "orders/historic/2024-01-02-orders.csv");
    assert!(!is_copied(&reports[0].destinations[2]));
}

#[tokio::test]
async fn odd_keys_below_odd_prefixes_arrive_as_themselves() {
    let stage = Stage::with_pages_of(4).await;
    let odd = [
        "a//b", "/a", "a/", "a", "a/../b", "./c", ".", "..", "é", "e\u{301}", "a b", "a+b", "a%2Fb", "a?b", "a#b",
        "a\nb", "a\tb", "a\u{1}b", "a\\b",
    ];
    for key in odd {
        stage.source.put_object(BUCKET, &format!("from/../ü/{key}"), format!("content of {key:?}"));
    }
    stage.source.put_object(BUCKET, "from/../ü", "not below the prefix");
    let site = || Leg::new("site", place(&stage.site, "to//"));
    let root = tempfile::tempdir().unwrap();
    let legs = vec![site(), Leg::new("files", directory(&root))];
    let reports = reports(stage.copy(Route { source: place(&stage.source, "from/../ü/"), legs })).await;
    assert_eq!(reports.len(), odd.len());
    for report in &reports {
        let key = report.key.as_str();
        assert_eq!(strength(&report.destinations[0]), Strength::Md5, "{key:?}");
        assert_eq!(stage.arrived(&format!("to//{key}")), format!("content of {key:?}"));
        match std::fs::read_to_string(root.path().join("files").join(key)) {
            Ok(content) if is_copied(&report.destinations[1]) => assert_eq!(content, format!("content of {key:?}")),
            _ => assert!(failed(&report.destinations[1]).contains("key") || !is_copied(&report.destinations[1])),
        }
    }
    let held = reports.iter().filter(|report| is_copied(&report.destinations[1])).count();
    assert_eq!(held, odd.len() - 7, "what a disk can hold is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_objects_take_two_requests_each() {
    let stage = Stage::new().await;
    for n in 0..2000 {
        stage.source.put_object(BUCKET, &format!("{n:04}"), format!("content {n}"));
    }
    let run = stage.copy(stage.straight());
    let progress = run.progress();
    let reports = reports(run).await;
    assert!(reports.iter().all(|report| strength(&report.destinations[0]) == Strength::Md5));
    assert_eq!(stage.requests(), [(Op::GetObject, 2000), (Op::PutObject, 2000)]);
    let bytes: u64 = reports.iter().map(|report| report.size.unwrap()).sum();
    assert_eq!((progress.known(), progress.done(), progress.is_listed()), ((2000, bytes), (2000, bytes), true));
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_done_and_does_nothing() {
    let stage = Stage::new().await;
    stage.put("1/orders.csv.gz", gzip(b"one"), 1);
    stage.put("2/orders.csv.gz", gzip(b"two"), 2);
    let route = stage.renamed("{date}/{name}.{ext}", "{name}/latest", true);
    let entries = transship::list(&route.source, &stage.options.listing());
    let reports = reports(transship::dry_run(route, entries, stage.options.clone())).await;
    assert!(crate::stage::skipped(&reports[0].destinations[0]).contains("newer"));
    let written = &reports[1].destinations[0];
    assert_eq!(written.outcome, transship::types::Outcome::Planned);
    assert_eq!(written.notes, ["unpacked on the way", "unless a newer one is there"]);
    assert_eq!((stage.requests(), stage.site.keys(BUCKET).len()), (vec![], 0));
}

#[tokio::test]
async fn one_destination_that_is_not_there_does_not_stop_another() {
    let stage = Stage::new().await;
    stage.put("a", "content", 0);
    let gone = {
        let server = S3Server::builder().bucket(BUCKET).start().await.unwrap();
        place(&server, "")
    };
    let legs = vec![Leg::new("gone", gone), Leg::new("site", place(&stage.site, ""))];
    let reports = reports(stage.copy(stage.route(legs))).await;
    assert!(failed(&reports[0].destinations[0]).contains("cannot connect"));
    assert_eq!(strength(&reports[0].destinations[1]), Strength::Md5);
}
