//! Writing objects.

use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use http::HeaderName;
use object_store::{
    Attribute, Attributes as TheirAttributes, MultipartUpload, ObjectStore, PutMode, PutOptions as TheirPutOptions,
    PutPayload, PutResult, UpdateVersion, path::Path,
};
use transship_types::ETag;

use super::{digest, digest::TrustedDigests, failure::explain, keys::Rules, metered::Sent};
use crate::{
    Body, Capabilities, Condition, Error, ErrorKind, PutOptions, PutReply, Result,
    s3::{SOURCE_TIME, format_source_time},
};

/// How much of a stream goes to a file at once, in bytes.
const FILE_CHUNK: usize = 256 << 10;

/// Writes a body that is in memory, or is gathered there.
pub(super) async fn put(
    store: &dyn ObjectStore,
    path: &Path,
    body: Body,
    options: &PutOptions,
    attributes: TheirAttributes,
    rules: Rules,
) -> Result<PutReply> {
    let mut extensions = http::Extensions::new();
    if let Some(sent) = &body.sent {
        extensions.insert(Sent(Arc::clone(sent)));
    }
    let chunks = body.gather().await?;
    digest::check(&chunks, options.digest.as_ref()).await?;
    let mode = mode(store, path, &options.condition, rules).await?;
    let theirs = TheirPutOptions { mode, attributes, extensions, ..TheirPutOptions::default() };
    let written = store.put_opts(path, payload(chunks), theirs).await.map_err(|e| explain(&e))?;
    Ok(reply(&written))
}

/// Writes a body to a file as it arrives. The file is visible only when it is complete.
pub(super) async fn stream(mut upload: Box<dyn MultipartUpload>, body: Body, options: &PutOptions) -> Result<PutReply> {
    let mut check = digest::Check::of(options.digest.as_ref())?;
    match pour(&mut *upload, body, check.as_mut()).await.and_then(|()| check.map_or(Ok(()), digest::Check::finish)) {
        Ok(()) => Ok(reply(&upload.complete().await.map_err(|e| explain(&e))?)),
        Err(error) => {
            if let Err(left) = upload.abort().await {
                tracing::warn!(error = %explain(&left), "an unfinished file is left behind");
            }
            Err(error)
        }
    }
}

async fn pour(upload: &mut dyn MultipartUpload, body: Body, mut check: Option<&mut digest::Check>) -> Result<()> {
    let (announced, mut got) = (body.len(), 0);
    let mut stream = body.into_stream();
    let (mut chunks, mut held) = (Vec::new(), 0);
    while let Some(chunk) = stream.try_next().await? {
        if let Some(check) = &mut check {
            check.update(&chunk);
        }
        got += chunk.len() as u64;
        held += chunk.len();
        chunks.push(chunk);
        if held >= FILE_CHUNK {
            upload.put_part(payload(std::mem::take(&mut chunks))).await.map_err(|e| explain(&e))?;
            held = 0;
        }
    }
    if got != announced {
        return Err(Error::truncated(announced, got));
    }
    upload.put_part(payload(chunks)).await.map_err(|e| explain(&e))
}

pub(super) fn payload(chunks: Vec<Bytes>) -> PutPayload {
    chunks.into_iter().collect()
}

pub(super) fn reply(written: &PutResult) -> PutReply {
    PutReply {
        // Ceph 16 tells an empty one when an upload is completed.
        etag: written.e_tag.as_deref().map(ETag::new).filter(|etag| !etag.as_str().is_empty()),
        digests: TrustedDigests::from_extensions(&written.extensions),
        opaque_etag: false,
    }
}

async fn mode(store: &dyn ObjectStore, path: &Path, condition: &Condition, rules: Rules) -> Result<PutMode> {
    let version = match condition {
        Condition::Always => return Ok(PutMode::Overwrite),
        Condition::IfAbsent => return Ok(PutMode::Create),
        // GCS compares generations: that of the object which has the ETag now.
        Condition::IfMatch(etag) if rules == Rules::Gcs => generation(store, path, etag).await?,
        Condition::IfMatch(etag) => UpdateVersion { e_tag: Some(etag.quoted()), version: None },
    };
    Ok(PutMode::Update(version))
}

