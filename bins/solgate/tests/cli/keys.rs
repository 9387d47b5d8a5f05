//! Keys: awkward ones, renamed ones, and two that become one.

use time::OffsetDateTime;
use transship_testbed::s3::Fault;

use crate::{
    scene::{Scene, json_lines},
    unpacking::packed,
};

/// Keys that S3 allows and that are easily taken for one another.
pub(crate) const AWKWARD: &[&str] = &[
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
async fn awkward_keys_are_each_their_own_object() {
    let long = "k".repeat(1024 - "out/".len());
    let (scene, other) = (Scene::s3().await, Scene::s3().await);
    for (n, key) in AWKWARD.iter().copied().chain([&*long]).enumerate() {
        scene.put("raw", &format!("in/{key}"), format!("object {n}"));
    }
    let (source, near, far) = (scene.at("raw/in"), scene.at("lake/out"), other.at("lake/out"));
    let disk = format!("url = file://{}\n", scene.path("disk").display());
    scene.config(&format!("[source]\n{source}[destination_near]\n{near}[destination_far]\n{far}"));
    scene.solgate(&["list", "-o", "list.json"]).ends_with(0);
    scene.solgate(&["transfer", "-l", "list.json"]).ends_with(0);
    for (n, key) in AWKWARD.iter().copied().chain([&*long]).enumerate() {
        for place in [&scene, &other] {
            assert_eq!(
                place.get("lake", &format!("out/{key}")).unwrap(),
                format!("object {n}").into_bytes(),
                "{key:?}"
            );
        }
    }
    assert_eq!(other.keys("lake").len(), AWKWARD.len() + 1);
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
    assert_eq!(copied + refused.len(), AWKWARD.len() + 1);
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

#[tokio::test(flavor = "multi_thread")]
async fn failures_that_differ_only_in_the_key_are_told_together_and_whole() {
    let (scene, files) = (Scene::s3().await, Scene::files());
    scene.config(&format!("[source]\n{}[destination]\n{}", scene.at("raw/in"), files.at("lake/out")));
    for key in ["in/.", "in/..", "in/a//b", "in/c//d"] {
        scene.put("raw", key, "1");
    }
    let ran = scene.solgate(&["sync"]).ends_with(4);
    for told in ["1 x write file://", "it has a segment \".\"\n    .\n", "it has a segment \"..\"\n    ..\n"] {
        assert!(ran.stdout.contains(told), "{}", ran.stdout);
    }
    assert!(
        ran.stdout.contains(": 2 x write file://") && ran.stdout.contains("\n    a//b\n    c//d\n"),
        "{}",
        ran.stdout
    );
    // Under a prefix at both ends, and for more reasons than there is room for examples.
    let other = Scene::s3().await;
    scene.config(&format!("[source]\n{}[destination]\n{}", scene.at("raw/many"), other.at("lake/out")));
    for n in 0..12 {
        scene.put("raw", &format!("many/{n:02}"), "1");
    }
    let refused = |key: &str, code: &str| {
        other.server().faults().add(Fault::answer(403, code).method(http::Method::PUT).key(key));
    };
    (0..11).for_each(|n| refused(&format!("out/{n:02}"), "AccessDenied"));
    refused("out/11", "AllAccessDisabled");
    let ran = scene.solgate(&["sync", "--transfers", "1"]).ends_with(4);
    assert!(ran.stdout.contains("failed at destination: 11 x write s3://lake"), "{}", ran.stdout);
    assert!(ran.stdout.contains("(403 AllAccessDisabled)\n    11\n"), "{}", ran.stdout);
}
