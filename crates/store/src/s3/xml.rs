//! Replies and request bodies in XML.

use std::fmt::Write as _;

use quick_xml::{Reader, events::Event};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use transship_types::{ETag, Entry, Key};

use super::encode;
use crate::{Cursor, CursorKind, Error, ErrorKind, ListPage, Result, Tag, UnfinishedUpload, Upload};

/// Calls `close` at the end of every element with its path from the root and its text.
fn walk(xml: &[u8], mut close: impl FnMut(&[String], &str) -> Result<()>) -> Result<()> {
    let mut reader = Reader::from_reader(xml);
    let (mut path, mut text) = (Path::default(), String::new());
    loop {
        match reader.read_event().map_err(bad)? {
            Event::Start(start) => {
                text.clear();
                path.push(start.local_name().as_ref());
            }
            Event::Empty(empty) => {
                path.push(empty.local_name().as_ref());
                close(path.names(), "")?;
                path.pop();
            }
            Event::Text(part) => text.push_str(&part.decode().map_err(bad)?),
            Event::CData(part) => text.push_str(&part.decode().map_err(bad)?),
            Event::GeneralRef(reference) => {
                if let Some(c) = reference.resolve_char_ref().map_err(bad)? {
                    text.push(c);
                } else {
                    let name = reference.decode().map_err(bad)?;
                    let known = quick_xml::escape::resolve_xml_entity(&name);
                    text.push_str(known.ok_or_else(|| bad(format!("unknown entity {name:?}")))?);
                }
            }
            Event::End(_) => {
                close(path.names(), &text)?;
                text.clear();
                path.pop();
            }
            Event::Eof if path.names().is_empty() => return Ok(()),
            Event::Eof => return Err(bad("it ends in the middle")),
            _ => {}
        }
    }
}

/// The names of the elements that are open. Their memory is used again: a page of a listing has thousands of elements.
#[derive(Default)]
struct Path {
    names: Vec<String>,
    depth: usize,
}

impl Path {
    fn push(&mut self, name: &[u8]) {
        if self.depth == self.names.len() {
            self.names.push(String::new());
        }
        let slot = &mut self.names[self.depth];
        slot.clear();
        slot.push_str(&String::from_utf8_lossy(name));
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
    }

    fn names(&self) -> &[String] {
        &self.names[..self.depth]
    }
}

fn bad(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidReply, format!("the server's XML cannot be read: {why}"))
}

fn time(text: &str) -> Result<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).map_err(|_| bad(format!("{text:?} is no time")))
}

fn number(text: &str) -> Result<u64> {
    text.trim().parse().map_err(|_| bad(format!("{text:?} is no number")))
}

fn is_true(text: &str) -> Result<bool> {
    text.trim().parse().map_err(|_| bad(format!("{text:?} is neither true nor false")))
}

/// An entry whose fields arrive one by one.
#[derive(Default)]
struct Partial {
    key: Option<String>,
    size: Option<u64>,
    modified: Option<OffsetDateTime>,
    etag: Option<ETag>,
    class: Option<String>,
}

/// A page of `ListObjectsV2`.
pub(super) fn list_page(xml: &[u8]) -> Result<ListPage> {
    let (mut page, mut encoded, mut truncated, mut token) = (ListPage::default(), false, None, None);
    let (mut raw, mut partial, mut seen_root) = (Vec::new(), Partial::default(), false);
    walk(xml, |path, text| {
        match path {
            [root] => seen_root = root == "ListBucketResult",
            [_, name] => match name.as_str() {
                "EncodingType" => encoded = text == "url",
                "IsTruncated" => truncated = Some(is_true(text)?),
                "NextContinuationToken" if !text.is_empty() => token = Some(text.to_owned()),
                "Contents" => raw.push(std::mem::take(&mut partial)),
                _ => {}
            },
            [_, outer, name] if outer == "Contents" => match name.as_str() {
                "Key" => partial.key = Some(text.to_owned()),
                "Size" => partial.size = Some(number(text)?),
                "LastModified" => partial.modified = Some(time(text)?),
                "ETag" if !text.is_empty() => partial.etag = Some(ETag::new(text)),
                "StorageClass" if !["", "STANDARD"].contains(&text) => partial.class = Some(text.to_owned()),
                _ => {}
            },
            [_, outer, name] if outer == "CommonPrefixes" && name == "Prefix" => page.prefixes.push(text.to_owned()),
            _ => {}
        }
        Ok(())
    })?;
    if !seen_root {
        return Err(bad("it is no ListBucketResult"));
    }
    let decode = |text: String| {
        if encoded && text.contains(['%', '+']) {
            encode::decode(&text).ok_or_else(|| bad(format!("the key {text:?} is no UTF-8")))
        } else {
            Ok(text)
        }
    };
    page.entries = raw.into_iter().map(|p| entry(p, &decode)).collect::<Result<_>>()?;
    page.prefixes = std::mem::take(&mut page.prefixes).into_iter().map(decode).collect::<Result<_>>()?;
    // What is not listed may be taken for deleted: a page that is not clear about whether it is the last one is none.
    page.next = match (truncated, token) {
        (Some(false), None) => None,
        (Some(true), Some(token)) => Some(Cursor(CursorKind::Token(token))),
        (Some(true), None) => return Err(bad("the listing is truncated, but has no continuation token")),
        (Some(false), Some(_)) => return Err(bad("the listing is not truncated, but has a continuation token")),
        (None, _) => return Err(bad("the listing does not say whether it is truncated")),
    };
    Ok(page)
}

