//! Where the configuration is, and in which form.

use std::fs;

use transship_testbed::s3::Operation;

use crate::scene::{KEY_ID, Ran, SECRET, Scene};

fn run(scene: &Scene, arguments: &[&str]) -> Ran {
    Ran::of(&mut scene.command(arguments))
}

/// A configuration whose source holds one object of this name.
fn named(scene: &Scene, name: &str) -> String {
    scene.put("raw", &format!("{name}/{name}"), "");
    format!("[source]\n{}[destination]\n{}", scene.at(&format!("raw/{name}")), scene.at("lake"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_and_a_folder_are_found_in_every_way() {
    let scene = Scene::files();
    fs::create_dir(scene.path("etc")).unwrap();
    scene.write("etc/config.ini", &named(&scene, "ini")).write("etc/other.conf", &named(&scene, "other"));
    scene.write("etc/config.yaml", "source: {}");
    for (arguments, expected) in [
        (&["-c", "etc/config.ini", "list"][..], "ini"),
        (&["--config", "etc", "list"], "ini"),
        (&["list", "--config=etc/"], "ini"),
        (&["--config-folder", "etc", "list"], "ini"),
        (&["--config-folder", "etc", "--config-filename", "other.conf", "list"], "other"),
        (&["-c", "etc/other.conf", "list"], "other"),
    ] {
        let listed = run(&scene, arguments).ends_with(0).json();
        assert_eq!(listed[0]["key"], expected, "{arguments:?}");
    }
    run(&scene, &["-c", "etc", "--config-folder", "etc", "list"]).ends_with(2);
    let line = run(&scene, &["--config-folder", "etc", "--config-filename", "none.ini", "list"]).fails_with(2);
    assert!(line.contains("etc/none.ini"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ini_toml_and_yaml_say_the_same() {
    for scene in Scene::both().await {
        scene.put("raw", "in/2024/sales.csv.gz", crate::unpacking::packed("x"));
        let lines = |place: &str| scene.at(place);
        let ini = format!(
            "[solgate]\ntimedelta = 2d ; two days\n[source_a]\n{}formatter = {{date}}/{{name}}.{{ext}}\n[destination_b]\n{}formatter = {{name}}/{{date}}.{{ext}}\nunpack = yes\n",
            lines("raw/in"),
            lines("lake/ini")
        );
        let quoted = |place: &str| -> String {
            let pair = |line: &str| line.split_once(" = ").map(|(key, value)| format!("{key} = \"{value}\"\n"));
            lines(place).lines().filter_map(pair).collect()
        };
        let toml = format!(
            "[solgate]\ntimedelta = \"2d\"\n[source_a]\n{}formatter = \"{{date}}/{{name}}.{{ext}}\"\n[destination_b]\n{}formatter = \"{{name}}/{{date}}.{{ext}}\"\nunpack = true\n",
            quoted("raw/in"),
            quoted("lake/toml")
        );
        let indented = |place: &str, indent: &str| -> String {
            let pair = |line: &str| line.split_once(" = ").map(|(key, value)| format!("{indent}{key}: \"{value}\"\n"));
            lines(place).lines().filter_map(pair).collect()
        };
        let yaml = format!(
            "timedelta: 2d\nsource:\n{}  formatter: \"{{date}}/{{name}}.{{ext}}\"\ndestinations:\n  - unpack: yes\n    formatter: \"{{name}}/{{date}}.{{ext}}\"\n{}",
            indented("raw/in", "  "),
            indented("lake/yaml", "    ")
        );
        for (file, text) in [("c.ini", ini), ("c.toml", toml), ("c.yaml", yaml)] {
            scene.write(file, &text);
            run(&scene, &["-c", file, "sync"]).ends_with(0);
        }
        assert_eq!(scene.keys("lake"), ["ini/sales/2024.csv", "toml/sales/2024.csv", "yaml/sales/2024.csv"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_from_files_beside_the_configuration_and_then_from_the_environment() {
    let scene = Scene::s3().await;
    scene.put("raw", "in/a", "1");
    let endpoint = scene.server().endpoint();
    scene.write(
        "config.yaml",
        &format!(
            "source: {{base_path: raw/in, endpoint_url: \"{endpoint}\"}}\ndestinations:\n  - {{base_path: lake/0, endpoint_url: \"{endpoint}\"}}\n  - {{base_path: lake/1, endpoint_url: \"{endpoint}\"}}\n"
        ),
    );
    let credentials = format!("aws_access_key_id: {KEY_ID}\naws_secret_access_key: {SECRET}\n");
    scene.write("source.creds.yaml", &credentials).write("destination.1.creds.yaml", &credentials);
    scene.write("destination.creds.yaml", &credentials);
    run(&scene, &["-c", "config.yaml", "sync"]).ends_with(0);
    assert_eq!(scene.keys("lake"), ["0/a", "1/a"]);
    // The file with the number comes before the one without.
    scene.write("destination.creds.yaml", &credentials.replace(KEY_ID, "UNKNOWN"));
    let ran = run(&scene, &["-c", "config.yaml", "sync"]).ends_with(4);
    assert!(ran.stdout.contains("failed at destination.0") && !ran.stdout.contains("failed at destination.1"));
    for file in ["source.creds.yaml", "destination.creds.yaml", "destination.1.creds.yaml"] {
        fs::remove_file(scene.path(file)).unwrap();
    }
    let mut command = scene.command(&["-c", "config.yaml", "sync"]);
    Ran::of(command.env("AWS_ACCESS_KEY_ID", KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET)).ends_with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn payloads_are_signed_as_the_flag_says_and_else_as_the_file_says() {
    let (scene, other) = (Scene::s3().await, Scene::s3().await);
    scene.put("raw", "in/a", "bytes that are signed");
    let digest = "e3e931c1c4e4f3fca3d8acaf25b1373a81bbb7ff0a43bd3afb0a55de2dc87270";
    let told = |key: &str, flag: &[&str]| {
        scene.config(&format!("[source]\n{}[destination]\n{}{key}", scene.at("raw/in"), other.at("lake/out")));
        other.server().clear_requests();
        scene.solgate(&[&["sync"], flag].concat()).ends_with(0);
        let puts = other.server().requests_of(Operation::PutObject);
        puts[0].header("x-amz-content-sha256").unwrap().to_owned()
    };
    let always = "sign_payload = always\n";
    for (key, flag, signed) in [
        ("", &[][..], false),
        (always, &[], true),
        ("", &["--sign-payload", "always"], true),
        (always, &["--sign-payload=auto"], false),
    ] {
        let expected = if signed { digest } else { "UNSIGNED-PAYLOAD" };
        assert_eq!(told(key, flag), expected, "{key} {flag:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_in_a_file_location_are_tolerated_and_explicit_keys_stand_alone() {
    let scene = Scene::files();
    let keys =
        format!("aws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\nendpoint_url = http://127.0.0.1:1\n");
    scene.config(&format!("[source]\n{}{keys}[destination]\n{}{keys}", scene.at("raw/in"), scene.at("lake")));
    scene.put("raw", "in/a", "1");
    let ran = scene.solgate(&["sync", "-v"]).ends_with(0);
    assert!(!ran.stderr.contains(SECRET), "{}", ran.stderr);
    assert_eq!(scene.keys("lake"), ["a"]);
    // A token, a profile or an endpoint of the environment is none of theirs.
    let scene = Scene::s3().await;
    scene.plain().put("raw", "in/a", "1");
    let mut command = scene.command(&["-c", "config.ini", "sync"]);
    command.envs([("AWS_SESSION_TOKEN", "stray"), ("AWS_PROFILE", "none"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:1")]);
    Ran::of(command.env("AWS_REGION", "mars-1")).ends_with(0);
    assert_eq!(scene.keys("lake"), ["out/a"]);
}
