//! `--help`: a snapshot of every page, so that a change of the command line is seen by who makes it.

use crate::scene::{Ran, Scene, json_lines};

fn page(arguments: &[&str], columns: &str) -> String {
    let scene = Scene::files();
    let mut command = scene.command(arguments);
    let ran = Ran::of(command.env("COLUMNS", columns)).ends_with(0);
    assert_eq!(ran.stderr, "");
    ran.stdout
}

#[test]
fn pages_of_help() {
    insta::assert_snapshot!("solgate", page(&["--help"], "100"));
    for command in ["list", "transfer", "sync", "notify", "explain", "version", "completions"] {
        insta::assert_snapshot!(command, page(&[command, "--help"], "100"));
    }
    let wide = page(&["sync", "--help"], "300");
    assert!(wide.lines().all(|line| line.chars().count() <= 110), "long lines are hard to read");
    let narrow = page(&["sync", "-h"], "60");
    assert!(narrow.lines().all(|line| line.chars().count() <= 60), "{narrow}");
}

#[test]
fn commands_have_the_flags_that_mean_something_for_them() {
    for (command, has, has_not) in [
        ("list", "-c --log-level", "--report --memory --progress --output\u{20}"),
        ("transfer", "-c --log-level --sign-payload --report --memory --progress --output", ""),
        ("sync", "-c --log-level --report --memory --progress --output", ""),
        ("notify", "-c --log-level", "--sign-payload --report --memory --progress --output"),
        ("explain", "-c --log-level --output", "--report --memory --progress"),
        ("version", "", "--sign-payload --config --log-level --report --memory --progress --output"),
        ("completions", "", "--config --log-level --report --memory --progress --output"),
    ] {
        let page = page(&[command, "--help"], "100");
        let flag = |flag: &str| page.contains(&format!("{flag} ")) || page.contains(&format!("{flag},"));
        for (flags, expected) in [(has, true), (has_not, false)] {
            flags.split_whitespace().for_each(|one| assert_eq!(flag(one), expected, "{command} {one}: {page}"));
        }
    }
    let scene = Scene::files();
    for command in [&["list"][..], &["explain", "a"], &["version"], &["notify"]] {
        let ran = scene.solgate(&[command, &["--report", "report.json"]].concat()).ends_with(2);
        assert!(ran.stderr.starts_with("error: unexpected argument '--report' found\n"), "{}", ran.stderr);
    }
    let ran = scene.solgate(&["list", "--output", "list.json"]).ends_with(2);
    assert!(ran.stderr.contains("-o FILE") && !scene.path("list.json").exists(), "{}", ran.stderr);
    // Flags of all commands may stand before the command, and are no mistake where nobody needs them.
    Ran::of(&mut scene.command(&["-c", "none.ini", "-q", "version"])).ends_with(0);
}

#[test]
fn mistakes_on_the_command_line_are_exit_code_2_and_name_what_was_meant() {
    let scene = Scene::files();
    for (arguments, words) in [
        (&["snyc"][..], "sync"),
        (&["sync", "--skip-exsting"], "--skip-existing"),
        (&[], "Usage: solgate"),
        (&["transfer"], "--listing-file"),
        (&["transfer", "a", "-l", "b"], "cannot be used with"),
        (&["sync", "--memory", "1KiB"], "at least"),
        (&["sync", "--transfers", "0"], "1..=1024"),
        (&["sync", "--log-level", "loud=x"], "--log-level"),
    ] {
        let ran = scene.solgate(arguments).ends_with(2);
        assert!(ran.stderr.contains(words) && ran.stdout.is_empty(), "{ran:?}");
        let ran = scene.solgate(&[arguments, &["--log-format", "json"]].concat()).ends_with(2);
        let [line] = &json_lines(&ran.stderr)[..] else { panic!("one line: {}", ran.stderr) };
        let message = line["message"].as_str().unwrap();
        assert!(message.contains(words) && !message.contains('\n') && line["level"] == "ERROR", "{line}");
    }
}
