//! From one S3 bucket to another, with the remotes of a file.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use ::time::{Duration, OffsetDateTime};
use proptest::prelude::*;
use transship_testbed::{
    s3::{Attributes, S3Server, StoredObject},
    servers::peer_or_skip,
};

use crate::{
    cases::{Case, Flags, Tree, case},
    ours, runner, text, time,
};

const FLAGS: Flags = Flags {
    comparison: &["", "", "--size-only", "--checksum", "--update", "--ignore-existing", "--ignore-times"],
    other: &[
        "",
        "",
        "",
        "--max-size=2B",
        "--min-size=1B",
        "--delete-excluded",
        "--ignore-case",
        "--max-age=2023-11-14T22:14:00",
    ],
};

/// What an object holds, what goes with it, and the time that its source had.
type Held = BTreeMap<String, (Vec<u8>, Attributes)>;

#[test]
fn a_bucket_is_what_rclone_would_have_made() {
    let Some(rclone) = peer_or_skip("rclone", "a_bucket_is_what_rclone_would_have_made").unwrap() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let start = || runtime.block_on(S3Server::builder().start()).unwrap();
    // Two, so that objects travel: within one, rclone and we leave it to the server.
    let servers = [start(), start()];
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("rclone.conf"), remotes(&servers)).unwrap();
    let numbers = AtomicU32::new(0);
    runner(150)
        .run(&case(&FLAGS), |case| {
            let run = |program: &Path, more: &[&str]| {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                let [from, to, kept] = ["from", "to", "kept"].map(|name| format!("{name}-{number}"));
                // The destination's times lie between the source's: none are the same.
                plant(&servers[0], &from, &case.source, 0, "red");
                plant(&servers[1], &to, &case.destination, 30, "blue");
                servers[1].store().create_bucket(&kept);
                let mut command = Command::new(program);
                command.env_clear().env("HOME", root.path()).arg("--config").arg(root.path().join("rclone.conf"));
                command.args([case.command, &format!("source:{from}"), &format!("destination:{to}")]);
                command.args(case.flags(root.path(), &format!("destination:{kept}"))).args(more);
                let output = command.output().unwrap();
                (output.status.success(), held(&servers[1], &to), held(&servers[1], &kept), text(&output))
            };
            let theirs = run(&rclone, &["--metadata"]);
            let ours = run(&ours(), case.guards());
            let told = || format!("rclone: {}\nours: {}", theirs.3, ours.3);
            prop_assert_eq!(theirs.0, ours.0, "{}", told());
            let content =
                |held: &Held| held.iter().map(|(key, (bytes, _))| (key.clone(), bytes.clone())).collect::<Vec<_>>();
            prop_assert_eq!(content(&theirs.1), content(&ours.1), "{}", told());
            same_attributes(&case, &theirs.1, &ours.1)?;
            prop_assert_eq!(content(&theirs.2), content(&ours.2), "{}", told());
            Ok(())
        })
        .unwrap();
}

/// What was copied by both has all that the source had, and the source's time.
fn same_attributes(case: &Case, theirs: &Held, ours: &Held) -> Result<(), TestCaseError> {
    for (key, (bytes, attributes)) in ours {
        let before = case.destination.get(key).map(|(content, _)| content.as_bytes());
        // Where the content is the same, rclone may change the time alone. What is kept was copied by the server, as it
        // was; rclone adds a time to it.
        if before != Some(bytes) && !key.ends_with(".old") {
            prop_assert_eq!(&theirs[key].1, attributes, "{}", key);
        }
    }
    Ok(())
}

fn plant(server: &S3Server, bucket: &str, tree: &Tree, shift: i64, color: &str) {
    server.store().create_bucket(bucket);
    for (path, (content, minutes)) in tree {
        let modified = OffsetDateTime::from(time(*minutes)) + Duration::seconds(shift);
        let attributes = Attributes {
            content_type: Some("text/x-test".to_owned()),
            cache_control: Some("max-age=5".to_owned()),
            content_language: Some("eo".to_owned()),
            metadata: [("color".to_owned(), color.to_owned())].into(),
            ..Attributes::default()
        };
        let object = StoredObject::new(content.clone()).modified_at(modified).with_attributes(attributes);
        server.store().put(bucket, path, object);
    }
}

fn held(server: &S3Server, bucket: &str) -> Held {
    let store = server.store();
    let object = |key: &String| {
        let object = store.object(bucket, key).unwrap();
        let mut attributes = object.attributes.clone();
        // rclone adds a time of birth, and says what is so anyway.
        attributes.metadata.remove("btime");
        attributes.storage_class = attributes.storage_class.filter(|class| class != "STANDARD");
        (object.bytes().unwrap().to_vec(), attributes)
    };
    store.keys(bucket).into_iter().map(|key| (key.clone(), object(&key))).collect()
}

fn remotes(servers: &[S3Server; 2]) -> String {
    let remote = |(name, server): (&str, &S3Server)| {
        let (key, secret, endpoint) = (server.access_key(), server.secret_key(), server.endpoint());
        format!(
            "[{name}]\ntype = s3\nprovider = Ceph\nenv_auth = false\naccess_key_id = {key}\n\
             secret_access_key = {secret}\nacl = private\nendpoint = {endpoint}\n\n"
        )
    };
    ["source", "destination"].into_iter().zip(servers).map(remote).collect()
}
