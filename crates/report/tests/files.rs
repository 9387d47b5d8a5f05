//! Files of results appear complete or not at all.
#![allow(clippy::unwrap_used)] // in what the tests call, too

use std::{fs, io::Write, path::Path};

use time::OffsetDateTime;
use transship_report::{DestinationReport, FailedList, ObjectReport, OutputFile};
use transship_types::{ETag, Entry, Key, Outcome, Strength};

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn object(key: &str, outcome: Outcome) -> ObjectReport {
    let entry = Entry {
        key: Key::from(key),
        size: 5,
        last_modified: OffsetDateTime::UNIX_EPOCH,
        etag: Some(ETag::new("abc")),
        storage_class: None,
    };
    let mut object = ObjectReport::from(&entry);
    object.destinations.push(DestinationReport::new("a", Key::from("x"), outcome));
    object
}

fn failed() -> Outcome {
    Outcome::Failed { error: "no".into() }
}

#[test]
fn a_file_appears_only_when_it_is_complete() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("report.json");
    fs::write(&path, "old").unwrap();
    let mut file = OutputFile::create(&path).unwrap();
    file.write_all(b"new").unwrap();
    file.flush().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    drop(file);
    assert_eq!((fs::read(&path).unwrap(), names(directory.path())), (b"old".to_vec(), vec!["report.json".to_owned()]));
    let mut file = OutputFile::create(&path).unwrap();
    file.write_all(b"new").unwrap();
    file.commit().unwrap();
    assert_eq!((fs::read(&path).unwrap(), names(directory.path())), (b"new".to_vec(), vec!["report.json".to_owned()]));
}

#[test]
#[cfg(unix)]
fn files_are_readable_as_the_umask_allows_and_links_stay_links() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let plain = directory.path().join("plain");
    fs::write(&plain, "").unwrap();
    let usual = fs::metadata(&plain).unwrap().permissions().mode();
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&plain, &link).unwrap();
    let mut file = OutputFile::create(&link).unwrap();
    file.write_all(b"x").unwrap();
    file.commit().unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&plain).unwrap(), b"x");
    assert_eq!(fs::metadata(&plain).unwrap().permissions().mode(), usual);
}

#[test]
#[cfg(unix)]
fn what_is_no_file_is_written_to_and_not_replaced() {
    use std::os::unix::fs::FileTypeExt;
    let mut file = OutputFile::create("/dev/null").unwrap();
    file.write_all(b"x").unwrap();
    file.commit().unwrap();
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("missing/report.json");
    let error = OutputFile::create(&missing).unwrap_err().to_string();
    assert_eq!(error, format!("create {}: No such file or directory (os error 2)", missing.display()));
    let error = OutputFile::create(directory.path()).unwrap_err().to_string();
    assert!(error.contains("is a directory"), "{error}");
}

#[test]
fn failed_and_unfinished_objects_are_listed_in_the_form_of_a_listing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("failed.json");
    let mut list = FailedList::new(&path);
    for object in [
        object("a//b\n", failed()),
        object("done", Outcome::Copied { verified: Strength::Size }),
        object("stopped", Outcome::Cancelled),
        object("there", Outcome::Skipped { reason: "equal".into() }),
    ] {
        list.add(&object).unwrap();
    }
    let mut unknown = ObjectReport::new(Key::from("gone"));
    unknown.destinations.push(DestinationReport::new("a", None, failed()));
    list.add(&unknown).unwrap();
    assert!(!path.exists());
    assert_eq!(list.finish().unwrap(), 3);
    let line = |key| format!(r#"{{"key":"{key}","size":5,"last_modified":"1970-01-01T00:00:00Z","e_tag":"abc"}}"#);
    let expected = format!("{}\n{}\n{{\"key\":\"gone\"}}\n", line("a//b\\n"), line("stopped"));
    assert_eq!(fs::read_to_string(&path).unwrap(), expected);
}

#[test]
fn an_old_list_is_not_taken_for_that_of_a_run_without_failures() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("failed.json");
    fs::write(&path, "{\"key\":\"old\"}\n").unwrap();
    drop(FailedList::new(&path));
    assert!(path.exists(), "the run never ended");
    assert_eq!(FailedList::new(&path).finish().unwrap(), 0);
    assert!(names(directory.path()).is_empty());
    assert_eq!(FailedList::new(&path).finish().unwrap(), 0, "nothing to remove is fine");
}

#[test]
fn a_file_that_is_no_list_is_left_alone_by_a_run_without_failures() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("failed.json");
    for foreign in ["notes of my own\n", "[1, 2]\n", "{\"name\":\"x\"}\n"] {
        fs::write(&path, foreign).unwrap();
        assert_eq!(FailedList::new(&path).finish().unwrap(), 0);
        assert_eq!(fs::read_to_string(&path).unwrap(), foreign);
    }
}
