//! `solgate sync`

use std::{collections::BTreeMap, io::Write, time::Duration};

use flate2::{Compression, write::GzEncoder};
use time::OffsetDateTime;
use transship_testbed::s3::{Attributes, Fault, Operation, StoredObject};

use crate::scene::{Scene, at, json_lines};

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn packed(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_ref()).unwrap();
    gzip.finish().unwrap()
}

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
async fn two_objects_for_one_key_are_a_collision_before_the_first_copy() {
    for scene in Scene::both().await {
        let (source, destination) = (scene.at("raw/in"), scene.at("lake"));
        scene.config(&format!("[source]\n{source}[destination_lake]\n{destination}unpack = yes\n"));
        scene.put("raw", "in/x.csv", "1").put("raw", "in/x.csv.gz", packed("2")).put("raw", "in/a", "");
        let line = scene.solgate(&["sync", "--report", "report.json"]).fails_with(2);
        let expected = "\"x.csv\" and \"x.csv.gz\" would both become \"x.csv\" at destination_lake: nothing was copied";
        assert_eq!(line, expected);
        assert_eq!(scene.keys("lake"), [""; 0]);
        assert_eq!((&scene.report()["exit_code"], &scene.report()["error"]), (&2.into(), &expected.into()));
        scene.solgate(&["sync", "-n"]).fails_with(2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_members_of_an_archive_are_unpacked_and_other_objects_left_alone() {
    for scene in Scene::both().await {
        let (source, destination) = (scene.at("raw/in"), scene.at("lake"));
        scene.config(&format!("[source]\n{source}[destination]\n{destination}unpack = yes\n"));
        scene.put("raw", "in/two.csv.gz", [packed("one,"), packed("two")].concat()).put("raw", "in/e.gz", packed(""));
        scene.put("raw", "in/plain.csv", "plain").put("raw", "in/x.GZ", "X").put("raw", "in/y.gz.bak", "Y");
        let ran = scene.solgate(&["sync", "--report", "report.json"]).ends_with(0);
        assert_eq!(scene.keys("lake"), ["e", "plain.csv", "two.csv", "x.GZ", "y.gz.bak"]);
        assert_eq!(scene.get("lake", "two.csv").unwrap(), b"one,two");
        assert_eq!(scene.get("lake", "e").unwrap(), b"");
        assert!(!ran.stdout.contains("size "), "unpacked objects are verified, too: {}", ran.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_archive_fails_by_itself_and_leaves_nothing() {
    for scene in Scene::both().await {
        let (source, destination) = (scene.at("raw/in"), scene.at("lake"));
        scene.config(&format!("[source]\n{source}[destination]\n{destination}unpack = yes\n"));
        let noise: Vec<u8> = (0..3_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let whole = packed(noise);
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x55;
        scene.put("raw", "in/cut.gz", &whole[..whole.len() - 9]).put("raw", "in/flipped.gz", flipped);
        scene.put("raw", "in/none.gz", "this is no gzip").put("raw", "in/good.gz", whole);
        let ran = scene.solgate(&["sync"]).ends_with(4);
        assert_eq!(scene.keys("lake"), ["good"]);
        assert!(ran.stdout.contains("4: 1 copied, 3 failed"), "{}", ran.stdout);
        let mut failed: Vec<_> = json_lines(&scene.read("failed.json")).iter().map(|o| o["key"].clone()).collect();
        failed.sort_by_key(ToString::to_string);
        assert_eq!(failed, ["cut.gz", "flipped.gz", "none.gz"]);
        if let Some(server) = &scene.server {
            assert!(server.unfinished_uploads("lake").is_empty());
        }
    }
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
    scene.plain().write("failed.json", "an older one");
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
    assert_eq!(scene.read("failed.json"), "an older one");
    let report = scene.report();
    assert_eq!((&report["exit_code"], &report["totals"]["copied"]), (&1.into(), &10.into()));
    assert!(report["error"].as_str().unwrap().starts_with("list s3://raw"), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn awkward_keys_are_each_their_own_object() {
    let keys = [
        "a//b",
        "/a",
        "a/",
        "a",
        "a/../b",
        "./c",
        "..",
        "caf\u{e9}",
        "cafe\u{301}",
        "a b",
        "a+b",
        "%2F",
        "?x=1",
        "#f",
        "new\nline",
        "tab\t",
        "bell\u{7}",
        "back\\slash",
        "*",
        "\u{1f980}",
        "<&>\"'",
    ];
    let long = "k".repeat(1024 - "out/".len());
    let (scene, other) = (Scene::s3().await, Scene::s3().await);
    for (n, key) in keys.iter().copied().chain([&*long]).enumerate() {
        scene.put("raw", &format!("in/{key}"), format!("object {n}"));
    }
    let (source, near, far) = (scene.at("raw/in"), scene.at("lake/out"), other.at("lake/out"));
    let disk = format!("url = file://{}\n", scene.path("disk").display());
    scene.config(&format!("[source]\n{source}[destination_near]\n{near}[destination_far]\n{far}"));
    scene.solgate(&["list", "-o", "list.json"]).ends_with(0);
    scene.solgate(&["transfer", "-l", "list.json"]).ends_with(0);
    for (n, key) in keys.iter().copied().chain([&*long]).enumerate() {
        for place in [&scene, &other] {
            assert_eq!(
                place.get("lake", &format!("out/{key}")).unwrap(),
                format!("object {n}").into_bytes(),
                "{key:?}"
            );
        }
    }
    assert_eq!(other.keys("lake").len(), keys.len() + 1);
    // A directory cannot hold them all: each that it cannot is refused, and the rest arrive.
    scene.config(&format!("[source]\n{source}[destination_disk]\n{disk}"));
    let ran = scene.solgate(&["sync", "--report", "report.json"]).ends_with(4);
    let report = scene.report();
    let (mut copied, mut refused) = (0, Vec::new());
    for object in report["objects"].as_array().unwrap() {
        let outcome = &object["destinations"][0];
        if outcome["outcome"] == "copied" { copied += 1 } else { refused.push(object["key"].as_str().unwrap()) }
    }
    refused.sort_unstable();
    for key in ["a//b", "/a", "a/../b", "./c", ".."] {
        assert!(refused.contains(&key), "{refused:?}");
    }
    assert!(copied >= 10, "{refused:?}");
    assert_eq!(copied + refused.len(), keys.len() + 1);
    assert!(ran.stderr.lines().all(|line| !line.contains('\u{7}')), "{}", ran.stderr);
    assert_eq!(json_lines(&scene.read("failed.json")).len(), refused.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn formatters_know_the_time_of_the_run_and_refuse_keys_that_do_not_match() {
    for scene in Scene::both().await {
        let (source, destination) = (scene.at("raw/in"), scene.at("lake"));
        scene.config(&format!(
            "[source]\n{source}formatter = {{rest}}.{{ext}}\n[destination]\n{destination}formatter = {{rest}}-{{year}}.{{ext}}\n"
        ));
        scene.put("raw", "in/file.csv.gz", "1").put("raw", "in/no-dot", "2");
        scene.solgate(&["sync"]).ends_with(4);
        assert_eq!(scene.keys("lake"), [format!("file-{}.csv.gz", OffsetDateTime::now_utc().year())]);
    }
}
