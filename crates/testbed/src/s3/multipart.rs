//! Operations of multipart uploads.

use super::attributes::{attributes_from, check_write};
use super::backend::{Backend, owner};
use super::checksums::{Algorithm, checksum_fields};
use super::encoding::Encoding;
use super::object::kms_etag;
use super::receive::{Promise, receive};
use super::store::Bucket;
use super::upload::{LAST_PART_NUMBER, Part, Upload};
use s3s::dto::{self, *};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

fn no_such_upload() -> S3Error {
    s3_error!(NoSuchUpload, "The specified multipart upload does not exist. It may have been aborted or completed.")
}

fn upload_of<'a>(bucket: &'a mut Bucket, key: &str, id: &str) -> S3Result<&'a mut Upload> {
    bucket.uploads.get_mut(&(key.to_owned(), id.to_owned())).ok_or_else(no_such_upload)
}

impl Backend {
    pub(crate) async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = request.input;
        let attributes = attributes_from!(input);
        let algorithm = input.checksum_algorithm.as_ref().and_then(|name| Algorithm::named(name.as_str()));
        let kind = input.checksum_type.as_ref().map(ChecksumType::as_str);
        let kind = kind.or(algorithm.map(Algorithm::default_kind));
        let composite = kind == Some(ChecksumType::COMPOSITE);
        let output = CreateMultipartUploadOutput {
            bucket: Some(input.bucket.clone()),
            key: Some(input.key.clone()),
            upload_id: Some(self.store.next_upload_id()),
            checksum_algorithm: input.checksum_algorithm,
            checksum_type: kind.map(|kind| kind.to_owned().into()),
            server_side_encryption: input.server_side_encryption,
            ..CreateMultipartUploadOutput::default()
        };
        let initiated = self.store.now();
        let upload = Upload { initiated, attributes, algorithm, composite, parts: BTreeMap::new() };
        let id = output.upload_id.clone().unwrap_or_default();
        self.store.with_bucket(&input.bucket, |bucket| {
            bucket.uploads.insert((input.key, id), upload);
            Ok(())
        })?;
        Ok(S3Response::new(output))
    }

    pub(crate) async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let mut input = request.input;
        let upload_algorithm = self.store.with_bucket(&input.bucket, |bucket| {
            upload_of(bucket, &input.key, &input.upload_id).map(|upload| upload.algorithm)
        })?;
        let asked = input.checksum_algorithm.as_ref().and_then(|name| Algorithm::named(name.as_str()));
        let promise = Promise::new(
            &request.headers,
            input.content_md5.take(),
            checksum_fields!(from input),
            upload_algorithm.or(asked),
        );
        let received = receive(input.body.take(), promise, request.trailing_headers, self.store.settings.keep).await?;
        let part = Part {
            content: received.content,
            md5: received.md5,
            etag: String::new(),
            checksums: received.checksums,
            modified: self.store.now(),
        };
        let mut output = UploadPartOutput::default();
        checksum_fields!(into output, part.checksums);
        let etag = self.store_part(&input.bucket, &input.key, &input.upload_id, input.part_number, part)?;
        output.e_tag = Some(ETag::Strong(etag));
        Ok(S3Response::new(output))
    }

    /// Puts a part into its upload, in place of one of the same number; gives its ETag.
    pub(crate) fn store_part(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        number: i32,
        mut part: Part,
    ) -> S3Result<String> {
        if !(1..=LAST_PART_NUMBER).contains(&number) {
            let message = "Part number must be an integer between 1 and 10000, inclusive";
            return Err(s3_error!(InvalidArgument, "{message}"));
        }
        self.store.with_bucket(bucket, |bucket| {
            let upload = upload_of(bucket, key, id)?;
            part.etag = match upload.attributes.is_kms() {
                true => kms_etag(part.md5),
                false => hex::encode(part.md5),
            };
            let etag = part.etag.clone();
            upload.parts.insert(number, part);
            Ok(etag)
        })
    }

    pub(crate) async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = request.input;
        let min_part_size = self.store.settings.min_part_size;
        let now = self.store.now();
        let object = self.store.with_bucket(&input.bucket, |bucket| {
            let existing = bucket.objects.get(&input.key).cloned();
            let upload = upload_of(bucket, &input.key, &input.upload_id)?;
            check_write(existing.as_deref(), input.if_match.as_ref(), input.if_none_match.as_ref())?;
            let object = Arc::new(upload.assemble(&input, min_part_size)?.modified_at(now));
            bucket.uploads.remove(&(input.key.clone(), input.upload_id.clone()));
            bucket.objects.insert(input.key.clone(), object.clone());
            Ok(object)
        })?;
        let mut output = CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(ETag::Strong(object.etag().to_owned())),
            server_side_encryption: object.attributes.encryption.clone().map(Into::into),
            checksum_type: object.checksums.kind(),
            ..CompleteMultipartUploadOutput::default()
        };
        checksum_fields!(into output, object.checksums);
        Ok(S3Response::new(output))
    }

    pub(crate) async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let input = request.input;
        self.store.with_bucket(&input.bucket, |bucket| {
            bucket.uploads.remove(&(input.key, input.upload_id)).map(drop).ok_or_else(no_such_upload)
        })?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }

    pub(crate) async fn list_parts(&self, request: S3Request<ListPartsInput>) -> S3Result<S3Response<ListPartsOutput>> {
        let input = request.input;
        let limit = self.limit(input.max_parts);
        let marker = input.part_number_marker.unwrap_or(0);
        self.store.with_bucket(&input.bucket, |bucket| {
            let upload = upload_of(bucket, &input.key, &input.upload_id)?;
            let after = (Bound::Excluded(marker), Bound::Unbounded);
            let parts: Vec<dto::Part> =
                upload.parts.range(after).take(limit).map(|(number, part)| listed_part(*number, part)).collect();
            let last = parts.last().and_then(|part| part.part_number);
            Ok(S3Response::new(ListPartsOutput {
                is_truncated: Some(upload.parts.range(after).nth(limit).is_some()),
                next_part_number_marker: last,
                part_number_marker: Some(marker),
                max_parts: i32::try_from(limit).ok(),
                parts: Some(parts),
                bucket: Some(input.bucket.clone()),
                key: Some(input.key.clone()),
                upload_id: Some(input.upload_id.clone()),
                owner: Some(owner()),
                storage_class: Some(upload.attributes.storage_class.clone().unwrap_or("STANDARD".to_owned()).into()),
                checksum_algorithm: upload.algorithm.map(|algorithm| algorithm.name().to_owned().into()),
                ..ListPartsOutput::default()
            }))
        })
    }

    pub(crate) async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let input = request.input;
        let encoding = Encoding::of(input.encoding_type.as_ref());
        let limit = self.limit(input.max_uploads);
        let prefix = input.prefix.clone().unwrap_or_default();
        let key_marker = input.key_marker.clone().unwrap_or_default();
        let id_marker = input.upload_id_marker.clone().unwrap_or_default();
        self.store.with_bucket(&input.bucket, |bucket| {
            let is_after = |key: &str, id: &str| match id_marker.is_empty() {
                true => key > key_marker.as_str(),
                false => (key, id) > (key_marker.as_str(), id_marker.as_str()),
            };
            let mut wanted = (bucket.uploads.iter())
                .filter(|((key, id), _)| key.starts_with(&prefix) && (key_marker.is_empty() || is_after(key, id)));
            let page: Vec<_> = wanted.by_ref().take(limit).collect();
            let truncated = wanted.next().is_some();
            let last = page.last().filter(|_| truncated).map(|((key, id), _)| (encoding.apply(key), id.clone()));
            let (next_key_marker, next_upload_id_marker) = last.unzip();
            let uploads = page.into_iter().map(|((key, id), upload)| listed_upload(encoding.apply(key), id, upload));
            Ok(S3Response::new(ListMultipartUploadsOutput {
                uploads: Some(uploads.collect()),
                is_truncated: Some(truncated),
                next_key_marker,
                next_upload_id_marker,
                max_uploads: i32::try_from(limit).ok(),
                bucket: Some(input.bucket.clone()),
                prefix: input.prefix.as_deref().map(|prefix| encoding.apply(prefix)),
                key_marker: input.key_marker.as_deref().map(|marker| encoding.apply(marker)),
                upload_id_marker: input.upload_id_marker.clone(),
                encoding_type: input.encoding_type.clone(),
                ..ListMultipartUploadsOutput::default()
            }))
        })
    }

    /// How many entries a page may hold: what was asked for, within the server's own limit.
    pub(crate) fn limit(&self, asked: Option<i32>) -> usize {
        let most = self.store.settings.page_size;
        asked.and_then(|asked| usize::try_from(asked).ok()).map_or(most, |asked| asked.min(most))
    }
}

fn listed_part(number: i32, part: &Part) -> dto::Part {
    let mut listed = dto::Part {
        part_number: Some(number),
        e_tag: Some(ETag::Strong(part.etag.clone())),
        size: Some(part.content.size() as i64),
        last_modified: Some(part.modified.into()),
        ..dto::Part::default()
    };
    checksum_fields!(into listed, part.checksums);
    listed
}

fn listed_upload(key: String, id: &str, upload: &Upload) -> MultipartUpload {
    MultipartUpload {
        key: Some(key),
        upload_id: Some(id.to_owned()),
        initiated: Some(upload.initiated.into()),
        owner: Some(owner()),
        storage_class: Some(upload.attributes.storage_class.clone().unwrap_or("STANDARD".to_owned()).into()),
        ..MultipartUpload::default()
    }
}
