//! Keys that folding, decoding or normalising would turn into others.

use transship_testbed::s3::{Operation as Op, S3Server};
use transship_transfer::{Destination, Done, Job, Target};
use transship_types::{Key, Strength};

use crate::stage::{BUCKET, MIB, Stage, content, directory, entry, error, in_parts, job, opened, strength, verified};

/// Each with its request path as it must be on the wire.
const ODD: [(&str, &str); 21] = [
    ("a//b", "a//b"),
    ("/a", "/a"),
    ("a/", "a/"),
    ("a", "a"),
    ("b", "b"),
    ("a/../b", "a/../b"),
    ("./c", "./c"),
    (".", "."),
    ("..", ".."),
    ("\u{e9}", "%C3%A9"),
    ("e\u{301}", "e%CC%81"),
    ("a b", "a%20b"),
    ("a+b", "a%2Bb"),
    ("a%2Fb", "a%252Fb"),
    ("a?b", "a%3Fb"),
    ("a#b", "a%23b"),
    ("a\nb", "a%0Ab"),
    ("a\tb", "a%09b"),
    ("a\u{1}b", "a%01b"),
    ("a\\b", "a%5Cb"),
    ("<&>\"'", "%3C%26%3E%22%27"),
];

fn long() -> String {
    "é".repeat(512)
}

fn keys() -> Vec<(String, String)> {
    let mut keys: Vec<_> = ODD.iter().map(|(key, path)| ((*key).to_owned(), (*path).to_owned())).collect();
    keys.push((long(), "%C3%A9".repeat(512)));
    keys
}

/// The path of every request of one kind, as it was on the wire, without the bucket and the query.
fn paths(server: &S3Server, operation: Op) -> Vec<String> {
    let path = |target: &str| target.split('?').next().unwrap().strip_prefix("/bucket/").unwrap().to_owned();
    let mut paths: Vec<_> = server.requests_of(operation).iter().map(|request| path(&request.target)).collect();
    paths.sort();
    paths.dedup();
    paths
}

fn sorted(mut paths: Vec<String>) -> Vec<String> {
    paths.sort();
    paths
}

#[tokio::test]
async fn every_odd_key_arrives_as_itself_byte_for_byte() {
    let stage = Stage::new().await;
    for (key, _) in keys() {
        stage.source.put_object(BUCKET, &key, format!("content of {key:?}"));
    }
    let copier = stage.copier();
    for (key, _) in keys() {
        let copied = copier.copy(job(stage.listed(&key).await, 1)).await;
        assert_eq!(strength(&copied), Strength::Md5, "{key:?}");
    }
    assert_eq!(stage.site().keys(BUCKET), stage.source.keys(BUCKET));
    for (key, _) in keys() {
        assert_eq!(stage.arrived(0, &key).unwrap(), format!("content of {key:?}"), "{key:?}");
    }
    let expected = sorted(keys().into_iter().map(|(_, path)| path).collect());
    assert_eq!(paths(&stage.source, Op::GetObject), expected);
    assert_eq!(paths(stage.site(), Op::PutObject), expected);
}

#[tokio::test]
async fn every_odd_key_survives_a_multipart_upload_and_its_abort() {
    let mut stage = Stage::new().await;
    stage.options.retry.attempts = 1;
    stage.options.part_size = 5 * MIB as u64;
    let bytes = content(6 * MIB, 1);
    let copier = stage.copier();
    for (key, _) in keys() {
        stage.put(&key, in_parts(&bytes, 5 * MIB));
        assert_eq!(strength(&copier.copy(job(stage.listed(&key).await, 1)).await), Strength::MultipartEtag, "{key:?}");
        assert_eq!(stage.arrived(0, &key).unwrap(), bytes, "{key:?}");
    }
    let expected = sorted(keys().into_iter().map(|(_, path)| path).collect());
    for operation in [Op::CreateMultipartUpload, Op::UploadPart, Op::CompleteMultipartUpload] {
        assert_eq!(paths(stage.site(), operation), expected, "{operation:?}");
    }
    stage
        .site()
        .faults()
        .add(transship_testbed::s3::Fault::answer(403, "AccessDenied").on(Op::CompleteMultipartUpload));
    for (key, _) in keys() {
        error(&copier.copy(job(stage.listed(&key).await, 1)).await.targets[0]);
    }
    assert_eq!(paths(stage.site(), Op::AbortMultipartUpload), expected);
    assert_eq!(stage.unfinished(), 0);
}

