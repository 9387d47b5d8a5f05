//! What stands behind a remote's `:`.

use std::path::{Component, Path, PathBuf};

/// A bucket and what is in it: the bucket's name and the path behind it, neither `/` before nor behind them.
pub(super) fn bucket_and_path(path: &str) -> (&str, &str) {
    let path = path.trim_matches('/');
    path.split_once('/').unwrap_or((path, ""))
}

/// A directory of this machine, with `.` and `..` resolved by name, as rclone does.
pub(super) fn directory(folder: &Path, path: &str) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in folder.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

/// The path behind an alias's `:`, inside the one that it stands for. `..` does not lead out of the alias.
pub(super) fn inside(base: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    // Keys may hold `//`: only `.` and `..` are resolved.
    for part in path.trim_start_matches('/').split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    match (base, path.as_str()) {
        (base, "") => base.to_owned(),
        ("", path) => path.to_owned(),
        (base, path) if base.ends_with('/') => format!("{base}{path}"),
        (base, path) => format!("{base}/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_are_cleaned_by_name() {
        let folder = Path::new("/home/me");
        for (path, clean) in [
            ("", "/home/me"),
            (".", "/home/me"),
            ("a/../b/./c//d/", "/home/me/b/c/d"),
            ("..", "/home"),
            ("../../../..", "/"),
            ("/x/", "/x"),
        ] {
            assert_eq!(directory(folder, path), Path::new(clean), "{path}");
        }
    }

    #[test]
    fn nothing_leads_out_of_an_alias() {
        for (base, path, joined) in [
            ("bucket", "a//b/", "bucket/a//b/"),
            ("bucket/", "a", "bucket/a"),
            ("/data", "..", "/data"),
            ("/data", "x/../../y", "/data/y"),
            ("/data", "/x", "/data/x"),
            ("", "x", "x"),
            ("/", "x", "/x"),
            ("bucket", "", "bucket"),
        ] {
            assert_eq!(inside(base, path), joined, "{base} {path}");
        }
    }
}
