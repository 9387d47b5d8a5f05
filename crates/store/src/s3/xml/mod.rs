//! Replies and request bodies in XML.

use std::fmt::Write as _;

use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use transship_types::Key;

pub(super) use self::page::PageReader;
use self::walk::walk;
use super::encode;
use crate::{Error, ErrorKind, Result, Tag, UnfinishedUpload, Upload};

mod page;
mod walk;

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
    fn an_error_body_is_told_from_a_result() {
        let error = error_body(b"<Error><Code>SlowDown</Code><Message>wait</Message></Error>").unwrap();
        assert_eq!((error.code.as_str(), error.message.as_str()), ("SlowDown", "wait"));
        assert!(error_body(b"<CopyObjectResult><ETag>x</ETag></CopyObjectResult>").is_none());
        assert!(error_body(b"<html>").is_none());
    }
}
