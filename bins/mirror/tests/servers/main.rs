//! Whole jobs on servers that are not ours, and on the one in this process: a first `sync`, one with nothing to do, one
//! after changes, and what `check` says of it.

#![allow(clippy::unwrap_used, clippy::panic)] // in what the tests call, too

#[path = "../common/mod.rs"]
mod common;
mod jobs;
mod stage;

use std::time::Duration;

use common::Scene;
use stage::{MIB, beyond_gets, done, fresh, in_process, on, put, put_in_parts};
use transship_store::PutOptions;
use transship_testbed::{
    s3::Operation,
    servers::{Server, ServerKind},
};

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
