//! Which keys a store can hold under exactly their own name.

use object_store::path::Path;

/// The rules that come on top of those of `object_store`'s `Path`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rules {
    /// None: an embedder's store, or memory.
    Plain,
    /// <https://learn.microsoft.com/en-us/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata>
    Azure,
    /// <https://cloud.google.com/storage/docs/objects#naming>
    Gcs,
}

const MAX_AZURE_CHARACTERS: usize = 1024;
const MAX_AZURE_SEGMENTS: usize = 254;
const MAX_GCS_BYTES: usize = 1024;

impl Rules {
    /// The path that names `key` and nothing else, or why there is none.
    pub(super) fn path(self, key: &str) -> Result<Path, String> {
        let path = path(key)?;
        match self {
            Self::Plain => {}
            Self::Azure => azure(key)?,
            Self::Gcs if key.len() > MAX_GCS_BYTES => return Err(too_long("GCS", MAX_GCS_BYTES, "bytes", key.len())),
            Self::Gcs => {}
        }
        Ok(path)
    }
}

/// What a path can carry, on a disk as in `object_store`: names between single slashes.
pub(super) fn names(key: &str) -> Result<(), String> {
    if key.is_empty() {
        return Err("there is no object without a name".into());
    }
    for segment in key.split('/') {
        match segment {
            "" if key.starts_with('/') => return Err("it begins with a slash".into()),
            "" if key.ends_with('/') => return Err("it ends in a slash".into()),
            "" => return Err("it has an empty segment (//)".into()),
            "." | ".." => return Err(format!("it has a segment {segment:?}")),
            _ => {}
        }
    }
    Ok(())
}

/// What any `object_store` back end can carry.
pub(super) fn path(key: &str) -> Result<Path, String> {
    names(key)?;
    if let Some(control) = key.chars().find(char::is_ascii_control) {
        return Err(format!("it has the control character {control:?}"));
    }
    let path = Path::parse(key).map_err(|_| "it is no path".to_owned())?;
    if path.as_ref() == key { Ok(path) } else { Err(format!("it would become {:?}", path.as_ref())) }
}

fn azure(key: &str) -> Result<(), String> {
    let characters = key.encode_utf16().count();
    if characters > MAX_AZURE_CHARACTERS {
        return Err(too_long("Azure", MAX_AZURE_CHARACTERS, "characters", characters));
    }
    if key.split('/').count() > MAX_AZURE_SEGMENTS {
        return Err(format!("Azure allows {MAX_AZURE_SEGMENTS} segments"));
    }
    if key.contains('\\') {
        return Err("Azure takes a backslash for a slash".into());
    }
    if key.split('/').any(|segment| segment.ends_with('.')) {
        return Err("Azure drops the dot at the end of a segment".into());
    }
    // XML cannot carry them; Azure lists such names in another encoding.
    if key.contains(['\u{fffe}', '\u{ffff}']) {
        return Err("it has a character that no listing can carry".into());
    }
    Ok(())
}

fn too_long(store: &str, most: usize, unit: &str, length: usize) -> String {
    format!("{store} keys have at most {most} {unit}, this one has {length}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_refusal_says_why() {
        for (key, why) in [
            ("", "without a name"),
            ("/a", "begins with a slash"),
            ("a/", "ends in a slash"),
            ("a//b", "empty segment"),
            ("a/../b", "segment \"..\""),
            ("./c", "segment \".\""),
            ("a\nb", "control character '\\n'"),
            ("a\u{7f}", "control character"),
        ] {
            let reason = path(key).unwrap_err();
            assert!(reason.contains(why), "{key:?}: {reason}");
        }
        assert!(Rules::Azure.path("a\\b").unwrap_err().contains("backslash"));
        assert!(Rules::Azure.path("a./b").unwrap_err().contains("dot"));
        assert!(Rules::Azure.path(&"é".repeat(1025)).unwrap_err().contains("1024 characters"));
        assert!(Rules::Gcs.path(&"é".repeat(513)).unwrap_err().contains("1024 bytes"));
    }

    proptest! {
        #[test]
        fn a_key_that_has_a_path_is_that_path(key in "[a-c./\\\\%?#+ é\u{301}\\n\\t]{0,12}") {
            if let Ok(path) = path(&key) {
                prop_assert_eq!(path.as_ref(), key);
            }
        }
    }
}
