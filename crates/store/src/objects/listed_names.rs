//! Names in a listing that `object_store` would hand on under another name.
//!
//! Its `Path` drops one `/` at either end: a blob `dir/` is listed as `dir`, and a delete of that would hit another
//! object. So the page is looked through before `object_store` sees it.

use quick_xml::{Reader, events::Event};

use super::keys;

/// A listed object whose name cannot be carried.
#[derive(Debug, thiserror::Error)]
#[error("the bucket holds {name:?}, which this store's library cannot name: {reason}")]
pub(super) struct UnnameableObject {
    pub(super) name: String,
    pub(super) reason: String,
}

/// Looks through a page of Azure's `List Blobs` or GCS's `list-type=2`. A page that cannot be parsed is left for
/// `object_store` to complain about.
pub(super) fn check(page: &[u8]) -> Result<(), UnnameableObject> {
    let page = String::from_utf8_lossy(page);
    let mut reader = Reader::from_str(&page);
    let mut open: Vec<String> = Vec::new();
    let mut name = String::new();
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                open.push(String::from_utf8_lossy(tag.local_name().as_ref()).into_owned());
                name.clear();
            }
            Ok(Event::Text(text)) => name.push_str(&text.decode().unwrap_or_default()),
            Ok(Event::GeneralRef(entity)) => name.push_str(&resolve(&entity)),
            Ok(Event::End(_)) => {
                let path: Vec<_> = open.iter().rev().take(2).map(String::as_str).collect();
                match path[..] {
                    ["Name", "Blob"] | ["Key", "Contents"] => refuse_unless_exact(&name, &name)?,
                    ["Name", "BlobPrefix"] | ["Prefix", "CommonPrefixes"] => {
                        refuse_unless_exact(&name, name.strip_suffix('/').unwrap_or(&name))?;
                    }
                    _ => {}
                }
                open.pop();
            }
            Ok(Event::Eof) | Err(_) => return Ok(()),
            Ok(_) => {}
        }
    }
}

fn refuse_unless_exact(name: &str, path: &str) -> Result<(), UnnameableObject> {
    keys::path(path).map(drop).map_err(|reason| UnnameableObject { name: name.to_owned(), reason })
}

/// `&amp;`, `&#10;` and the like.
fn resolve(entity: &quick_xml::events::BytesRef<'_>) -> String {
    if let Ok(Some(character)) = entity.resolve_char_ref() {
        return character.to_string();
    }
    let name = entity.decode().unwrap_or_default();
    quick_xml::escape::resolve_predefined_entity(&name).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn azure(name: &str) -> Result<(), UnnameableObject> {
        let page = format!("<EnumerationResults><Blobs><Blob><Name>{name}</Name></Blob></Blobs></EnumerationResults>");
        check(page.as_bytes())
    }

    #[test]
    fn names_that_would_be_folded_are_refused_with_their_own_name() {
        for name in ["dir/", "/lead", "a//b", "a/../b", "./c", "a&#9;b"] {
            assert!(azure(name).is_err(), "{name}");
        }
        assert_eq!(azure("a&amp;b/").unwrap_err().name, "a&b/");
        for name in ["a", "a/b", "a &amp; b", "é", "%2F", " a "] {
            assert!(azure(name).is_ok(), "{name}");
        }
        let gcs = "<ListBucketResult><Contents><Key>dir/</Key></Contents></ListBucketResult>";
        assert!(check(gcs.as_bytes()).is_err());
    }

    #[test]
    fn common_prefixes_end_in_one_slash() {
        let page = |p: &str| format!("<r><CommonPrefixes><Prefix>{p}</Prefix></CommonPrefixes></r>");
        assert!(check(page("a/").as_bytes()).is_ok());
        assert!(check(page("a//").as_bytes()).is_err());
        assert!(check(page("/").as_bytes()).is_err());
    }
}