fn entry(partial: Partial, decode: &impl Fn(String) -> Result<String>) -> Result<Entry> {
    Ok(Entry {
        key: Key::from(decode(partial.key.ok_or_else(|| bad("an entry has no key"))?)?),
        size: partial.size.ok_or_else(|| bad("an entry has no size"))?,
        last_modified: partial.modified.ok_or_else(|| bad("an entry has no time"))?,
        etag: partial.etag,
        storage_class: partial.class,
    })
}

/// The fields of an `<Error>`.
#[derive(Debug, Default)]
pub(super) struct ErrorBody {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) region: Option<String>,
    pub(super) server_time: Option<OffsetDateTime>,
}

/// The error that a body holds, if its root element is `<Error>`. Never fails: a proxy's HTML is no error body.
pub(super) fn error_body(xml: &[u8]) -> Option<ErrorBody> {
    let (mut error, mut is_error) = (ErrorBody::default(), false);
    let outcome = walk(xml, |path, text| {
        match path {
            [root] => is_error = root == "Error",
            [_, name] => match name.as_str() {
                "Code" => error.code = text.to_owned(),
                "Message" => error.message = text.to_owned(),
                "Region" => error.region = Some(text.to_owned()),
                "ServerTime" => error.server_time = time(text).ok(),
                _ => {}
            },
            _ => {}
        }
        Ok(())
    });
    (outcome.is_ok() && is_error).then_some(error)
}

/// The text of one child of the root element.
pub(super) fn child(xml: &[u8], root_name: &str, wanted: &str) -> Result<Option<String>> {
    let (mut found, mut root_seen) = (None, String::new());
    walk(xml, |path, text| {
        match path {
            [root] => root_seen.clone_from(root),
            [_, name] if name == wanted => found = Some(text.to_owned()),
            _ => {}
        }
        Ok(())
    })?;
    if found.is_none() && root_seen != root_name {
        return Err(bad(format!("expected {root_name}, found {root_seen}")));
    }
    Ok(found)
}

/// Where the next page of `ListMultipartUploads` starts: key and upload.
pub(super) type UploadMarkers = (String, String);

/// A page of `ListMultipartUploads`.
pub(super) fn uploads(xml: &[u8]) -> Result<(Vec<UnfinishedUpload>, Option<UploadMarkers>)> {
    let (mut raw, mut encoded, mut truncated, mut next) = (Vec::new(), false, false, (String::new(), String::new()));
    let mut fields = (String::new(), String::new(), None);
    walk(xml, |path, text| {
        match path {
            [_, name] => match name.as_str() {
                "EncodingType" => encoded = text == "url",
                "IsTruncated" => truncated = text == "true",
                "NextKeyMarker" => next.0 = text.to_owned(),
                "NextUploadIdMarker" => next.1 = text.to_owned(),
                "Upload" => raw.push(std::mem::take(&mut fields)),
                _ => {}
            },
            [_, outer, name] if outer == "Upload" => match name.as_str() {
                "Key" => fields.0 = text.to_owned(),
                "UploadId" => fields.1 = text.to_owned(),
                "Initiated" => fields.2 = Some(time(text)?),
                _ => {}
            },
            _ => {}
        }
        Ok(())
    })?;
    let decode = |text: String| if encoded { encode::decode(&text).unwrap_or(text) } else { text };
    let uploads = raw
        .into_iter()
        .map(|(key, id, initiated)| UnfinishedUpload {
            upload: Upload { key: Key::from(decode(key)), id },
            initiated: initiated.unwrap_or(OffsetDateTime::UNIX_EPOCH),
        })
        .collect();
    Ok((uploads, truncated.then(|| (decode(next.0), next.1))))
}

