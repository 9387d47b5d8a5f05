//! Copies made by the server itself: CopyObject and the source side of UploadPartCopy.

use super::attributes::{ReadConditions, attributes_from, precondition_failed};
use super::backend::Backend;
use super::checksums::{ObjectChecksums, checksum_fields, hasher};
use super::content::Content;
use super::object::{StoredObject, kms_etag};
use super::upload::Part;
use http::HeaderMap;
use percent_encoding::percent_decode_str;
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};
use std::sync::Arc;

/// Largest source of one CopyObject or UploadPartCopy, in bytes
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html>).
const LARGEST_COPY: u64 = 5 << 30;

/// The object that `x-amz-copy-source` names. Read from the header itself: AWS takes a bare `+` for a blank, as in a
/// form, and `s3s` does not.
struct CopiedFrom {
    bucket: String,
    key: String,
}

impl CopiedFrom {
    fn read(headers: &HeaderMap) -> S3Result<Self> {
        let invalid = || s3_error!(InvalidArgument, "Invalid copy source object key");
        let header = headers.get("x-amz-copy-source").and_then(|source| source.to_str().ok()).ok_or_else(invalid)?;
        let path = header.split_once('?').map_or(header, |(path, _version)| path).replace('+', " ");
        let path = percent_decode_str(&path).decode_utf8().map_err(|_| invalid())?;
        let (bucket, key) = path.strip_prefix('/').unwrap_or(&path).split_once('/').ok_or_else(invalid)?;
        Ok(Self { bucket: bucket.to_owned(), key: key.to_owned() })
    }

    fn is(&self, bucket: &str, key: &str) -> bool {
        self.bucket == bucket && self.key == key
    }
}

impl Backend {
    pub(crate) async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = request.input;
        let source = CopiedFrom::read(&request.headers)?;
        let conditions = ReadConditions {
            if_match: input.copy_source_if_match.as_ref(),
            if_none_match: input.copy_source_if_none_match.as_ref(),
            modified_since: input.copy_source_if_modified_since.as_ref(),
            unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
        };
        let onto_itself = source.is(&input.bucket, &input.key);
        let source = self.copy_source(&source, &conditions)?;
        check_copy_size(source.size())?;

        let replace = |directive: Option<&str>| directive == Some("REPLACE");
        let mut attributes = attributes_from!(input);
        let replaces_metadata = replace(input.metadata_directive.as_ref().map(MetadataDirective::as_str));
        let replaces_tags = replace(input.tagging_directive.as_ref().map(TaggingDirective::as_str));
        if onto_itself && !replaces_metadata && attributes.storage_class.is_none() {
            let message = "This copy request is illegal because it is trying to copy an object to itself.";
            return Err(s3_error!(InvalidRequest, "{message}"));
        }
        // Storage class and encryption are never copied, as on AWS.
        let (storage_class, encryption) = (attributes.storage_class.take(), attributes.encryption.take());
        let mut kept = if replaces_metadata { attributes.clone() } else { source.attributes.clone() };
        kept.tags = if replaces_tags { attributes.tags } else { source.attributes.tags.clone() };
        (kept.storage_class, kept.encryption, kept.kms_key) = (storage_class, encryption, attributes.kms_key);

        let (content, known) = (source.content.clone(), source.etag().to_owned());
        let single = source.part_sizes.is_empty() && !source.attributes.is_kms();
        let mut etag = if single { known } else { hex::encode(digest(content.clone()).await?) };
        if kept.is_kms() {
            etag = kms_etag(digest(content.clone()).await?);
        }
        let mut object = StoredObject::from_content(content).with_etag(etag).with_attributes(kept);
        object.modified = Some(self.store.now());
        object.checksums = self.copied_checksums(&source, &input);

