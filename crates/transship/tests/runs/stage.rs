//! A source, some destinations, and the way between them.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::StreamExt;
use time::{OffsetDateTime, macros::datetime};
use transship::{
    Leg, Place, Route, Run, RunOptions,
    keys::{Defaults, Formatter, KeyMap, Template},
    report::{DestinationReport, ObjectReport},
    store::{LocalSpec, ObjectStoreBucket, S3Bucket, S3Credentials, S3Spec},
    transfer::CopyOptions,
    types::{Outcome, Secret, Strength},
};
use transship_testbed::s3::{Operation, S3Server, StoredObject};

pub(crate) const MIB: usize = 1 << 20;

pub(crate) const BUCKET: &str = "bucket";

pub(crate) const MONDAY: OffsetDateTime = datetime!(2024-01-01 12:00 UTC);

/// An S3 source and an S3 destination, each a server of its own.
pub(crate) struct Stage {
    pub(crate) source: S3Server,
    pub(crate) site: S3Server,
    pub(crate) options: RunOptions,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with_pages_of(1000).await
    }

    pub(crate) async fn with_pages_of(entries: usize) -> Self {
        let start = async || S3Server::builder().bucket(BUCKET).page_size(entries).start().await.unwrap();
        let mut options = RunOptions { copy: CopyOptions::default(), ..RunOptions::default() };
        options.copy.retry.patience = Duration::ZERO;
        options.copy.retry.first_wait = Duration::from_millis(2);
        options.copy.retry.longest_wait = Duration::from_millis(20);
        Self { source: start().await, site: start().await, options }
    }

    pub(crate) fn put(&self, key: &str, content: impl Into<Bytes>, days: i64) {
        let object = StoredObject::new(content).modified_at(MONDAY + time::Duration::days(days));
        self.source.put(BUCKET, key, object);
    }

    /// From all of the source to these.
    pub(crate) fn route(&self, legs: Vec<Leg>) -> Route {
        Route { source: place(&self.source, ""), legs }
    }

    /// To all of the destination, under the same keys.
    pub(crate) fn straight(&self) -> Route {
        self.route(vec![Leg::new("site", place(&self.site, ""))])
    }

    /// To the destination, under keys of this form.
    pub(crate) fn renamed(&self, from: &str, to: &str, unpack: bool) -> Route {
        self.route(vec![Leg { keys: renaming(from, to, unpack), ..Leg::new("site", place(&self.site, "")) }])
    }

    pub(crate) fn copy(&self, route: Route) -> Run {
        transship::copy(route, self.options.clone())
    }

    pub(crate) fn arrived(&self, key: &str) -> Bytes {
        self.site.object(BUCKET, key).unwrap_or_else(|| panic!("{key:?} has not arrived")).bytes().unwrap()
    }

    /// How many requests of each kind both servers got, but for listings.
    pub(crate) fn requests(&self) -> Vec<(Operation, u64)> {
        let mut all = Vec::new();
        for server in [&self.source, &self.site] {
            all.extend(server.counts().into_iter().filter(|(operation, _)| *operation != Operation::ListObjectsV2));
            server.clear_requests();
        }
        all
    }
}

pub(crate) fn renaming(from: &str, to: &str, unpack: bool) -> KeyMap {
    let formatter = Formatter::new(&Template::parse(from).unwrap(), &Template::parse(to).unwrap()).unwrap();
    KeyMap::new(Some(formatter), unpack, Defaults::at(MONDAY))
}

pub(crate) fn unpacking() -> KeyMap {
    KeyMap::new(None, true, Defaults::at(MONDAY))
}

pub(crate) fn place(server: &S3Server, prefix: &str) -> Place {
    Place { bucket: Arc::new(S3Bucket::open(&spec(server)).unwrap()), prefix: prefix.to_owned() }
}

pub(crate) fn spec(server: &S3Server) -> S3Spec {
    let credentials = S3Credentials::Static {
        access_key_id: server.access_key().to_owned(),
        secret_access_key: Secret::new(server.secret_key()),
        session_token: None,
    };
    let mut spec = S3Spec::new(BUCKET, credentials);
    spec.endpoint = Some(server.endpoint());
    spec.region = Some(server.region().to_owned());
    spec
}

pub(crate) fn directory(root: &tempfile::TempDir) -> Place {
    let spec = LocalSpec { root: root.path().join("files"), ..LocalSpec::default() };
    Place { bucket: Arc::new(ObjectStoreBucket::local(&spec).unwrap()), prefix: String::new() }
}

/// What came of a run: reports in the order of their keys, and the run's own error.
pub(crate) async fn finish(run: Run) -> (Vec<ObjectReport>, Option<transship::Error>) {
    let (mut reports, mut error) = (Vec::new(), None);
    let mut outcomes = run.outcomes();
    while let Some(outcome) = outcomes.next().await {
        assert!(error.is_none(), "the run's error comes last");
        match outcome {
            Ok(report) => reports.push(report),
            Err(failed) => error = Some(failed),
        }
    }
    reports.sort_by(|a, b| a.key.cmp(&b.key));
    (reports, error)
}

/// The reports of a run that must not fail.
pub(crate) async fn reports(run: Run) -> Vec<ObjectReport> {
    let (reports, error) = finish(run).await;
    assert!(error.is_none(), "{error:?}");
    reports
}

pub(crate) fn is_copied(report: &DestinationReport) -> bool {
    matches!(report.outcome, Outcome::Copied { .. })
}

pub(crate) fn strength(report: &DestinationReport) -> Strength {
    match &report.outcome {
        Outcome::Copied { verified } => *verified,
        other => panic!("not copied: {other:?}"),
    }
}

pub(crate) fn skipped(report: &DestinationReport) -> &str {
    match &report.outcome {
        Outcome::Skipped { reason } => reason,
        other => panic!("not skipped: {other:?}"),
    }
}

pub(crate) fn failed(report: &DestinationReport) -> &str {
    match &report.outcome {
        Outcome::Failed { error } => error,
        other => panic!("not failed: {other:?}"),
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Bytes {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap().into()
}
