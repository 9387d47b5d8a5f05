//! Multipart uploads.

use std::fmt::Write as _;

use http::{HeaderMap, Method, header};
use transship_types::{Algorithm, ETag, Key};

use super::{client::Client, headers, message::Request, object, xml};
use crate::{Body, Error, ErrorKind, Part, PutOptions, PutReply, Result, UnfinishedUpload, Upload};

pub(super) async fn create(client: &Client, key: &Key, options: &PutOptions) -> Result<Upload> {
    let operation = "start the upload of";
    let request = Request::new(operation, Method::POST, Some(key))
        .query("uploads", "")
        .headers(headers::for_new_object(options)?);
    let (_, body) = client.document(request).await?;
    // Some servers name the root element otherwise, so only the element that is needed is looked for.
    let id = xml::child(&body, "InitiateMultipartUploadResult", "UploadId")
        .map_err(|e| e.during(operation, client.location(), Some(key)))?
        .filter(|id| !id.is_empty())
        .ok_or_else(|| missing("UploadId").during(operation, client.location(), Some(key)))?;
    Ok(Upload { key: key.clone(), id })
}

pub(super) async fn put_part(
    client: &Client,
    upload: &Upload,
    number: u32,
    body: Body,
    options: &PutOptions,
) -> Result<Part> {
    let mut headers = HeaderMap::new();
    object::add_digest(options, &mut headers)?;
    let request = part_request("write a part of", upload, number).headers(headers).body(body);
    let (headers, _) = client.document(request).await?;
    let etag = headers::text(&headers, header::ETAG)
        .ok_or_else(|| missing("ETag").during("write a part of", client.location(), Some(&upload.key)))?;
    let digest = options.digest.clone().filter(|d| d.algorithm != Algorithm::Md5);
    Ok(Part { number, etag: ETag::new(&etag), digest })
}

/// A `PUT` of one part.
pub(super) fn part_request<'a>(operation: &'static str, upload: &'a Upload, number: u32) -> Request<'a> {
    Request::new(operation, Method::PUT, Some(&upload.key))
        .query("partNumber", number.to_string())
        .query("uploadId", &*upload.id)
}

pub(super) async fn complete(
    client: &Client,
    upload: &Upload,
    parts: &[Part],
    options: &PutOptions,
) -> Result<PutReply> {
    let operation = "complete the upload of";
    let mut document = String::with_capacity(64 + parts.len() * 96);
    document.push_str("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for part in parts {
        let etag = xml::escape(part.etag.as_str());
        let _ = write!(document, "<Part><PartNumber>{}</PartNumber><ETag>\"{etag}\"</ETag>", part.number);
        if let Some((element, digest)) = part.digest.as_ref().and_then(checksum_element) {
            let _ = write!(document, "<{element}>{digest}</{element}>");
        }
        document.push_str("</Part>");
    }
    document.push_str("</CompleteMultipartUpload>");
    let mut headers = HeaderMap::new();
    headers::condition(&options.condition, &mut headers)?;
    let request = Request::new(operation, Method::POST, Some(&upload.key))
        .query("uploadId", &*upload.id)
        .headers(headers)
        .document(document);
    let (headers, body) = client.document_or_error(request).await?;
    let etag = xml::child(&body, "CompleteMultipartUploadResult", "ETag")
        .map_err(|e| e.during(operation, client.location(), Some(&upload.key)))?;
    let reply = headers::put_reply(&headers);
    // Ceph 16 sends an empty element.
    let etag = etag.filter(|e| !e.is_empty());
    Ok(PutReply { etag: etag.map(|e| ETag::new(&e)).or(reply.etag), ..reply })
}

/// The element in which a part's checksum is repeated.
fn checksum_element(digest: &transship_types::Digest) -> Option<(&'static str, String)> {
    let element = match digest.algorithm {
        Algorithm::Sha256 => "ChecksumSHA256",
        Algorithm::Sha1 => "ChecksumSHA1",
        Algorithm::Crc32 => "ChecksumCRC32",
        Algorithm::Crc32c => "ChecksumCRC32C",
        Algorithm::Crc64nvme => "ChecksumCRC64NVME",
        _ => return None,
    };
    Some((element, headers::digest_header(digest).1))
}

pub(super) async fn abort(client: &Client, upload: &Upload) -> Result<()> {
    let request = Request::new("abort the upload of", Method::DELETE, Some(&upload.key)).query("uploadId", &*upload.id);
    match client.document(request).await {
        Ok(_) => Ok(()),
        Err(error) if matches!(error.kind(), ErrorKind::NoSuchUpload | ErrorKind::NotFound) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Keys as they are at first: asked to encode them, Ceph 16 does so without saying it, and SeaweedFS says that it does
/// and does not. Only keys that XML cannot hold make a reply unreadable, and these servers have to encode.
pub(super) async fn list(client: &Client, prefix: &str) -> Result<Vec<UnfinishedUpload>> {
    match list_keys(client, prefix, None).await {
        Err(error) if error.kind() == ErrorKind::InvalidReply => list_keys(client, prefix, Some("url")).await,
        other => other,
    }
}

async fn list_keys(client: &Client, prefix: &str, encoding: Option<&str>) -> Result<Vec<UnfinishedUpload>> {
    let (mut uploads, mut markers): (Vec<_>, Option<(String, String)>) = (Vec::new(), None);
    loop {
        let mut request =
            Request::new("list the uploads of", Method::GET, None).query("uploads", "").query("prefix", prefix);
        if let Some(encoding) = encoding {
            request = request.query("encoding-type", encoding);
        }
        if let Some((key, id)) = &markers {
            request = request.query("key-marker", key).query("upload-id-marker", id);
        }
        let (_, body) = client.document(request).await?;
        let (page, next) = xml::uploads(&body).map_err(|e| e.during("list the uploads of", client.location(), None))?;
        uploads.extend(page);
        match next {
            None => return Ok(uploads),
            Some(next) if Some(&next) == markers.as_ref() => {
                let error = Error::new(ErrorKind::InvalidReply, "the server repeats a page");
                return Err(error.during("list the uploads of", client.location(), None));
            }
            Some(next) => markers = Some(next),
        }
    }
}

fn missing(what: &str) -> Error {
    Error::new(ErrorKind::InvalidReply, format!("the server's reply has no {what}"))
}