        let result = copy_result(&object);
        let encryption = object.attributes.encryption.clone().map(Into::into);
        self.store.with_bucket(&input.bucket, |bucket| {
            bucket.objects.insert(input.key, Arc::new(object));
            Ok(())
        })?;
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(result),
            server_side_encryption: encryption,
            ..CopyObjectOutput::default()
        }))
    }

    pub(crate) async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let input = request.input;
        let source = CopiedFrom::read(&request.headers)?;
        let conditions = ReadConditions {
            if_match: input.copy_source_if_match.as_ref(),
            if_none_match: input.copy_source_if_none_match.as_ref(),
            modified_since: input.copy_source_if_modified_since.as_ref(),
            unmodified_since: input.copy_source_if_unmodified_since.as_ref(),
        };
        let source = self.copy_source(&source, &conditions)?;
        let content = match &input.copy_source_range {
            Some(range) => source.content.slice(copied_range(range, source.size())?),
            None => source.content.clone(),
        };
        check_copy_size(content.size())?;
        let whole = content.size() == source.size() && source.part_sizes.is_empty() && !source.attributes.is_kms();
        let known = whole.then(|| hex::decode(source.etag()).ok()?.try_into().ok()).flatten();
        let md5 = match known {
            Some(md5) => md5,
            None => digest(content.clone()).await?,
        };
        let modified = self.store.now();
        let part = Part { content, md5, etag: String::new(), checksums: ObjectChecksums::default(), modified };
        let etag = self.store_part(&input.bucket, &input.key, &input.upload_id, input.part_number, part)?;
        let result = CopyPartResult {
            e_tag: Some(ETag::Strong(etag)),
            last_modified: Some(modified.into()),
            ..CopyPartResult::default()
        };
        Ok(S3Response::new(UploadPartCopyOutput { copy_part_result: Some(result), ..UploadPartCopyOutput::default() }))
    }

    fn copy_source(&self, source: &CopiedFrom, conditions: &ReadConditions<'_>) -> S3Result<Arc<StoredObject>> {
        let object = self.store.with_bucket(&source.bucket, |bucket| bucket.object(&source.key))?;
        conditions.check(&object, precondition_failed)?;
        Ok(object)
    }

    /// A checksum that was asked for is computed, that of a single-part source is kept, others are lost.
    fn copied_checksums(&self, source: &StoredObject, input: &CopyObjectInput) -> ObjectChecksums {
        let asked = input.checksum_algorithm.as_ref();
        match asked.and_then(|name| super::checksums::Algorithm::named(name.as_str())) {
            Some(algorithm) => {
                let mut sums = hasher(&[algorithm]);
                source.content.clone().chunks().for_each(|chunk| sums.update(&chunk));
                sums.finalize().into()
            }
            None if source.checksums.composite => ObjectChecksums::default(),
            None => source.checksums.clone(),
        }
    }
}

fn copy_result(object: &StoredObject) -> CopyObjectResult {
    let mut result = CopyObjectResult {
        e_tag: Some(ETag::Strong(object.etag().to_owned())),
        last_modified: Some(object.modified().into()),
        checksum_type: object.checksums.kind(),
        ..CopyObjectResult::default()
    };
    checksum_fields!(into result, object.checksums);
    result
}

fn check_copy_size(size: u64) -> S3Result {
    if size > LARGEST_COPY {
        let message = "The specified copy source is larger than the maximum allowable size for a copy source";
        return Err(s3_error!(InvalidRequest, "{message}: {LARGEST_COPY}"));
    }
    Ok(())
}

/// `bytes=first-last`, both given and within the source: UploadPartCopy knows no other form.
fn copied_range(range: &str, size: u64) -> S3Result<std::ops::Range<u64>> {
    let invalid =
        || s3_error!(InvalidArgument, "The x-amz-copy-source-range value must be of the form bytes=first-last");
    let (first, last) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')).ok_or_else(invalid)?;
    let first: u64 = first.parse().map_err(|_| invalid())?;
    let last: u64 = last.parse().map_err(|_| invalid())?;
    if first > last || last >= size {
        return Err(s3_error!(InvalidRange, "Range specified is not valid for source object of size: {size}"));
    }
    Ok(first..last + 1)
}

/// MD5 of content, off the threads that serve requests.
async fn digest(content: Content) -> S3Result<[u8; 16]> {
    let digest = tokio::task::spawn_blocking(move || content.md5()).await.ok().flatten();
    digest.ok_or_else(|| s3_error!(InvalidObjectState, "This server keeps the digests of bodies, not their bytes."))
}
