//! Whole jobs on servers that are not ours, and on the one in this process: a first `sync`, one with nothing to do, one
//! after changes, and what `check` says of it.

#![allow(clippy::unwrap_used, clippy::panic)] // in what the tests call, too

mod common;

use std::{sync::Arc, time::Duration};

use common::{KEY_ID, SECRET, Scene, object, remote};
use serde_json::{Value, json};
use transship_store::{Attributes, Body, Bucket, PutOptions, S3Credentials, S3Spec};
use transship_testbed::{
    s3::{Operation, S3Server},
    servers::{Server, ServerKind},
};
use transship_types::{Key, Secret};

const MIB: usize = 1 << 20;

/// An S3 server with two new buckets on it, which the remotes `source` and `destination` lead to.
struct Stage {
    scene: Scene,
    from: Arc<dyn Bucket>,
    to: Arc<dyn Bucket>,
    /// `source:bucket` and `destination:bucket`.
    ends: [String; 2],
}

struct Keys<'a> {
    endpoint: &'a str,
    id: &'a str,
    secret: &'a str,
}

impl Keys<'_> {
    fn open(&self, bucket: &str) -> Arc<dyn Bucket> {
        let credentials = S3Credentials::Static {
            access_key_id: self.id.to_owned(),
            secret_access_key: Secret::new(self.secret),
            session_token: None,
        };
        let mut spec = S3Spec::new(bucket, credentials);
        (spec.endpoint, spec.region) = (Some(self.endpoint.to_owned()), Some("us-east-1".to_owned()));
        transship_store::open(&transship_store::BucketSpec::S3(spec)).unwrap()
    }

    fn stage(&self, names: &[String; 2]) -> Stage {
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
fn fresh() -> [String; 2] {
    let now = time::OffsetDateTime::now_utc().unix_timestamp_nanos();
    ["from", "to"].map(|name| format!("{name}-{now}"))
}

async fn on(kind: ServerKind, test: &str) -> Option<(Server, Stage)> {
    let server = Server::start_or_skip(kind, test).await.unwrap()?;
    let names = fresh();
    for name in &names {
        server.create_bucket(name).await.unwrap();
    }
    let secret = server.secret_access_key().expose().to_owned();
    let stage = Keys { endpoint: server.endpoint(), id: server.access_key_id(), secret: &secret }.stage(&names);
    Some((server, stage))
}

async fn in_process() -> (S3Server, Stage) {
    let names = fresh();
    let builder = S3Server::builder().key(KEY_ID, SECRET).bucket(&names[0]).bucket(&names[1]);
    let server = builder.start().await.unwrap();
    let stage = Keys { endpoint: &server.endpoint(), id: KEY_ID, secret: SECRET }.stage(&names);
    (server, stage)
}

async fn put(bucket: &Arc<dyn Bucket>, key: &str, content: impl Into<Vec<u8>>) {
    bucket.put(&Key::from(key), Body::bytes(content.into()), &PutOptions::default()).await.unwrap();
}

async fn delete(bucket: &Arc<dyn Bucket>, key: &str) {
    bucket.delete(&[Key::from(key)]).await.unwrap().remove(0).result.unwrap();
}

async fn put_in_parts(bucket: &Arc<dyn Bucket>, key: &str, parts: &[Vec<u8>], options: &PutOptions) {
    let upload = bucket.create_upload(&Key::from(key), options).await.unwrap();
    let mut done = Vec::new();
    for (number, part) in (1..).zip(parts) {
        let body = Body::bytes(part.clone());
        done.push(bucket.put_part(&upload, number, body, &PutOptions::default()).await.unwrap());
    }
    bucket.complete_upload(&upload, &done, options).await.unwrap();
}

/// What a run sent beyond listings, by either end. Listings are GETs.
fn beyond_gets(report: &Value) -> u64 {
    let ends = report["requests"].as_array().unwrap();
    assert_eq!(ends.len(), 2, "{report:#}");
    ends.iter().flat_map(|end| ["head", "put", "post", "delete"].map(|verb| end[verb].as_u64().unwrap())).sum()
}

/// How many objects were copied, and how many deleted.
fn done(report: &Value) -> [u64; 2] {
    ["copied", "deleted"].map(|count| report["totals"][count].as_u64().unwrap_or(0))
}

fn gets(report: &Value, end: usize) -> u64 {
    report["requests"][end]["get"].as_u64().unwrap()
}

impl Stage {
    fn sync(&self, code: i32, flags: &[&str]) -> Value {
        let [from, to] = &self.ends;
        self.scene.reported(code, &[&["sync", from, to], flags].concat())
    }

    /// What `check` finds, sorted: lines as `= key`.
    fn check(&self, code: i32, flags: &[&str]) -> Vec<String> {
        let [from, to] = &self.ends;
        self.scene.run(&[&["check", from, to, "--combined", "found"], flags].concat()).ends_with(code);
        let mut lines: Vec<String> = self.scene.read("found").lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// A first run, one with nothing to do, one after changes; then `check`, before and after damage.
    async fn lives(&self) {
        for number in 0..30 {
            put(&self.from, &format!("folder {}/{number:02}.csv", number % 3), format!("content {number}")).await;
        }
        put(&self.from, "empty", "").await;
        let first = self.sync(0, &[]);
        assert_eq!(done(&first), [31, 0], "{:#}", first["totals"]);
        assert_eq!(object(&first, "folder 1/01.csv")["because"], "not there yet");

        let again = self.sync(0, &[]);
        assert_eq!((done(&again), &again["totals"]["skipped"]), ([0, 0], &json!(31)));
        assert_eq!(beyond_gets(&again), 0, "{:#}", again["requests"]);
        assert!(gets(&again, 0) < 31 && gets(&again, 1) < 31, "listings alone: {:#}", again["requests"]);

        put(&self.from, "folder 1/01.csv", "CONTENT 1").await; // as many bytes as before
        put(&self.from, "folder 2/02.csv", "content 2, and more").await;
        put(&self.from, "new", "new").await;
        for key in ["folder 0/00.csv", "empty"] {
            delete(&self.from, key).await;
        }
        let changed = self.sync(0, &[]);
        assert_eq!(done(&changed), [3, 2]);
        for (key, because) in [
            ("folder 1/01.csv", "another ETag"),
            ("folder 2/02.csv", "size 19, there 9"),
            ("new", "not there yet"),
            ("empty", "the source does not have it"),
        ] {
            assert_eq!(object(&changed, key)["because"], because, "{key}");
        }
        assert_eq!(object(&changed, "folder 0/03.csv")["reason"], "same ETag");

        let equal = self.check(0, &[]);
        assert!(equal.len() == 30 && equal.iter().all(|line| line.starts_with("= ")), "{equal:?}");
        put(&self.to, "folder 1/04.csv", "cOntent 4").await;
        put(&self.to, "only here", "extra").await;
        delete(&self.to, "new").await;
        for flags in [&[][..], &["--download"]] {
            let found = self.check(4, flags);
            let wrong: Vec<&str> = found.iter().map(String::as_str).filter(|line| !line.starts_with('=')).collect();
            assert_eq!(wrong, ["* folder 1/04.csv", "+ new", "- only here"]);
        }
        self.sync(0, &[]);
        self.check(0, &["--download"]);
    }

    /// What belongs to an object, also where it was uploaded in parts.
    async fn attributes_travel(&self) {
        let options = PutOptions {
            attributes: Attributes {
                content_type: Some("text/csv; charset=utf-8".into()),
                content_disposition: Some("attachment; filename=\"x.csv\"".into()),
                content_language: Some("de-CH".into()),
                cache_control: Some("max-age=60".into()),
                ..Attributes::default()
            },
            metadata: [("owner".to_owned(), "jo".to_owned())].into(),
            tags: vec![("kind".to_owned(), "a b/c".to_owned())],
            ..PutOptions::default()
        };
        let small = Key::from("kept/small");
        self.from.put(&small, Body::bytes("small"), &options).await.unwrap();
        put_in_parts(&self.from, "kept/large", &[vec![7; 5 * MIB], vec![8; MIB]], &options).await;
        // Some servers take tags only afterwards.
        for key in ["kept/small", "kept/large"] {
            self.from.put_tags(&Key::from(key), &options.tags).await.unwrap();
        }
        self.sync(0, &[]);
        for key in ["kept/small", "kept/large"].map(Key::from) {
            let (there, tags) = (self.to.head(&key).await.unwrap(), self.to.tags(&key).await.unwrap());
            assert_eq!(there.attributes, self.from.head(&key).await.unwrap().attributes, "{key}");
            assert_eq!(there.attributes.content_type, options.attributes.content_type, "{key}");
            assert_eq!(there.metadata.get("owner").map(String::as_str), Some("jo"), "{key}");
            assert_eq!(tags, options.tags, "{key}");
        }
        let again = self.sync(0, &[]);
        assert_eq!((done(&again), beyond_gets(&again)), ([0, 0], 0));
    }

    /// From bucket to bucket no bytes come through here, and the report says on whose word. `in_parts` is what proves an
    /// object in parts.
    async fn the_server_copies(&self, in_parts: &str) {
        put(&self.from, "over/small", "small").await;
        let parts = [vec![1; 5 * MIB], vec![2; 5 * MIB], vec![3; MIB]];
        put_in_parts(&self.from, "over/parts", &parts, &PutOptions::default()).await;
        let report = self.sync(0, &["--include", "/over/**"]);
        for (key, verified) in [("over/small", "md5"), ("over/parts", in_parts)] {
            let there = object(&report, key);
            assert_eq!((&there["outcome"], &there["verified"]), (&json!("copied"), &json!(verified)), "{there:#}");
            let notes = there["notes"].as_array().unwrap();
            assert!(notes.contains(&json!("copied by the server")), "{there:#}");
            assert_eq!(notes.contains(&json!("by the server's own ETag")), verified == "md5", "{there:#}");
        }
        assert_eq!(report["totals"]["source_reads"], 0);
        let listed = self.sync(0, &["--include", "/over/**"]);
        assert_eq!(gets(&report, 0), gets(&listed, 0), "nothing was read at the source: {:#}", report["requests"]);
        let size_only = report["totals"]["verified"].get("size").is_some();
        assert_eq!(size_only, in_parts == "size", "size is never called content: {:#}", report["totals"]);
        self.check(0, &["--download", "--include", "/over/**"]);
    }

    /// To a folder and to another server, and back from there.
    async fn objects_travel_through_here(&self, other: &Stage) {
        let [from, _] = &self.ends;
        let there = other.ends[1].replace("destination:", "elsewhere:");
        let run = |code, arguments: &[&str]| self.scene.run(arguments).ends_with(code);
        run(0, &["sync", from, "folder", "--max-delete", "0"]);
        run(0, &["check", from, "folder"]);
        run(0, &["sync", "folder", &there, "--max-delete", "0"]);
        run(0, &["check", from, &there, "--download"]);
        let again = self.scene.reported(0, &["sync", from, &there]);
        assert_eq!((done(&again), beyond_gets(&again)), ([0, 0], 0), "{:#}", again["totals"]);
        std::fs::write(self.scene.path("folder/new"), "NEW").unwrap();
        run(4, &["check", from, "folder"]).tells(&["new: differ"]);
    }

    /// Names around `over/` stand before it in the order of bytes; where a store sorts folder by folder, behind it.
    async fn a_filter_loses_nothing_that_it_lets_in(&self) {
        for key in ["over-there", "over.csv", "over/1", "over/2/3", "overt"] {
            put(&self.from, key, key).await;
        }
        let [from, _] = &self.ends;
        let over = ["--include", "/over/**"];
        let ran = self.scene.run(&[&["ls", from], &over[..]].concat()).ends_with(0);
        assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), ["        6 over/1", "        8 over/2/3"]);
        self.scene.run(&[&["sync", from, "picked"], &over[..]].concat()).ends_with(0);
        let again = self.scene.reported(0, &[&["sync", from, "picked"], &over[..]].concat());
        assert_eq!((done(&again), &again["totals"]["skipped"]), ([0, 0], &json!(2)));
        let foretold = self.scene.reported(0, &[&["sync", from, "picked", "--dry-run"], &over[..]].concat());
        assert_eq!(foretold["totals"]["objects"], 2, "{foretold:#}");
        self.scene.run(&[&["check", from, "picked"], &over[..]].concat()).ends_with(0);
    }

    /// The remote `elsewhere` leads to another stage's server.
    fn knows(&self, endpoint: &str) {
        let more = self.scene.read("rclone.conf") + &remote("elsewhere", endpoint, KEY_ID, SECRET);
        self.scene.write("rclone.conf", &more);
    }

    async fn jobs_are_done(&self, in_parts: &str) {
        self.lives().await;
        self.a_filter_loses_nothing_that_it_lets_in().await;
        let (server, other) = in_process().await;
        self.knows(&server.endpoint());
        self.objects_travel_through_here(&other).await;
        self.the_server_copies(in_parts).await;
        self.attributes_travel().await;
        assert_eq!(self.to.list_uploads("").await.unwrap(), [], "nothing is left behind");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_done_on_ceph() {
    let Some((_server, stage)) = on(ServerKind::Ceph, "jobs_are_done_on_ceph").await else { return };
    stage.jobs_are_done("multipart-etag").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_done_on_seaweedfs() {
    let Some((_server, stage)) = on(ServerKind::SeaweedFs, "jobs_are_done_on_seaweedfs").await else { return };
    // It does not tell the ETags of parts that it copied.
    stage.jobs_are_done("size").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_done_in_this_process_and_a_server_side_copy_reads_nothing() {
    let (server, stage) = in_process().await;
    stage.jobs_are_done("multipart-etag").await;
    server.clear_requests();
    stage.sync(0, &["--ignore-times"]);
    assert_eq!(server.count(Operation::GetObject) + server.count(Operation::PutObject), 0, "{:?}", server.counts());
    assert!(server.count(Operation::CopyObject) > 0 && server.count(Operation::UploadPartCopy) > 0);
}

/// Storage class and encryption are those that the destination's remote asks for, however an object gets there.
#[tokio::test(flavor = "multi_thread")]
async fn storage_class_and_encryption_are_as_asked() {
    let (server, stage) = in_process().await;
    let asked = "storage_class = STANDARD_IA\nserver_side_encryption = aws:kms\nsse_kms_key_id = our-key\n";
    stage.scene.write("rclone.conf", &(stage.scene.read("rclone.conf").trim_end().to_owned() + "\n" + asked));
    put(&stage.from, "on the server", "by itself").await;
    let parts = [vec![1; 5 * MIB], vec![2; MIB]];
    put_in_parts(&stage.from, "in parts", &parts, &PutOptions::default()).await;
    stage.scene.write("folder/from disk", "through here");
    let to = &stage.ends[1];
    stage.sync(0, &[]);
    stage.scene.run(&["copy", "folder", to]).ends_with(0);
    stage.scene.run(&["copy", "folder", &format!("{to}/standard"), "--s3-storage-class", "STANDARD"]).ends_with(0);
    let bucket = to.strip_prefix("destination:").unwrap();
    for key in ["on the server", "in parts", "from disk"] {
        let attributes = server.object(bucket, key).unwrap().attributes.clone();
        let got =
            (attributes.storage_class.as_deref(), attributes.encryption.as_deref(), attributes.kms_key.as_deref());
        assert_eq!(got, (Some("STANDARD_IA"), Some("aws:kms"), Some("our-key")), "{key}");
    }
    let standard = server.object(bucket, "standard/from disk").unwrap().attributes.storage_class.clone();
    assert!(matches!(standard.as_deref(), None | Some("STANDARD")), "a flag counts before the file: {standard:?}");
    // A KMS ETag is no digest: that must not make anything look changed.
    let again = stage.sync(0, &["--exclude", "/from disk", "--exclude", "/standard/**"]);
    assert_eq!((done(&again), beyond_gets(&again)), ([0, 0], 0), "{:#}", again["totals"]);
}

/// Azure knows no MD5 of a listing's ETag, so age decides; and it holds no S3 tags.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_mirrored_to_azurite_and_back() {
    let test = "a_folder_is_mirrored_to_azurite_and_back";
    let Some(server) = Server::start_or_skip(ServerKind::Azurite, test).await.unwrap() else { return };
    let [container, _] = fresh();
    server.create_bucket(&container).await.unwrap();
    let (account, key) = (server.access_key_id(), server.secret_access_key().expose());
    let endpoint = server.endpoint();
    let scene = Scene::new(&format!(
        "[azure]\ntype = azureblob\naccount = {account}\nkey = {key}\nendpoint = {endpoint}/{account}\n"
    ));
    let azure = format!("azure:{container}/below");
    for number in 0..5 {
        scene.write(&format!("folder/sub/{number}.txt"), &format!("content {number}"));
    }
    // Azure tells times to the second: what was written in the same one as its copy may be newer.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(done(&scene.reported(0, &["sync", "folder", &azure])), [5, 0]);
    assert_eq!(done(&scene.reported(0, &["sync", "folder", &azure])), [0, 0]);
    scene.write("folder/sub/0.txt", "CONTENT 0");
    std::fs::remove_file(scene.path("folder/sub/1.txt")).unwrap();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let changed = scene.reported(0, &["sync", "folder", &azure]);
    assert_eq!(done(&changed), [1, 1], "{changed:#}");
    scene.run(&["check", "folder", &azure, "--download"]).ends_with(0);
    scene.run(&["sync", &azure, "back"]).ends_with(0);
    scene.run(&["check", "folder", "back", "--download"]).ends_with(0);
    scene.write("back/sub/2.txt", "cOntent 2");
    scene.run(&["check", &azure, "back", "--download"]).ends_with(4).tells(&["sub/2.txt: differ"]);
}
