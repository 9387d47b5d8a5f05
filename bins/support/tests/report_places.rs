//! Reports in files and in stores.
#![allow(clippy::unwrap_used)] // in what the tests call, too

use std::collections::BTreeMap;

use transship_report::{DestinationReport, Ending, Header, ObjectReport, Report, Totals};
use transship_support::{ExitCode, ReportOutput, one_line};
use transship_testbed::s3::{Effect, Fault, Operation, S3Server};
use transship_types::{Key, Outcome};

fn object(n: usize) -> ObjectReport {
    let mut object = ObjectReport::new(Key::from(format!("key-{n}-{}", "x".repeat(900))));
    object.destinations.push(DestinationReport::new("a", None, Outcome::Skipped { reason: "equal".into() }));
    object
}

async fn write(target: &str, environment: &BTreeMap<String, String>, objects: usize) -> anyhow::Result<()> {
    let mut output = ReportOutput::create(target, environment, &Header::new("solgate", "1", "sync")).await?;
    let mut totals = Totals::default();
    for n in 0..objects {
        totals.add(&object(n));
        output.object(&object(n))?;
    }
    output.finish(&Ending::now(0), &totals).await
}

#[tokio::test]
async fn a_path_and_a_file_url_are_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.json");
    for target in [path.display().to_string(), format!("file://{}", path.display())] {
        write(&target, &BTreeMap::new(), 3).await.unwrap();
        let report = Report::read(std::fs::File::open(&path).unwrap()).unwrap();
        assert_eq!((report.objects.len(), report.totals.counts.skipped), (3, 3));
        std::fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn a_run_that_does_not_end_leaves_the_last_report() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run.json");
    std::fs::write(&path, "last").unwrap();
    let mut output =
        ReportOutput::create(path.to_str().unwrap(), &BTreeMap::new(), &Header::new("solgate", "1", "sync"))
            .await
            .unwrap();
    output.object(&object(1)).unwrap();
    drop(output);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "last");
}

#[tokio::test]
async fn a_target_that_cannot_be_is_an_error_of_usage() {
    for target in ["/no/such/dir/run.json", "s3://bucket", "s3://bucket/", "s3://", "ftp://host/run.json", ""] {
        let error = write(target, &BTreeMap::new(), 0).await.unwrap_err();
        assert_eq!(ExitCode::of(&error), ExitCode::Usage, "{target}");
        let line = one_line(&error);
        assert!(line.starts_with(&format!("--report {target:?}")), "{line}");
    }
}

async fn server() -> (S3Server, BTreeMap<String, String>) {
    let server = S3Server::builder().bucket("reports").start().await.unwrap();
    let environment = [
        ("AWS_ACCESS_KEY_ID", server.access_key()),
        ("AWS_SECRET_ACCESS_KEY", server.secret_key()),
        ("AWS_ENDPOINT_URL_S3", &server.endpoint()),
        ("AWS_REGION", server.region()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    (server, environment)
}

#[tokio::test]
async fn a_small_report_is_put_into_a_store_in_one_request() {
    let (server, environment) = server().await;
    server.faults().add(Fault::answer(503, "SlowDown").on(Operation::PutObject).times(1));
    write("s3://reports/2024/run.json", &environment, 3).await.unwrap();
    assert_eq!(server.keys("reports"), ["2024/run.json"]);
    let object = server.object("reports", "2024/run.json").unwrap();
    assert_eq!(Report::read(&object.bytes().unwrap()[..]).unwrap().objects.len(), 3);
    assert_eq!(server.count(Operation::PutObject), 2, "one was refused, one was taken");
}

#[tokio::test]
async fn a_large_report_goes_up_in_parts() {
    let (server, environment) = server().await;
    server.faults().add(Fault::new(Effect::LoseReply).on(Operation::CompleteMultipartUpload).times(1));
    write("s3://reports/run.json", &environment, 10_000).await.unwrap();
    let object = server.object("reports", "run.json").unwrap();
    assert_eq!(Report::read(&object.bytes().unwrap()[..]).unwrap().objects.len(), 10_000);
    assert_eq!(object.part_sizes()[0], 8 << 20);
    assert!(server.unfinished_uploads("reports").is_empty());
}

#[tokio::test]
async fn a_report_that_the_store_refuses_is_kept_and_the_error_says_where() {
    let (server, environment) = server().await;
    for operation in [Operation::PutObject, Operation::UploadPart] {
        server.faults().add(Fault::answer(403, "AccessDenied").on(operation));
    }
    for objects in [3, 10_000] {
        let error = write("s3://reports/run.json", &environment, objects).await.unwrap_err();
        let line = one_line(&error);
        assert_eq!(ExitCode::of(&error), ExitCode::RunFailed);
        assert!(line.starts_with("upload the report (it is kept in ") && line.contains("AccessDenied"), "{line}");
        assert!(!line.contains(server.secret_key()), "{line}");
        let path = line.split_once("kept in ").unwrap().1.split_once(')').unwrap().0;
        assert_eq!(Report::read(std::fs::File::open(path).unwrap()).unwrap().objects.len(), objects);
        std::fs::remove_file(path).unwrap();
    }
    assert!(server.keys("reports").is_empty() && server.unfinished_uploads("reports").is_empty());
}
