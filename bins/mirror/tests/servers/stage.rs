//! Servers, each with two new buckets, and what a report tells.

use std::sync::Arc;

use serde_json::Value;
use transship_store::{Body, Bucket, PutOptions, S3Credentials, S3Spec};
use transship_testbed::{
    s3::S3Server,
    servers::{Server, ServerKind},
};
use transship_types::{Key, Secret};

use crate::common::{KEY_ID, SECRET, Scene, remote};

pub(crate) const MIB: usize = 1 << 20;

/// An S3 server with two new buckets on it, which the remotes `source` and `destination` lead to.
pub(crate) struct Stage {
    pub(crate) scene: Scene,
    pub(crate) from: Arc<dyn Bucket>,
    pub(crate) to: Arc<dyn Bucket>,
    /// `source:bucket` and `destination:bucket`.
    pub(crate) ends: [String; 2],
}

pub(crate) struct Keys<'a> {
    pub(crate) endpoint: &'a str,
    pub(crate) id: &'a str,
    pub(crate) secret: &'a str,
}

impl Keys<'_> {
    pub(crate) fn open(&self, bucket: &str) -> Arc<dyn Bucket> {
        let credentials = S3Credentials::Static {
            access_key_id: self.id.to_owned(),
            secret_access_key: Secret::new(self.secret),
            session_token: None,
        };
        let mut spec = S3Spec::new(bucket, credentials);
        (spec.endpoint, spec.region) = (Some(self.endpoint.to_owned()), Some("us-east-1".to_owned()));
        transship_store::open(&transship_store::BucketSpec::S3(spec)).unwrap()
    }

    pub(crate) fn stage(&self, names: &[String; 2]) -> Stage {
        let remotes = ["source", "destination"].map(|name| remote(name, self.endpoint, self.id, self.secret));
        Stage {
            scene: Scene::new(&remotes.concat()),
            from: self.open(&names[0]),
            to: self.open(&names[1]),
            ends: [format!("source:{}", names[0]), format!("destination:{}", names[1])],
        }
    }
}

/// Names that are new: a server from the environment may hold the buckets of earlier runs.
pub(crate) fn fresh() -> [String; 2] {
    let now = time::OffsetDateTime::now_utc().unix_timestamp_nanos();
    ["from", "to"].map(|name| format!("{name}-{now}"))
}

pub(crate) async fn on(kind: ServerKind, test: &str) -> Option<(Server, Stage)> {
    let server = Server::start_or_skip(kind, test).await.unwrap()?;
    let names = fresh();
    for name in &names {
        server.create_bucket(name).await.unwrap();
    }
    let secret = server.secret_access_key().expose().to_owned();
    let stage = Keys { endpoint: server.endpoint(), id: server.access_key_id(), secret: &secret }.stage(&names);
    Some((server, stage))
}

pub(crate) async fn in_process() -> (S3Server, Stage) {
    let names = fresh();
    let builder = S3Server::builder().key(KEY_ID, SECRET).bucket(&names[0]).bucket(&names[1]);
    let server = builder.start().await.unwrap();
    let stage = Keys { endpoint: &server.endpoint(), id: KEY_ID, secret: SECRET }.stage(&names);
    (server, stage)
}

pub(crate) async fn put(bucket: &Arc<dyn Bucket>, key: &str, content: impl Into<Vec<u8>>) {
    bucket.put(&Key::from(key), Body::bytes(content.into()), &PutOptions::default()).await.unwrap();
}

pub(crate) async fn delete(bucket: &Arc<dyn Bucket>, key: &str) {
    bucket.delete(&[Key::from(key)]).await.unwrap().remove(0).result.unwrap();
}

pub(crate) async fn put_in_parts(bucket: &Arc<dyn Bucket>, key: &str, parts: &[Vec<u8>], options: &PutOptions) {
    let upload = bucket.create_upload(&Key::from(key), options).await.unwrap();
    let mut done = Vec::new();
    for (number, part) in (1..).zip(parts) {
        let body = Body::bytes(part.clone());
        done.push(bucket.put_part(&upload, number, body, &PutOptions::default()).await.unwrap());
    }
    bucket.complete_upload(&upload, &done, options).await.unwrap();
}

/// What a run sent beyond listings, by either end. Listings are GETs.
pub(crate) fn beyond_gets(report: &Value) -> u64 {
    let ends = report["requests"].as_array().unwrap();
    assert_eq!(ends.len(), 2, "{report:#}");
    ends.iter().flat_map(|end| ["head", "put", "post", "delete"].map(|verb| end[verb].as_u64().unwrap())).sum()
}

/// How many objects were copied, and how many deleted.
pub(crate) fn done(report: &Value) -> [u64; 2] {
    ["copied", "deleted"].map(|count| report["totals"][count].as_u64().unwrap_or(0))
}

pub(crate) fn gets(report: &Value, end: usize) -> u64 {
    report["requests"][end]["get"].as_u64().unwrap()
}