#[tokio::test]
async fn every_odd_key_is_copied_on_the_server_from_and_to_itself() {
    let stage = Stage::new().await;
    let to = |key: &str| format!("copies of\n/{key}");
    let copier = stage.copier_to(vec![opened(&stage.source)]);
    for (key, path) in keys() {
        stage.source.put_object(BUCKET, &key, format!("content of {key:?}"));
        let Ok(()) = opened(&stage.source).check_key(&Key::from(to(&key))) else { continue };
        let target = Target { destination: 0, key: to(&key).into(), unpack: false, newest_wins: false };
        stage.source.clear_requests();
        let copied = copier.copy(Job { source: stage.listed(&key).await, hint: false, targets: vec![target] }).await;
        assert!(matches!(copied.targets[0].result, Ok(Done::Copied { on_server: true, .. })), "{key:?}");
        let request = &stage.source.requests_of(Op::CopyObject)[0];
        assert_eq!(request.header("x-amz-copy-source"), Some(&*format!("/bucket/{path}")));
        assert_eq!(request.target, format!("/bucket/copies%20of%0A/{path}"));
        let there = stage.source.object(BUCKET, &to(&key)).unwrap();
        assert_eq!(there.bytes().unwrap(), format!("content of {key:?}"));
    }
}

#[tokio::test]
async fn a_wrong_copy_is_taken_back_under_exactly_its_key() {
    let mut stage = Stage::new().await;
    stage.options.retry.attempts = 1;
    let copier = stage.copier();
    use transship_testbed::s3::{Effect, Fault};
    let wrong = stage.site().faults().add(Fault::new(Effect::CorruptRequest { at: 3 }).on(Op::PutObject));
    for (key, _) in keys() {
        stage.site().put_object(BUCKET, "b", "a bystander");
        stage.source.put_object(BUCKET, &key, format!("content of {key:?}"));
        error(&copier.copy(job(stage.listed(&key).await, 1)).await.targets[0]);
        let left = stage.site().keys(BUCKET);
        if key == "b" { assert_eq!(left, [""; 0]) } else { assert_eq!(left, ["b"], "{key:?}") }
    }
    assert_eq!(wrong.count(), keys().len() as u64);
}

#[tokio::test]
async fn a_disk_refuses_what_it_cannot_hold_one_by_one_and_takes_the_rest() {
    let stage = Stage::new().await;
    let root = tempfile::tempdir().unwrap();
    let (files, s3) = (directory(&root), opened(stage.site()));
    let copier = stage.copier_to(vec![files, s3]);
    let refused = ["a//b", "/a", "a/", "a/../b", "./c", ".", ".."];
    for (key, _) in keys() {
        stage.source.put_object(BUCKET, &key, format!("content of {key:?}"));
        let copied = copier.copy(job(stage.listed(&key).await, 2)).await;
        assert_eq!(verified(&copied.targets[1]), Strength::Md5, "the other destination takes it: {key:?}");
        if refused.contains(&&*key) || key == long() {
            let error = error(&copied.targets[0]);
            assert_eq!(error.kind(), transship_store::ErrorKind::UnrepresentableKey, "{error}");
            assert_eq!(copied.targets[0].attempts, 0, "nothing was sent");
        } else {
            assert_eq!(verified(&copied.targets[0]), Strength::Reread, "{key:?}");
            assert_eq!(std::fs::read_to_string(root.path().join(&key)).unwrap(), format!("content of {key:?}"));
        }
    }
    let held = walk(root.path());
    assert_eq!(held, keys().len() - refused.len() - 1, "and nothing else");
}

fn walk(root: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(root).unwrap().map(Result::unwrap);
    entries.map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { 1 }).sum()
}

#[tokio::test]
async fn a_file_on_the_way_of_a_folder_is_an_error_of_that_object_alone() {
    let stage = Stage::new().await;
    let root = tempfile::tempdir().unwrap();
    let copier = stage.copier_to(vec![directory(&root)]);
    for key in ["a", "a/b", "c"] {
        stage.source.put_object(BUCKET, key, key.to_owned());
    }
    assert_eq!(strength(&copier.copy(job(stage.listed("a").await, 1)).await), Strength::Reread);
    let clash = copier.copy(job(stage.listed("a/b").await, 1)).await;
    assert!(error(&clash.targets[0]).to_string().contains("its path leads through a file"));
    assert_eq!(strength(&copier.copy(job(stage.listed("c").await, 1)).await), Strength::Reread);
}

#[tokio::test]
async fn an_unknown_destination_is_an_error_and_no_panic() {
    let stage = Stage::new().await;
    stage.source.put_object(BUCKET, "x", "x");
    let source = entry(&*opened(&stage.source), "x").await;
    let copied = transship_transfer::Copier::new(
        opened(&stage.source),
        Vec::<Destination>::new(),
        stage.options.clone(),
        stage.cancel.clone(),
    )
    .copy(job(source, 1))
    .await;
    assert_eq!(error(&copied.targets[0]).kind(), transship_store::ErrorKind::Configuration);
}
