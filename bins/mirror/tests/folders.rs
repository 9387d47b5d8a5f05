//! Directories: links, names, what vanishes, and what becomes empty.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // in what the tests call, too

mod common;

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink},
};

use common::Scene;

/// What is where below a directory, links as such.
fn tree(scene: &Scene, root: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![scene.path(root)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let kind = entry.file_type().unwrap();
            let sign = if kind.is_symlink() {
                "@"
            } else if kind.is_dir() {
                "/"
            } else {
                ""
            };
            found.push(format!("{}{sign}", path.strip_prefix(scene.path(root)).unwrap().display()));
            if kind.is_dir() {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

fn folders() -> Scene {
    let scene = Scene::new("");
    scene.write("src/kept", "kept");
    fs::create_dir(scene.path("dst")).unwrap();
    scene
}

#[test]
fn nothing_is_deleted_or_written_through_a_link_at_the_destination() {
    let scene = folders();
    scene.write("important/x", "important");
    symlink(scene.path("important"), scene.path("dst/link")).unwrap();
    symlink(scene.path("dst"), scene.path("dst/loop")).unwrap();
    for flags in [&[][..], &["--copy-links"], &["-L"], &["--skip-links"]] {
        let ran = scene.run(&[&["sync", "src", "dst"], flags].concat()).ends_with(0);
        assert_eq!(
            ran.told().matches("symbolic link").count(),
            if flags == ["--skip-links"] { 0 } else { 2 },
            "{ran:?}"
        );
        assert_eq!(tree(&scene, "dst"), ["kept", "link@", "loop@"], "{flags:?}");
    }
    scene.write("src/link/x", "another");
    scene.run(&["sync", "src", "dst"]).ends_with(4).tells(&["symbolic link"]);
    assert_eq!(scene.read("important/x"), "important");
    assert_eq!(tree(&scene, "dst"), ["kept", "link@", "loop@"]);
}

#[test]
fn a_file_takes_the_place_of_a_link_and_what_it_led_to_stays() {
    let scene = folders();
    scene.write("important", "important");
    symlink(scene.path("important"), scene.path("dst/kept")).unwrap();
    scene.run(&["sync", "src", "dst"]).ends_with(0);
    assert_eq!((tree(&scene, "dst"), scene.read("dst/kept")), (vec!["kept".to_owned()], "kept".to_owned()));
    assert_eq!(scene.read("important"), "important");
}

#[test]
fn links_at_the_source_are_copied_only_when_it_is_asked_for() {
    let scene = folders();
    scene.write("elsewhere/below/file", "file");
    symlink("../elsewhere", scene.path("src/folder")).unwrap();
    symlink("../elsewhere/below/file", scene.path("src/file")).unwrap();
    scene.run(&["sync", "src", "dst"]).ends_with(0).tells(&["src/folder", "src/file", "symbolic link"]);
    assert_eq!(tree(&scene, "dst"), ["kept"]);
    for followed in [&["-L", "src"][..], &[":local,copy_links:src"]] {
        scene.run(&[&["sync"], followed, &["dst"]].concat()).ends_with(0);
        assert_eq!(tree(&scene, "dst"), ["file", "folder/", "folder/below/", "folder/below/file", "kept"]);
        scene.run(&["sync", "src", "dst"]).ends_with(0);
        assert_eq!(tree(&scene, "dst"), ["kept"]);
    }
    symlink("..", scene.path("elsewhere/below/up")).unwrap();
    scene.write("dst/folder/below/file", "file");
    scene.run(&["sync", "-L", "src", "dst"]).ends_with(1).tells(&["below/up", "leads back"]);
    assert_eq!(scene.read("dst/folder/below/file"), "file");
}

#[test]
fn a_link_that_leads_nowhere_deletes_nothing_where_links_are_followed() {
    let scene = folders();
    scene.write("dst/mounted/file", "file");
    symlink("nowhere", scene.path("src/mounted")).unwrap();
    scene.run(&["sync", "-L", "src", "dst"]).ends_with(1).tells(&["src/mounted", "leads nowhere"]);
    assert_eq!(scene.read("dst/mounted/file"), "file");
}

#[test]
fn a_folder_that_is_a_link_itself_is_what_it_leads_to() {
    let scene = folders();
    symlink("src", scene.path("from")).unwrap();
    symlink("dst", scene.path("to")).unwrap();
    scene.write("dst/old", "old");
    scene.run(&["sync", "from", "to"]).ends_with(0);
    assert_eq!(tree(&scene, "dst"), ["kept"]);
    assert!(scene.path("to").is_symlink());
}

#[test]
fn a_link_to_a_file_is_a_source_only_when_it_is_asked_for() {
    let scene = folders();
    symlink("kept", scene.path("src/link")).unwrap();
    scene.run(&["copy", "src/link", "dst"]).ends_with(2).tells(&["src/link", "--copy-links"]);
    assert_eq!(tree(&scene, "dst"), [""; 0]);
    scene.run(&["copy", "-L", "src/link", "dst"]).ends_with(0);
    assert_eq!(tree(&scene, "dst"), ["link"]);
}

#[test]
fn names_with_a_number_sign_are_names() {
    let scene = folders();
    for name in ["x#1", "c#/a#b#22"] {
        scene.write(&format!("src/{name}"), name);
    }
    scene.run(&["sync", "src", "dst"]).ends_with(0);
    assert_eq!(tree(&scene, "dst"), ["c#/", "c#/a#b#22", "kept", "x#1"]);
    fs::remove_file(scene.path("src/x#1")).unwrap();
    scene.run(&["sync", "src", "dst"]).ends_with(0);
    assert_eq!(tree(&scene, "dst"), ["c#/", "c#/a#b#22", "kept"]);
}

#[test]
fn names_with_control_characters_are_names() {
    let scene = folders();
    for name in ["new\nline", "ta\tb/\u{1}", "\u{7f}"] {
        scene.write(&format!("src/{name}"), name);
    }
    scene.run(&["sync", "src", "dst"]).ends_with(0);
    assert_eq!(tree(&scene, "dst"), ["kept", "new\nline", "ta\tb/", "ta\tb/\u{1}", "\u{7f}"]);
    scene.run(&["check", "src", "dst", "--download"]).ends_with(0);
}

#[test]
fn a_name_that_is_not_utf8_is_told_and_nothing_is_deleted() {
    let scene = folders();
    scene.write("dst/old", "old");
    fs::write(scene.path("src").join(OsStr::from_bytes(b"bad\xff")), "x").unwrap();
    scene.run(&["sync", "src", "dst"]).ends_with(1).tells(&["bad\u{fffd}", "not UTF-8"]);
    assert_eq!(scene.read("dst/old"), "old");
}

#[test]
fn directories_that_deletions_emptied_go_and_others_stay() {
    let scene = folders();
    for name in ["a/b/c/1", "a/b/c/2", "d/1", "e/1", "f"] {
        scene.write(&format!("dst/{name}"), name);
    }
    scene.write("src/d/2", "2");
    fs::create_dir_all(scene.path("dst/e/empty")).unwrap();
    fs::create_dir_all(scene.path("dst/always/empty")).unwrap();
    scene.run(&["sync", "src", "dst"]).ends_with(0);
    assert_eq!(tree(&scene, "dst"), ["always/", "always/empty/", "d/", "d/2", "e/", "e/empty/", "kept"]);
    fs::remove_dir_all(scene.path("src")).unwrap();
    fs::create_dir(scene.path("src")).unwrap();
    fs::remove_dir_all(scene.path("dst/always")).unwrap();
    fs::remove_dir_all(scene.path("dst/e")).unwrap();
    scene.run(&["sync", "src", "dst", "--allow-empty-source"]).ends_with(0);
    assert_eq!(tree(&scene, "dst"), [""; 0], "the folder itself stays");
}
