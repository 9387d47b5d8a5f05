//! Whole objects: look, read, write, tags.

use futures::StreamExt;
use http::{HeaderMap, HeaderValue, Method, header};
use transship_types::Key;

use super::{
    client::Client,
    headers,
    message::{Reply, Request},
    xml,
};
use crate::{Body, Error, ErrorKind, GetOptions, GetReply, ObjectInfo, PartInfo, PutOptions, PutReply, Result, Tag};

pub(super) async fn head(client: &Client, key: &Key) -> Result<ObjectInfo> {
    let request = Request::new("look at", Method::HEAD, Some(key)).header("x-amz-checksum-mode", enabled());
    let reply = client.send(request).await?;
    let size = reply.length().ok_or_else(|| no_length("look at", client, key))?;
    Ok(headers::object_info(&reply.headers, size))
}

pub(super) async fn head_part(client: &Client, key: &Key, number: u32) -> Result<PartInfo> {
    let operation = "look at a part of";
    let request = Request::new(operation, Method::HEAD, Some(key)).query("partNumber", number.to_string());
    let reply = client.send(request).await?;
    let length = reply.length().ok_or_else(|| no_length(operation, client, key))?;
    let info = headers::object_info(&reply.headers, length);
    // Ceph 16 and moto take no notice of the number and describe the whole object.
    let whole = total_size(&reply) == Some(length) && info.parts.is_some_and(|parts| parts > 1);
    let told = info.parts.is_some() || reply.headers.contains_key(header::CONTENT_RANGE);
    if length > 0 && (whole || !told) {
        return Err(Error::unsupported("look at single parts").during(operation, client.location(), Some(key)));
    }
    Ok(PartInfo { length, etag: info.etag, parts: info.parts })
}

pub(super) async fn get(client: &Client, key: &Key, options: &GetOptions) -> Result<GetReply> {
    let mut request = Request::new("read", Method::GET, Some(key)).header("x-amz-checksum-mode", enabled());
    if let Some(range) = &options.range {
        let last = range.end.saturating_sub(1);
        request = request.header("range", headers::value("range", &format!("bytes={}-{last}", range.start))?);
    }
    if let Some(etag) = &options.if_match {
        request = request.header("if-match", headers::value("the ETag", &etag.quoted())?);
    }
    if let Some(number) = options.part_number {
        request = request.query("partNumber", number.to_string());
    }
    let reply = client.send(request).await?;
    let length = reply.length().ok_or_else(|| no_length("read", client, key))?;
    let size = total_size(&reply).unwrap_or(length);
    check_range(client, key, options, length, size)?;
    // Ceph 16 and moto take no notice of the number and send the whole object.
    if options.part_number.is_some() && length > 0 && !reply.headers.contains_key(header::CONTENT_RANGE) {
        return Err(Error::unsupported("read single parts").during("read", client.location(), Some(key)));
    }
    let info = headers::object_info(&reply.headers, size);
    let (location, key) = (client.location().to_owned(), key.clone());
    let body = reply.stream().map(move |chunk| chunk.map_err(|e| e.during("read", &location, Some(&key))));
    Ok(GetReply { info, length, body: body.boxed() })
}

pub(super) async fn put(client: &Client, key: &Key, body: Body, options: &PutOptions) -> Result<PutReply> {
    let mut headers = headers::for_new_object(options)?;
    headers::condition(&options.condition, &mut headers)?;
    add_digest(options, &mut headers)?;
    let (headers, _) =
        client.document(Request::new("write", Method::PUT, Some(key)).headers(headers).body(body)).await?;
    Ok(headers::put_reply(&headers))
}

pub(super) async fn tags(client: &Client, key: &Key) -> Result<Vec<Tag>> {
    let request = Request::new("read the tags of", Method::GET, Some(key)).query("tagging", "");
    let (_, body) = client.document(request).await?;
    xml::tags(&body).map_err(|e| e.during("read the tags of", client.location(), Some(key)))
}

pub(super) async fn put_tags(client: &Client, key: &Key, tags: &[Tag]) -> Result<()> {
    let document = xml::tagging(tags);
    let request = Request::new("write the tags of", Method::PUT, Some(key))
        .query("tagging", "")
        .header("content-md5", headers::content_md5(document.as_bytes())?)
        .document(document);
    client.document(request).await.map(drop)
}

/// The digest of the body, for the server to check.
pub(super) fn add_digest(options: &PutOptions, headers: &mut HeaderMap) -> Result<()> {
    if let Some(digest) = &options.digest {
        let (name, encoded) = headers::digest_header(digest);
        headers.insert(name, headers::value("the digest", &encoded)?);
    }
    Ok(())
}

/// A server that ignores the range would give other bytes than were asked for.
fn check_range(client: &Client, key: &Key, options: &GetOptions, length: u64, size: u64) -> Result<()> {
    let Some(range) = &options.range else { return Ok(()) };
    let expected = range.end.min(size).saturating_sub(range.start);
    if length == expected {
        return Ok(());
    }
    let detail = format!("asked for bytes {range:?} of {size}, the server sends {length} bytes");
    Err(Error::new(ErrorKind::InvalidReply, detail).during("read", client.location(), Some(key)))
}

/// The number behind the slash of `Content-Range: bytes 0-9/100`.
fn total_size(reply: &Reply) -> Option<u64> {
    headers::text(&reply.headers, header::CONTENT_RANGE)?.rsplit_once('/')?.1.parse().ok()
}

fn no_length(operation: &'static str, client: &Client, key: &Key) -> Error {
    Error::new(ErrorKind::InvalidReply, "the server does not say how long the object is").during(
        operation,
        client.location(),
        Some(key),
    )
}

fn enabled() -> HeaderValue {
    HeaderValue::from_static("ENABLED")
}