async fn generation(store: &dyn ObjectStore, path: &Path, etag: &ETag) -> Result<UpdateVersion> {
    let options = object_store::GetOptions { head: true, ..Default::default() };
    let meta = store.get_opts(path, options).await.map_err(|e| explain(&e))?.meta;
    if meta.e_tag.as_deref().map(ETag::new).as_ref() == Some(etag) {
        return Ok(UpdateVersion { e_tag: meta.e_tag, version: meta.version });
    }
    Err(Error::new(ErrorKind::PreconditionFailed, "the object is not what was expected"))
}

/// What is written beside the bytes, as far as the store keeps it.
///
/// # Errors
/// `Unsupported` for encryption, ACLs and classes that the store cannot be asked for; `InvalidRequest` naming the
/// metadata that cannot travel.
pub(super) fn attributes(options: &PutOptions, can: &Capabilities, rules: Rules) -> Result<TheirAttributes> {
    if options.encryption.is_some() {
        return Err(Error::unsupported("be asked for encryption"));
    }
    if options.acl.is_some() {
        return Err(Error::unsupported("be asked for an ACL"));
    }
    let mut theirs = TheirAttributes::new();
    if can.content_headers {
        content_headers(options, &mut theirs)?;
    }
    match &options.storage_class {
        Some(class) if can.content_headers => {
            theirs.insert(Attribute::StorageClass, value("the storage class", class)?.into());
        }
        Some(_) => return Err(Error::unsupported("choose a storage class")),
        None => {}
    }
    if can.metadata {
        metadata(options, rules, &mut theirs)?;
    }
    Ok(theirs)
}

/// `Expires` is not among them: `object_store` knows no such attribute.
fn content_headers(options: &PutOptions, theirs: &mut TheirAttributes) -> Result<()> {
    let ours = &options.attributes;
    for (name, what, content) in [
        (Attribute::ContentType, "Content-Type", &ours.content_type),
        (Attribute::ContentEncoding, "Content-Encoding", &ours.content_encoding),
        (Attribute::ContentDisposition, "Content-Disposition", &ours.content_disposition),
        (Attribute::ContentLanguage, "Content-Language", &ours.content_language),
        (Attribute::CacheControl, "Cache-Control", &ours.cache_control),
    ] {
        if let Some(content) = content {
            theirs.insert(name, value(what, content)?.into());
        }
    }
    Ok(())
}

fn metadata(options: &PutOptions, rules: Rules, theirs: &mut TheirAttributes) -> Result<()> {
    let fits = |name: &str| match rules {
        Rules::Azure => is_identifier(name),
        Rules::Gcs | Rules::Plain => HeaderName::try_from(name).is_ok(),
    };
    let unfit: Vec<_> = options.metadata.keys().filter(|name| !fits(name)).map(|name| format!("{name:?}")).collect();
    if !unfit.is_empty() {
        let why = if rules == Rules::Azure { "Azure wants identifiers" } else { "no header can carry them" };
        return Err(Error::new(ErrorKind::InvalidRequest, format!("metadata names {}: {why}", unfit.join(", "))));
    }
    for (name, content) in &options.metadata {
        let content = value(&format!("the metadata {name:?}"), content)?;
        theirs.insert(Attribute::Metadata(name.clone().into()), content.into());
    }
    if let Some(time) = options.source_time {
        theirs.insert(Attribute::Metadata(SOURCE_TIME.into()), format_source_time(time).into());
    }
    Ok(())
}

/// <https://learn.microsoft.com/en-us/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata#metadata-names>
fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// `object_store` panics at a header that is not plain ASCII, and HTTP drops spaces at either end.
fn value(what: &str, text: &str) -> Result<String> {
    if text.bytes().all(|b| (b' '..=b'~').contains(&b)) && text.trim() == text {
        return Ok(text.to_owned());
    }
    Err(Error::new(ErrorKind::InvalidRequest, format!("{what} {text:?} cannot travel in a header")))
}
