//! `--help`: a snapshot of every page, so that a change of the command line is seen by who makes it.

use crate::scene::{Ran, Scene};

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
fn mistakes_on_the_command_line_are_exit_code_2_and_name_what_was_meant() {
    let scene = Scene::files();
    for (arguments, words) in [
        (&["snyc"][..], "sync"),
        (&["sync", "--skip-exsting"], "--skip-existing"),
        (&[], "Usage: solgate"),
        (&["sync", "--memory", "1KiB"], "at least"),
        (&["sync", "--transfers", "0"], "1..=1024"),
        (&["sync", "--log-level", "loud=x"], "--log-level"),
    ] {
        let ran = scene.solgate(arguments).ends_with(2);
        assert!(ran.stderr.contains(words) && ran.stdout.is_empty(), "{ran:?}");
    }
}
