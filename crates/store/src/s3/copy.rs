//! Copies on the server.

use http::{HeaderMap, HeaderValue, Method};
use transship_types::{ETag, Key};

use super::{client::Client, encode, headers, message::Request, multipart, xml};
use crate::{Attributes, CopySource, Error, ErrorKind, Part, PutOptions, PutReply, Result, Upload};

/// Content headers, metadata and tags travel along, except where `options` names any: then they are all replaced.
pub(super) async fn object(client: &Client, source: &CopySource, key: &Key, options: &PutOptions) -> Result<PutReply> {
    let mut headers = source_headers(source)?;
    let told =
        options.source_time.is_some() || !options.metadata.is_empty() || options.attributes != Attributes::default();
    if told {
        headers.extend(headers::for_new_object(options)?);
        headers.insert("x-amz-metadata-directive", HeaderValue::from_static("REPLACE"));
    } else {
        headers::placement(options, &mut headers)?;
    }
    headers::condition(&options.condition, &mut headers)?;
    let request = Request::new("copy to", Method::PUT, Some(key)).headers(headers);
    let (headers, body) = client.document_or_error(request).await?;
    let etag =
        xml::child(&body, "CopyObjectResult", "ETag").map_err(|e| e.during("copy to", client.location(), Some(key)))?;
    let reply = headers::put_reply(&headers);
    Ok(PutReply { etag: etag.map(|e| ETag::new(&e)).or(reply.etag), ..reply })
}

pub(super) async fn part(
    client: &Client,
    source: &CopySource,
    range: std::ops::Range<u64>,
    upload: &Upload,
    number: u32,
) -> Result<Part> {
    let operation = "copy a part to";
    let bytes = format!("bytes={}-{}", range.start, range.end.saturating_sub(1));
    let request = multipart::part_request(operation, upload, number)
        .headers(source_headers(source)?)
        .header("x-amz-copy-source-range", headers::value("the range", &bytes)?);
    let (_, body) = client.document_or_error(request).await?;
    let etag = xml::child(&body, "CopyPartResult", "ETag")
        .map_err(|e| e.during(operation, client.location(), Some(&upload.key)))?
        .ok_or_else(|| {
            Error::new(ErrorKind::InvalidReply, "the server's reply has no ETag").during(
                operation,
                client.location(),
                Some(&upload.key),
            )
        })?;
    Ok(Part { number, etag: ETag::new(&etag), digest: None })
}

fn source_headers(source: &CopySource) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let path = format!("/{}/{}", encode::path(&source.bucket), encode::path(source.key.as_str()));
    headers.insert("x-amz-copy-source", headers::value("the copy source", &path)?);
    if let Some(etag) = &source.if_match {
        headers.insert("x-amz-copy-source-if-match", headers::value("the ETag", &etag.quoted())?);
    }
    Ok(headers)
}
