//! Operations on buckets.

use super::backend::{Backend, owner};
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

impl Backend {
    pub(crate) async fn list_buckets(
        &self,
        _request: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let bucket = |(name, created): (String, time::OffsetDateTime)| Bucket {
            name: Some(name),
            creation_date: Some(created.into()),
            bucket_region: None,
        };
        let buckets = self.store.buckets().into_iter().map(bucket).collect();
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(buckets),
            owner: Some(owner()),
            ..ListBucketsOutput::default()
        }))
    }

    pub(crate) async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let bucket = request.input.bucket;
        self.store.add_bucket(&bucket)?;
        Ok(S3Response::new(CreateBucketOutput { location: Some(format!("/{bucket}")) }))
    }

    pub(crate) async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.store.with_bucket(&request.input.bucket, |_| Ok(()))?;
        Ok(S3Response::new(HeadBucketOutput {
            bucket_region: Some(self.region.clone()),
            ..HeadBucketOutput::default()
        }))
    }

    pub(crate) async fn delete_bucket(
        &self,
        request: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        self.store.remove_bucket(&request.input.bucket)?;
        Ok(S3Response::new(DeleteBucketOutput {}))
    }

    pub(crate) async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.store.with_bucket(&request.input.bucket, |_| Ok(()))?;
        // The oldest region has no constraint:
        // https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
        let region = Some(self.region.clone()).filter(|region| region != "us-east-1");
        Ok(S3Response::new(GetBucketLocationOutput { location_constraint: region.map(Into::into) }))
    }

    pub(crate) async fn get_bucket_versioning(
        &self,
        request: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        self.store.with_bucket(&request.input.bucket, |_| Ok(()))?;
        Ok(S3Response::new(GetBucketVersioningOutput::default()))
    }
}
