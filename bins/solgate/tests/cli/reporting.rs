//! `--report`

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;
use transship_testbed::s3::{Fault, Operation};

use crate::scene::{KEY_ID, Ran, SECRET, Scene};

/// Every member of a document, by its path; members of a list's items once.
fn members(value: &Value, path: &str, all: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| {
            // Names that are data: strengths.
            let name = if path.ends_with("verified") { "*" } else { name };
            all.insert(format!("{path}.{name}"));
            members(value, &format!("{path}.{name}"), all);
        }),
        Value::Array(items) => items.iter().for_each(|item| members(item, path, all)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_has_the_form_that_the_documentation_shows() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/report.md")).unwrap();
    let example = page.split("```json\n").nth(1).unwrap().split("```").next().unwrap();
    let (mut documented, mut found) = (BTreeSet::new(), BTreeSet::new());
    members(&serde_json::from_str(example).unwrap(), "", &mut documented);
    let (scene, other) = (Scene::s3().await, Scene::s3().await);
    scene.config(&format!("[source]\n{}[destination_lake]\n{}", scene.at("raw/in"), other.at("lake/out")));
    scene.put("raw", "in/a b", "abc");
    scene.solgate(&["sync", "--report", "report.json"]).ends_with(0);
    let report = scene.report();
    members(&report, "", &mut found);
    assert_eq!(found, documented);
    assert_eq!((&report["schema"], &report["tool"]), (&"transship.report/1".into(), &"solgate".into()));
    let source = format!("s3://raw at {}, below \"in/\"", scene.server().endpoint());
    assert_eq!(report["source"], serde_json::json!({"name": "source", "location": source}));
    let object = &report["objects"][0];
    assert_eq!((&object["key"], &object["size"], &object["source_reads"]), (&"a b".into(), &3.into(), &1.into()));
    assert_eq!(object["e_tag"], "900150983cd24fb0d6963f7d28e17f72");
    let there = &object["destinations"][0];
    assert_eq!((&there["key"], &there["verified"]), (&"a b".into(), &"md5".into()));
    assert_eq!((&there["bytes"], &there["attempts"]), (&3.into(), &1.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_those_that_the_server_saw() {
    let (scene, other) = (Scene::s3().await, Scene::s3().await);
    scene.config(&format!("[source]\n{}[destination_lake]\n{}", scene.at("raw/in"), other.at("lake/out")));
    for n in 0..30 {
        scene.put("raw", &format!("in/{n}"), vec![b'x'; n * 1000]);
    }
    scene.server().faults().add(Fault::answer(500, "InternalError").on(Operation::GetObject).times(3));
    scene.solgate(&["sync", "--report", "report.json"]).ends_with(0);
    let report = scene.report();
    for (at, server) in [(0, scene.server()), (1, other.server())] {
        for method in ["get", "head", "put", "post", "delete"] {
            let seen = server.count_of_method(&method.to_uppercase().parse().unwrap());
            assert_eq!(report["requests"][at][method], seen, "{method} of {}", report["requests"][at]["store"]);
        }
    }
    assert_eq!((&report["requests"][0]["get"], &report["requests"][1]["put"]), (&34.into(), &30.into()));
    assert_eq!(report["totals"]["objects"], 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_goes_to_any_store_by_its_url() {
    let scene = Scene::s3().await;
    scene.plain().put("raw", "in/a", "1");
    let to = |url: &str| {
        let mut command = scene.command(&["-c", "config.ini", "sync", "--report", url]);
        command.env("AWS_ENDPOINT_URL_S3", scene.server().endpoint());
        command.env("AWS_ACCESS_KEY_ID", KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
        Ran::of(&mut command)
    };
    let ran = to("s3://archive/reports/run.json").ends_with(0);
    assert!(ran.stdout.contains("report      reports/run.json in s3://archive at http://"), "{}", ran.stdout);
    let report: Value = serde_json::from_slice(&scene.get("archive", "reports/run.json").unwrap()).unwrap();
    assert_eq!((&report["exit_code"], &report["totals"]["copied"]), (&0.into(), &1.into()));
    let kind = scene.server().object("archive", "reports/run.json").unwrap().attributes.content_type.clone();
    assert_eq!(kind.as_deref(), Some("application/json"));
    let file = format!("file://{}", scene.path("report.json").display());
    let ran = to(&file).ends_with(0);
    assert!(ran.stdout.contains(&format!("report      {}", scene.path("report.json").display())), "{}", ran.stdout);
    assert_eq!(scene.report()["exit_code"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_is_reported_too() {
    for scene in Scene::both().await {
        scene.plain().put("raw", "in/a", "1");
        let gone = scene.at("nowhere/in");
        scene.config(&format!("[source]\n{gone}[destination]\n{}", scene.at("lake")));
        let line = scene.solgate(&["sync", "--report", "report.json"]).fails_with(1);
        let report = scene.report();
        assert_eq!((&report["exit_code"], &report["error"]), (&1.into(), &line.into()));
        assert_eq!(report["objects"], serde_json::json!([]));
        scene.solgate(&["transfer", "a", "--report", "report.json", "-n"]).fails_with(1);
        assert_eq!((&scene.report()["command"], &scene.report()["dry_run"]), (&"transfer".into(), &true.into()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_summary_for_programs_is_one_json_object() {
    for scene in Scene::both().await {
        scene.plain().put("raw", "in/a", "1");
        let arguments = ["sync", "--output", "json", "--report", "report.json"];
        let [summary] = &scene.solgate(&arguments).ends_with(0).json()[..] else { panic!("one line") };
        assert_eq!((&summary["run"]["command"], &summary["ending"]["exit_code"]), (&"sync".into(), &0.into()));
        assert_eq!(summary["totals"], scene.report()["totals"]);
        assert!(summary["files"]["report"].as_str().unwrap().ends_with("report.json"), "{summary}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_larger_than_memory_streams_through_in_parts() {
    let (scene, other) = (Scene::s3().await, Scene::s3().await);
    scene.config(&format!("[source]\n{}[destination]\n{}", scene.at("raw/in"), other.at("lake/out")));
    let parts = || vec![vec![b'1'; 9 << 20].into(), vec![b'2'; 9 << 20].into(), vec![b'3'; 1 << 20].into()];
    scene.server().put("raw", "in/parts", transship_testbed::s3::StoredObject::in_parts(parts()));
    scene.put("raw", "in/whole", vec![b'w'; 20 << 20]);
    let arguments = ["sync", "--memory", "16MiB", "--split-above", "16MiB", "--report", "report.json"];
    scene.solgate(&arguments).ends_with(0);
    assert_eq!(other.get("lake", "out/parts"), scene.get("raw", "in/parts"));
    assert_eq!(other.get("lake", "out/whole"), scene.get("raw", "in/whole"));
    let report = scene.report();
    let verified = |key: &str| {
        let objects = report["objects"].as_array().unwrap();
        objects.iter().find(|object| object["key"] == key).unwrap()["destinations"][0]["verified"].clone()
    };
    assert_eq!(verified("parts"), "multipart-etag");
    assert_ne!(verified("whole"), "size");
    assert!(other.server().unfinished_uploads("lake").is_empty());
}
