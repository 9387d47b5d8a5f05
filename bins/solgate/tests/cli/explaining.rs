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
            "  unless the object there was copied from a newer source",
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
