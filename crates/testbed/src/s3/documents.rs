//! The XML documents of replies, where what `s3s` wrote needs another touch.

use http::{HeaderValue, Response, header};
use http_body_util::BodyExt as _;

type Reply = Response<s3s::Body>;

/// Whether the body is a document of the server's, and not an object that happens to be XML: those have an ETag header.
pub(crate) fn is_document(reply: &Reply) -> bool {
    let is_xml = reply.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/xml");
    is_xml && !reply.headers().contains_key(header::ETAG)
}

/// Writes control characters of keys as AWS does, as character references. `s3s` writes them raw, and XML readers turn
/// a raw carriage return into a newline: another key.
pub(crate) fn with_control_characters_escaped(body: s3s::Body) -> s3s::Body {
    let is_raw = |byte: u8| byte < b' ' && byte != b'\t' && byte != b'\n';
    let Some(document) = body.bytes().filter(|document| document.iter().any(|byte| is_raw(*byte))) else {
        return body;
    };
    let mut escaped = Vec::with_capacity(document.len() + 64);
    for byte in document {
        match is_raw(byte) {
            true => escaped.extend_from_slice(format!("&#{byte};").as_bytes()),
            false => escaped.push(byte),
        }
    }
    escaped.into()
}

/// Replaces the ETag of a reply, in its header and in its document.
pub(crate) async fn with_etag(mut reply: Reply, etag: &str) -> Reply {
    let quoted = format!("\"{etag}\"");
    if let (true, Ok(value)) = (reply.headers().contains_key(header::ETAG), HeaderValue::try_from(&quoted)) {
        reply.headers_mut().insert(header::ETAG, value);
    }
    if !is_document(&reply) {
        return reply;
    }
    let (mut parts, body) = reply.into_parts();
    let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let document = String::from_utf8_lossy(&bytes).into_owned();
    let replaced = match (document.find("<ETag>"), document.find("</ETag>")) {
        (Some(start), Some(end)) if start < end => format!("{}<ETag>{quoted}{}", &document[..start], &document[end..]),
        _ => document,
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, s3s::Body::from(replaced))
}
