//! `solgate explain`, `version` and `completions`

use std::time::Duration;

use crate::{
    scene::{Ran, Scene},
    unpacking::packed,
};

fn renaming(scene: &Scene) {
    scene.config(&format!(
        "[source]\n{}formatter = {{date}}/{{collection}}.{{ext}}\n[destination_raw]\n{}\n\
         [destination_latest]\n{}formatter = {{collection}}/latest.{{ext}}\nunpack = yes\n",
        scene.at("raw/in"),
        scene.at("archive"),
        scene.at("lake/tables"),
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_explained_for_each_destination() {
    for scene in Scene::both().await {
        renaming(&scene);
        scene.put_aged("raw", "in/2024-05-06/sales.csv.gz", packed("x"), Duration::from_secs(3 * 86_400));
        let ran = scene.solgate(&["explain", "2024-05-06/sales.csv.gz"]).ends_with(0);
        for line in [
            "2024-05-06/sales.csv.gz\n",
            "older than timedelta: not listed\n",
            "\ndestination_raw, at ",
            "  key 2024-05-06/sales.csv.gz, as it is: the source or this destination has no formatter\n",
            "  key sales/latest.csv, by the formatter {collection}/latest.{ext}\n",
            "  unpacked on the way, because the key ends in .gz\n",
            "  there now: nothing\n",
            "  would be written by `transfer` or with --backfill\n",
            "  any newer object of the source that gets this key wins: the formatter drops a group",
        ] {
            assert!(ran.stdout.contains(line), "{line:?} in {}", ran.stdout);
        }
        assert_eq!((ran.stderr.as_str(), scene.keys("lake").len()), ("", 0));
        let [json] =
            &scene.solgate(&["explain", "2024-05-06/sales.csv.gz", "--output", "json"]).ends_with(0).json()[..]
        else {
            panic!("one line")
        };
        assert_eq!((&json["exists"], &json["listed"]), (&true.into(), &false.into()));
        let latest = &json["destinations"][1];
        assert_eq!(
            (&latest["action"], &latest["unpack"], &latest["newest_wins"]),
            (&"write".into(), &true.into(), &true.into())
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_at_the_destination_decides_and_is_shown() {
    for scene in Scene::both().await {
        renaming(&scene);
        let hour = Duration::from_secs(3600);
        scene.put_aged("raw", "in/1/sales.csv.gz", packed("older"), 2 * hour);
        scene.put_aged("raw", "in/2/sales.csv.gz", packed("newer!"), hour);
        scene.solgate(&["transfer", "2/sales.csv.gz"]).ends_with(0);
        let before = scene.keys("lake");
        let ran = scene.solgate(&["explain", "1/sales.csv.gz"]).ends_with(0);
        let (raw, latest) = ran.stdout.split_once("\ndestination_latest, at ").unwrap();
        assert!(raw.contains("  there now: nothing\n  would be written"), "{raw}");
        assert!(latest.contains("  there now: 6 bytes, written "), "{latest}");
        assert_eq!(latest.contains(", copied from a source of "), scene.server.is_some(), "{latest}");
        assert!(
            latest.contains("  would be left alone: the object there was copied from a newer source, of 20"),
            "{latest}"
        );
        assert!(!latest.contains("would be written"), "{latest}");
        let explain = |key: &str| {
            let ran = scene.solgate(&["explain", key, "--output", "json"]);
            (ran.code, ran.json().remove(0))
        };
        let (code, json) = explain("1/sales.csv.gz");
        let latest = &json["destinations"][1];
        assert_eq!(
            (code, &latest["action"], &latest["reason"]),
            (0, &"skip".into(), &"newer at the destination".into())
        );
        let (_, newer) = explain("2/sales.csv.gz");
        let same_second =
            |a: &serde_json::Value, b: &serde_json::Value| a.as_str().unwrap()[..19] == b.as_str().unwrap()[..19];
        assert!(same_second(&latest["there"]["modified_at_source"], &newer["last_modified"]), "{latest} {newer}");
        assert_eq!((&newer["destinations"][1]["action"], &latest["there"]["size"]), (&"write".into(), &6.into()));
        assert_eq!(scene.keys("lake"), before, "nothing is written");
        if scene.server.is_some() {
            assert_eq!(newer["destinations"][0]["there"]["e_tag"], newer["e_tag"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_source_does_not_have_is_written_nowhere() {
    for scene in Scene::both().await {
        renaming(&scene);
        scene.put("raw", "in/2024/here.csv", "").put("archive", "2024/gone.csv", "an old copy");
        let ran = scene.solgate(&["explain", "2024/gone.csv"]).ends_with(4);
        assert!(!ran.stdout.contains("would be written\n"), "{}", ran.stdout);
        let none = ran.stdout.matches("  nothing would be written: the source has no such object\n").count();
        assert_eq!(none, 2, "{}", ran.stdout);
        let there = ran.stdout.matches("  there now: ").count();
        assert!(there == 2 && ran.stdout.contains("  there now: 11 bytes, written "), "{}", ran.stdout);
        let json = scene.solgate(&["explain", "2024/gone.csv", "--output", "json"]).ends_with(4).json().remove(0);
        assert_eq!((&json["exists"], &json["size"]), (&false.into(), &serde_json::Value::Null));
        assert_eq!(json["destinations"][0]["action"], "none");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_destination_that_must_not_be_looked_at_is_told() {
    let (scene, other) = (Scene::s3().await, Scene::s3().await);
    let (source, lake) = (scene.at("raw/in"), other.at("lake"));
    scene.put("raw", "in/1/a", "x");
    let denied = transship_testbed::s3::Fault::answer(403, "AccessDenied").method(http::Method::HEAD);
    other.server().faults().add(denied);
    scene.config(&format!("[source]\n{source}[destination]\n{lake}"));
    let ran = scene.solgate(&["explain", "1/a"]).ends_with(0);
    assert!(ran.stdout.contains("  there now: cannot be told: ") && ran.stdout.contains("  would be written\n"));
    // Where the newest wins, nothing is written without a look.
    scene.config(&format!("[source]\n{source}formatter = {{n}}/{{a}}\n[destination]\n{lake}formatter = {{a}}\n"));
    let ran = scene.solgate(&["explain", "1/a"]).ends_with(4);
    assert!(ran.stdout.contains("  would fail: ") && !ran.stdout.contains("would be written"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_fail_is_exit_code_4() {
    for scene in Scene::both().await {
        renaming(&scene);
        scene.put("raw", "in/sales.csv", "x");
        let ran = scene.solgate(&["explain", "sales.csv"]).ends_with(4);
        assert!(
            ran.stdout.contains("  would fail: ") && ran.stdout.contains("within timedelta: listed"),
            "{}",
            ran.stdout
        );
        let ran = scene.solgate(&["explain", "2024/gone.csv"]).ends_with(4);
        assert!(ran.stdout.contains("  is not there\n"), "{}", ran.stdout);
    }
    let scene = Scene::files();
    renaming(&scene);
    scene.put("raw", "in/a", "");
    assert!(scene.solgate(&["explain", "../x"]).ends_with(4).stdout.contains("would fail"));
}

#[test]
fn the_version_and_completions_need_no_configuration() {
    let scene = Scene::files();
    let run = |arguments: &[&str]| Ran::of(&mut scene.command(arguments)).ends_with(0).stdout;
    let version = format!("solgate {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(
        (run(&["version"]), run(&["--version"]), run(&["list", "--version"]).starts_with("solgate-list ")),
        (version.clone(), version, true)
    );
    for (shell, words) in [("bash", "_solgate()"), ("zsh", "#compdef solgate"), ("fish", "complete -c solgate")] {
        let script = run(&["completions", shell]);
        assert!(script.contains(words) && script.contains("skip-existing") && script.contains("listing-file"));
        let checked =
            std::process::Command::new(shell).arg("-n").arg("/dev/stdin").stdin(std::process::Stdio::piped()).spawn();
        let Ok(mut child) = checked else { continue }; // that shell is not here
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), script.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success(), "{shell}");
    }
}