/// The tags of a `Tagging` document.
pub(super) fn tags(xml: &[u8]) -> Result<Vec<Tag>> {
    let (mut tags, mut tag) = (Vec::new(), Tag::default());
    walk(xml, |path, text| {
        match path {
            [_, _, element] if element == "Tag" => tags.push(std::mem::take(&mut tag)),
            [_, _, _, name] if name == "Key" => tag.0 = text.to_owned(),
            [_, _, _, name] if name == "Value" => tag.1 = text.to_owned(),
            _ => {}
        }
        Ok(())
    })?;
    Ok(tags)
}

/// The document that gives an object its tags.
pub(super) fn tagging(tags: &[Tag]) -> String {
    let mut document = String::from("<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet>");
    for (name, value) in tags {
        let (name, value) = (escape(name), escape(value));
        let _ = write!(document, "<Tag><Key>{name}</Key><Value>{value}</Value></Tag>");
    }
    document.push_str("</TagSet></Tagging>");
    document
}

/// The keys that a `DeleteResult` says could not be deleted, with code and message.
pub(super) fn delete_failures(xml: &[u8]) -> Result<Vec<(String, String, String)>> {
    let (mut failures, mut fields) = (Vec::new(), Default::default());
    walk(xml, |path, text| {
        let fields: &mut (String, String, String) = &mut fields;
        match path {
            [_, element] if element == "Error" => failures.push(std::mem::take(fields)),
            [_, element, name] if element == "Error" => match name.as_str() {
                "Key" => fields.0 = text.to_owned(),
                "Code" => fields.1 = text.to_owned(),
                "Message" => fields.2 = text.to_owned(),
                _ => {}
            },
            _ => {}
        }
        Ok(())
    })?;
    Ok(failures)
}

/// Whether XML 1.0 can carry `text` unchanged: no control characters, and no line ends, which readers normalise.
pub(super) fn can_carry(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{85}' | '\u{2028}'))
}

/// `text` with the five special characters escaped.
pub(super) fn escape(text: &str) -> std::borrow::Cow<'_, str> {
    quick_xml::escape::escape(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_whole_and_decoded() {
        let page = list_page(
            br#"<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
            <Name>b</Name><IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>
            <Contents><Key>a+b%2Bc%0A</Key><Size>5</Size><ETag>&quot;abc&quot;</ETag><Owner><ID>Key</ID></Owner>
            <LastModified>2020-01-02T03:04:05.678Z</LastModified><StorageClass>GLACIER</StorageClass></Contents>
            <CommonPrefixes><Prefix>x%2F</Prefix></CommonPrefixes><EncodingType>url</EncodingType></ListBucketResult>"#,
        )
        .unwrap();
        assert_eq!(page.entries[0].key.as_str(), "a b+c\n");
        assert_eq!((page.entries[0].size, page.entries[0].etag.clone().unwrap().as_str()), (5, "abc"));
        assert_eq!(page.entries[0].storage_class.as_deref(), Some("GLACIER"));
        assert_eq!(page.prefixes, ["x/"]);
        assert!(matches!(page.next, Some(Cursor(CursorKind::Token(t))) if t == "t&1"));
    }

    #[test]
    fn a_page_that_does_not_say_clearly_whether_more_is_to_come_is_an_error() {
        for bad in [
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
            "<ListBucketResult><Contents><Key>a</Key>",
            "<html></html>",
            "",
            "<ListBucketResult><Contents><Key>a</Key></Contents><IsTruncated>false</IsTruncated></ListBucketResult>",
            "<ListBucketResult></ListBucketResult>",
            "<ListBucketResult/>",
            "<ListBucketResult><IsTruncated/></ListBucketResult>",
            "<ListBucketResult><IsTruncated>no</IsTruncated></ListBucketResult>",
            "<ListBucketResult><IsTruncated>false</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken/></ListBucketResult>",
            "<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>",
            "<html><ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult></html>",
        ] {
            let read = list_page(bad.as_bytes());
            assert_eq!(read.map_err(|e| e.kind()).map(drop), Err(ErrorKind::InvalidReply), "{bad}");
        }
        for last in ["<IsTruncated>false</IsTruncated>", "<NextContinuationToken/><IsTruncated>false</IsTruncated>"] {
            let page = list_page(format!("<ListBucketResult>{last}</ListBucketResult>").as_bytes()).unwrap();
            assert!(page.next.is_none(), "{last}");
        }
    }

    #[test]
    fn an_error_body_is_told_from_a_result() {
        let error = error_body(b"<Error><Code>SlowDown</Code><Message>wait</Message></Error>").unwrap();
        assert_eq!((error.code.as_str(), error.message.as_str()), ("SlowDown", "wait"));
        assert!(error_body(b"<CopyObjectResult><ETag>x</ETag></CopyObjectResult>").is_none());
        assert!(error_body(b"<html>").is_none());
    }
}
