//! Writing, tagging and deleting objects.

use super::attributes::{attributes_from, check_tags, check_write};
use super::backend::Backend;
use super::checksums::{Algorithm, checksum_fields};
use super::object::{StoredObject, kms_etag};
use super::receive::{Promise, receive};
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};
use std::sync::Arc;

/// Most keys that one DeleteObjects may name
/// (<https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html>).
const MOST_DELETES: usize = 1000;

impl Backend {
    pub(crate) async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let mut input = request.input;
        let attributes = attributes_from!(input);
        // Refused before the body is read, as AWS does, and again when it is stored: another write may come between.
        self.store.with_bucket(&input.bucket, |bucket| {
            let existing = bucket.objects.get(&input.key).map(Arc::as_ref);
            check_write(existing, input.if_match.as_ref(), input.if_none_match.as_ref())
        })?;
        let wanted = input.checksum_algorithm.as_ref().and_then(|name| Algorithm::named(name.as_str()));
        let promise = Promise::new(&request.headers, input.content_md5.take(), checksum_fields!(from input), wanted);
        let received = receive(input.body.take(), promise, request.trailing_headers, self.store.settings.keep).await?;
        let etag = if attributes.is_kms() { kms_etag(received.md5) } else { hex::encode(received.md5) };
        let mut object = StoredObject::from_content(received.content)
            .with_etag(etag.clone())
            .with_attributes(attributes)
            .modified_at(self.store.now());
        object.checksums = received.checksums;

        let mut output = PutObjectOutput {
            e_tag: Some(ETag::Strong(etag)),
            server_side_encryption: object.attributes.encryption.clone().map(Into::into),
            ssekms_key_id: object.attributes.kms_key.clone(),
            checksum_type: object.checksums.kind(),
            ..PutObjectOutput::default()
        };
        checksum_fields!(into output, object.checksums);
        self.store.with_bucket(&input.bucket, |bucket| {
            let existing = bucket.objects.get(&input.key).map(Arc::as_ref);
            check_write(existing, input.if_match.as_ref(), input.if_none_match.as_ref())?;
            bucket.objects.insert(input.key, Arc::new(object));
            Ok(())
        })?;
        Ok(S3Response::new(output))
    }

    pub(crate) async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = request.input;
        self.store.with_bucket(&input.bucket, |bucket| {
            if input.if_match.is_some() {
                check_write(bucket.objects.get(&input.key).map(Arc::as_ref), input.if_match.as_ref(), None)?;
            }
            bucket.objects.remove(&input.key);
            Ok(())
        })?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    pub(crate) async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let Delete { objects, quiet } = request.input.delete;
        if objects.is_empty() || objects.len() > MOST_DELETES {
            return Err(s3_error!(MalformedXML, "Between 1 and {MOST_DELETES} keys can be deleted at once"));
        }
        let mut output = DeleteObjectsOutput::default();
        self.store.with_bucket(&request.input.bucket, |bucket| {
            for named in objects {
                let existing = bucket.objects.get(&named.key).map(Arc::as_ref);
                let condition = named.e_tag.map(ETagCondition::ETag);
                match check_write(existing, condition.as_ref(), None) {
                    Ok(()) => {
                        bucket.objects.remove(&named.key);
                        let deleted = DeletedObject { key: Some(named.key), ..DeletedObject::default() };
                        output.deleted.get_or_insert_default().push(deleted);
                    }
                    Err(error) => output.errors.get_or_insert_default().push(Error {
                        key: Some(named.key),
                        code: Some(error.code().as_str().to_owned()),
                        message: error.message().map(str::to_owned),
                        version_id: None,
                    }),
                }
            }
            Ok(())
        })?;
        if quiet == Some(true) {
            output.deleted = None;
        }
        Ok(S3Response::new(output))
    }

    pub(crate) async fn get_object_tagging(
        &self,
        request: S3Request<GetObjectTaggingInput>,
    ) -> S3Result<S3Response<GetObjectTaggingOutput>> {
        let object = self.store.with_bucket(&request.input.bucket, |bucket| bucket.object(&request.input.key))?;
        let tag = |(key, value): &(String, String)| Tag { key: Some(key.clone()), value: Some(value.clone()) };
        let tag_set = object.attributes.tags.iter().map(tag).collect();
        Ok(S3Response::new(GetObjectTaggingOutput { tag_set, version_id: None }))
    }

    pub(crate) async fn put_object_tagging(
        &self,
        request: S3Request<PutObjectTaggingInput>,
    ) -> S3Result<S3Response<PutObjectTaggingOutput>> {
        let pair = |tag: Tag| (tag.key.unwrap_or_default(), tag.value.unwrap_or_default());
        let tags: Vec<_> = request.input.tagging.tag_set.into_iter().map(pair).collect();
        check_tags(&tags)?;
        self.set_tags(&request.input.bucket, &request.input.key, tags)?;
        Ok(S3Response::new(PutObjectTaggingOutput::default()))
    }

    pub(crate) async fn delete_object_tagging(
        &self,
        request: S3Request<DeleteObjectTaggingInput>,
    ) -> S3Result<S3Response<DeleteObjectTaggingOutput>> {
        self.set_tags(&request.input.bucket, &request.input.key, Vec::new())?;
        Ok(S3Response::new(DeleteObjectTaggingOutput::default()))
    }

    fn set_tags(&self, bucket: &str, key: &str, tags: Vec<(String, String)>) -> S3Result {
        self.store.with_bucket(bucket, |bucket| {
            bucket.object(key)?;
            if let Some(object) = bucket.objects.get_mut(key) {
                Arc::make_mut(object).attributes.tags = tags;
            }
            Ok(())
        })
    }
}
