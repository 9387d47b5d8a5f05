use std::{collections::BTreeMap, fs, path::Path};

use transship_config::RcloneConfig;

use super::{config, ignored, keys, remote, s3, variables};

/// The variables of somebody whose home this is.
fn at_home(home: &Path) -> BTreeMap<String, String> {
    variables(&[("HOME", home.to_str().unwrap())])
}

fn loaded(named: Option<&Path>, variables: &BTreeMap<String, String>) -> Vec<String> {
    RcloneConfig::load(named, variables).unwrap_or_else(|error| panic!("{error}")).remotes()
}

fn write(folder: &Path, file: &str, remote: &str) {
    let file = folder.join(file);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, format!("[{remote}]\ntype = memory\n")).unwrap();
}

#[test]
fn the_file_is_looked_for_where_rclone_looks() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut variables = at_home(folder);
    assert!(loaded(None, &variables).is_empty(), "there need not be one");
    write(folder, ".rclone.conf", "old");
    assert_eq!(loaded(None, &variables), ["old"]);
    write(folder, ".config/rclone/rclone.conf", "home");
    assert_eq!(loaded(None, &variables), ["home"]);
    variables.insert("XDG_CONFIG_HOME".into(), folder.join("xdg").to_str().unwrap().into());
    assert_eq!(loaded(None, &variables), ["home"]);
    write(folder, "xdg/rclone/rclone.conf", "xdg");
    assert_eq!(loaded(None, &variables), ["xdg"]);
    write(folder, "variable.conf", "variable");
    variables.insert("RCLONE_CONFIG".into(), folder.join("variable.conf").to_str().unwrap().into());
    assert_eq!(loaded(None, &variables), ["variable"]);
    write(folder, "named.conf", "named");
    assert_eq!(loaded(Some(&folder.join("named.conf")), &variables), ["named"]);
    assert!(loaded(Some(Path::new("")), &variables).is_empty(), "an empty name stands for no file");
    variables.insert("RCLONE_CONFIG".into(), String::new());
    assert!(loaded(None, &variables).is_empty());
}

#[test]
fn a_named_file_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing.conf");
    let shown = missing.display();
    let error = RcloneConfig::load(Some(&missing), &at_home(folder.path())).unwrap_err();
    assert_eq!(error.to_string(), format!("{shown}: --config: there is no such file: expected an rclone.conf"));
    let variables = variables(&[("RCLONE_CONFIG", missing.to_str().unwrap())]);
    let error = RcloneConfig::load(None, &variables).unwrap_err();
    assert_eq!(error.to_string(), format!("{shown}: RCLONE_CONFIG: there is no such file: expected an rclone.conf"));
    let error = RcloneConfig::load(Some(folder.path()), &variables).unwrap_err().to_string();
    assert!(error.contains("this is a directory"), "{error}");
}

#[test]
fn comments_stand_at_the_start_of_a_line_and_values_are_what_they_are() {
    let text = "\u{feff}; one\r\n  # two\r\n[ x ]\r\ntype:s3\r\n  access_key_id=a b ; c # d\r\n\
                secret_access_key = \"50%\\n=:'\r\n\r\nregion =\r\n";
    let remote = remote(text, &[], "x:b");
    assert_eq!(keys(&remote), ("a b ; c # d", "\"50%\\n=:'", None));
    assert_eq!(s3(&remote).region, None);
}

#[test]
fn remotes_that_nobody_asks_for_are_not_looked_into() {
    let text = "[box]\ntype = crypt\nwhatever = 1\n[x]\ntype = memory\n";
    let config = config(text, &[]);
    assert_eq!(config.remotes(), ["box", "x"]);
    assert_eq!(ignored(&config.remote("x:b", Path::new("/")).unwrap()), Vec::<String>::new());
}
