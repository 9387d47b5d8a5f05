//! `solgate sync`

use std::{collections::BTreeMap, time::Duration};

use transship_testbed::s3::{Attributes, Fault, Operation, StoredObject};

use crate::{
    scene::{Scene, at},
    unpacking::packed,
};

const HOUR: Duration = Duration::from_secs(3600);

/// The seed's three destinations: as is, historic and latest, both unpacked.
fn three_ways(scene: &Scene, destinations: &Scene) {
    let formatter = "{date}/{collection}.{ext}";
    scene.config(&format!(
        "[source_dump]\n{}formatter = {formatter}\n[destination_raw]\n{}\n\
         [destination_historic]\n{}formatter = {{collection}}/historic/{{date}}-{{collection}}.{{ext}}\nunpack = yes\n\
         [destination_latest]\n{}formatter = {{collection}}/latest/full_data.csv\nunpack = yes\n",
        scene.at("raw/in"),
        destinations.at("archive"),
        destinations.at("lake/tables"),
        destinations.at("lake/tables"),
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_read_goes_to_three_destinations_under_new_keys() {
    let other = Scene::s3().await;
    for scene in Scene::both().await {
        three_ways(&scene, &other);
        for (date, age) in [("2024-05-05", 2 * HOUR), ("2024-05-06", HOUR)] {
            scene.put_aged("raw", &format!("in/{date}/sales.csv.gz"), packed(date), age);
        }
        let ran = scene.solgate(&["sync", "--report", "report.json"]).ends_with(0);
        assert_eq!(other.keys("archive"), ["2024-05-05/sales.csv.gz", "2024-05-06/sales.csv.gz"]);
        let historic = |date| format!("tables/sales/historic/{date}-sales.csv");
        let latest = "tables/sales/latest/full_data.csv".to_owned();
        assert_eq!(other.keys("lake"), [historic("2024-05-05"), historic("2024-05-06"), latest.clone()]);
        assert_eq!(other.get("lake", &historic("2024-05-05")).unwrap(), b"2024-05-05");
        assert_eq!(other.get("lake", &latest).unwrap(), b"2024-05-06", "the newest wins");
        assert_eq!(other.get("archive", "2024-05-06/sales.csv.gz").unwrap(), packed("2024-05-06"));
        let skipped: Vec<_> = ran.stdout.lines().filter(|line| line.starts_with("  skipped")).collect();
        assert_eq!(skipped, ["  skipped     1 because: a newer object gets the same key"]);
        let report = scene.report();
        assert!(report["objects"].as_array().unwrap().iter().all(|object| object["source_reads"] == 1), "{report}");
        if let Some(server) = &scene.server {
            assert_eq!((server.count(Operation::GetObject), server.count(Operation::HeadObject)), (2, 0));
        }
        // Again, and nothing is older afterwards; a backfill of the old one alone does not win either.
        scene.solgate(&["sync"]).ends_with(0);
        scene.solgate(&["transfer", "2024-05-05/sales.csv.gz"]).ends_with(0);
        assert_eq!(other.get("lake", &latest).unwrap(), b"2024-05-06");
        ["archive", "lake"].iter().for_each(|bucket| {
            other.keys(bucket).iter().for_each(|key| assert!(other.server().remove_object(bucket, key)));
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_with_skip_existing_says_that_all_was_there_and_looks_at_no_object() {
    let other = Scene::s3().await;
    for (scene, reads) in Scene::both().await.into_iter().zip([2, 0]) {
        let (source, destination) = (scene.at("raw/in"), other.at("lake/out"));
        scene.config(&format!("[source]\n{source}[destination]\n{destination}"));
        scene.put_aged("raw", "in/a", "1", HOUR).put_aged("raw", "in/b/c", "22", HOUR);
        scene.solgate(&["sync", "--skip-existing"]).ends_with(0);
        scene.server.iter().chain(&other.server).for_each(|server| server.clear_requests());
        let ran = scene.solgate(&["sync", "--skip-existing"]).ends_with(0);
        assert!(ran.stdout.contains("objects     2: 2 skipped"), "{}", ran.stdout);
        assert!(ran.stdout.contains("skipped     2 because: already there"), "{}", ran.stdout);
        let mut operations = BTreeMap::new();
        scene.server.iter().chain(&other.server).for_each(|server| {
            server
                .counts()
                .into_iter()
                .for_each(|(operation, count)| *operations.entry(operation).or_insert(0) += count);
        });
        assert!(operations.keys().all(|o| matches!(o, Operation::ListObjectsV2)), "{reads} {operations:?}");
        // What is missing or another comes again.
        other.put("lake", "out/a", "2");
        scene.put("raw", "in/new", "3");
        let ran = scene.solgate(&["sync", "--skip-existing"]).ends_with(0);
        assert!(ran.stdout.contains("3: "), "{}", ran.stdout);
        assert_eq!(other.get("lake", "out/new").unwrap(), b"3");
        if scene.server.is_some() {
            assert_eq!(other.get("lake", "out/a").unwrap(), b"1");
        }
        other.keys("lake").iter().for_each(|key| assert!(other.server().remove_object("lake", key)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_costs_one_get_and_one_put_or_one_copy_on_the_server() {
    let (scene, other) = (Scene::s3().await, Scene::s3().await);
    for n in 0..20 {
        scene.put("raw", &format!("in/{n}"), format!("number {n}"));
    }
    let (source, near, far) = (scene.at("raw/in"), scene.at("lake/out"), other.at("lake/out"));
    scene.config(&format!("[source]\n{source}[destination]\n{far}"));
    scene.solgate(&["sync", "--report", "report.json"]).ends_with(0);
    assert_eq!(other.server().count(Operation::PutObject), 20);
    assert_eq!((scene.server().count(Operation::GetObject), scene.server().count(Operation::HeadObject)), (20, 0));
    let report = scene.report();
    assert_eq!(report["totals"]["verified"], serde_json::json!({"md5": 20}));
    assert_eq!(report["requests"][1]["store"], "destination");
    assert_eq!(report["requests"][1]["put"], 20);
    scene.server().clear_requests();
    scene.config(&format!("[source]\n{source}[destination]\n{near}"));
    scene.solgate(&["sync", "--report", "report.json"]).ends_with(0);
    assert_eq!((scene.server().count(Operation::CopyObject), scene.server().count(Operation::GetObject)), (20, 0));
    assert_eq!(scene.report()["objects"][0]["destinations"][0]["notes"][0], "copied by the server");
    assert_eq!(scene.keys("lake").len(), 20, "under the destination's prefix");
}

#[tokio::test(flavor = "multi_thread")]
async fn content_type_metadata_and_tags_travel_along() {
    let (scene, other) = (Scene::s3().await, Scene::s3().await);
    let attributes = Attributes {
        content_type: Some("text/csv; charset=utf-8".into()),
        content_disposition: Some("attachment".into()),
        cache_control: Some("no-cache".into()),
        metadata: [("owner".to_owned(), "data team".to_owned())].into(),
        tags: vec![("stage".into(), "raw & ready".into())],
        ..Attributes::default()
    };
    scene.server().put("raw", "in/a", StoredObject::new("abc").with_attributes(attributes.clone()));
    let (source, near, far) = (scene.at("raw/in"), scene.at("lake/out"), other.at("lake/out"));
    let far = format!("{far}storage_class = STANDARD_IA\nsse = AES256\n");
    scene.config(&format!("[source]\n{source}[destination_near]\n{near}[destination_far]\n{far}"));
    scene.solgate(&["sync"]).ends_with(0);
    for server in [scene.server(), other.server()] {
        let object = server.object("lake", "out/a").unwrap();
        let mut found = object.attributes.clone();
        found.metadata.retain(|name, _| name == "owner");
        let plain = Attributes { storage_class: None, encryption: None, ..found };
        assert_eq!(plain, attributes);
    }
    let far = other.server().object("lake", "out/a").unwrap().attributes.clone();
    assert_eq!((far.storage_class.as_deref(), far.encryption.as_deref()), (Some("STANDARD_IA"), Some("AES256")));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_destination_never_blocks_another() {
    let other = Scene::s3().await;
    for scene in Scene::both().await {
        scene.put("raw", "in/a", "1").put("raw", "in/b", "2");
        let refused =
            other.server().faults().add(Fault::answer(403, "AccessDenied").method(http::Method::PUT).bucket("archive"));
        let places = format!("{}[destination_good]\n{}", scene.at("raw/in"), scene.at("lake/out"));
        scene.config(&format!("[source]\n{places}[destination_bad]\n{}", other.at("archive")));
        let ran = scene.solgate(&["sync", "--report", "report.json"]).ends_with(4);
        assert_eq!(scene.keys("lake"), ["out/a", "out/b"]);
        assert_eq!(refused.count(), 2);
        assert!(ran.stdout.contains("    2 copied (2 B), verified by"), "{}", ran.stdout);
        let totals = scene.report()["totals"]["destinations"].clone();
        assert_eq!((&totals[0]["copied"], &totals[1]["failed"]), (&2.into(), &2.into()));
        // One that is not there at all.
        let gone = at(other.server(), "nowhere/out");
        scene.config(&format!("[source]\n{places}[destination_bad]\n{gone}"));
        let ran = scene.solgate(&["sync"]).ends_with(4);
        assert!(ran.stderr.lines().all(|line| line.contains("s3://nowhere")), "{}", ran.stderr);
        assert!(ran.stdout.contains("failed at destination_bad: 2 x "), "{}", ran.stdout);
        let again = scene.solgate(&["sync", "--skip-existing"]).ends_with(4);
        assert!(again.stdout.contains("2 skipped") || again.stdout.contains("2 copied"), "{}", again.stdout);
        other.server().faults().clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_to_list_is_no_failure_and_says_so() {
    for scene in Scene::both().await {
        scene.plain().put_aged("raw", "in/old", "1", 48 * HOUR);
        let ran = scene.solgate(&["sync"]).ends_with(0);
        assert!(ran.stderr.contains("nothing to do: there is no object that was modified within timedelta at "));
        assert!(ran.stdout.contains("objects     none"), "{}", ran.stdout);
        let ran = scene.solgate(&["sync", "--backfill"]).ends_with(0);
        assert_eq!((scene.keys("lake"), ran.stderr.as_str()), (vec!["out/old".to_owned()], ""));
        // A formatter needs the whole listing before the first copy.
        let config = scene.read("config.ini").replace("\n\n[dest", "\nformatter = {a}\n[dest") + "formatter = {a}\n";
        scene.config(&config);
        assert!(scene.solgate(&["sync"]).ends_with(0).stderr.contains("nothing to do"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_breaks_off_half_way_says_how_many_were_copied() {
    let scene = Scene::with(transship_testbed::s3::S3Server::builder().page_size(5)).await;
    scene.plain().write("failed.json", "{\"key\":\"an older one\"}\n");
    for n in 0..20 {
        scene.put("raw", &format!("in/{n:02}"), "x");
    }
    let fault = Fault::answer(403, "AccessDenied").on(Operation::ListObjectsV2).bucket("raw").after(2);
    scene.server().faults().add(fault);
    let ran = scene.solgate(&["sync", "--report", "report.json"]).ends_with(1);
    assert!(ran.stdout.starts_with("solgate sync: the run itself failed"), "{}", ran.stdout);
    assert!(ran.stdout.contains("objects     10: 10 copied"), "{}", ran.stdout);
    assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.starts_with("error: list s3://raw"), "{}", ran.stderr);
    assert_eq!(scene.keys("lake").len(), 10);
    assert_eq!(scene.read("failed.json"), "{\"key\":\"an older one\"}\n");
    let report = scene.report();
    assert_eq!((&report["exit_code"], &report["totals"]["copied"]), (&1.into(), &10.into()));
    assert!(report["error"].as_str().unwrap().starts_with("list s3://raw"), "{report}");
}
