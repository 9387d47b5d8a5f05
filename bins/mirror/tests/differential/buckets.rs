//! From one S3 bucket to another, with the remotes of a file.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::SystemTime,
};

use ::time::{Duration, OffsetDateTime};
use proptest::prelude::*;
use transship_testbed::{
    s3::{Attributes, S3Server, StoredObject},
    servers::peer_or_skip,
};

use crate::{
    cases::{Case, Flags, Tree, case},
    excuses::{Left, NOTHING, is_chance, lost},
    ours, same, text, time,
};

const FLAGS: Flags = Flags {
    comparison: &["", "", "--size-only", "--checksum", "--update", "--ignore-existing", "--ignore-times"],
    other: &["", "", "", "--max-size=2B", "--min-size=1B", "--delete-excluded", "--ignore-case"],
};

const SEEDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/differential/buckets.seeds");

/// When objects were written, and whether they say what time they had where they came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) written: Written,
    pub(crate) mtime: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// At the time that the tree says.
    Then,
    /// Between those times: none are the same.
    Between,
    /// As a server says it: now.
    Now,
}

/// What an object holds, and what goes with it.
pub(crate) type Held = BTreeMap<String, (Vec<u8>, Attributes)>;

/// Times of the source, and of the destination.
fn times() -> impl Strategy<Value = [Times; 2]> {
    let written = prop::sample::select(vec![Written::Between, Written::Now]);
    (any::<[bool; 2]>(), written)
        .prop_map(|([from, to], written)| [Times { written: Written::Then, mtime: from }, Times { written, mtime: to }])
}

#[test]
fn a_bucket_is_what_rclone_would_have_made() {
    let test = "a_bucket_is_what_rclone_would_have_made";
    let Some(rclone) = peer_or_skip("rclone", test).unwrap() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let start = || runtime.block_on(S3Server::builder().start()).unwrap();
    // Two, so that objects travel: within one, rclone and we leave it to the server.
    let servers = [start(), start()];
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("rclone.conf"), remotes(&servers)).unwrap();
    let numbers = AtomicU32::new(0);
    same(120, SEEDS, test, &(case(&FLAGS), times()), |(case, times)| {
        let run = |program: &Path, case: &Case, more: &[&str]| {
            let number = numbers.fetch_add(1, Ordering::Relaxed);
            let [from, to, kept] = ["from", "to", "kept"].map(|name| format!("{name}-{number}"));
            plant(&servers[0], &from, &case.source, times[0], "red");
            plant(&servers[1], &to, &case.destination, times[1], "blue");
            servers[1].store().create_bucket(&kept);
            let mut command = Command::new(program);
            command.env_clear().env("HOME", root.path()).arg("--config").arg(root.path().join("rclone.conf"));
            command.args([case.command, &format!("source:{from}"), &format!("destination:{to}")]);
            command.args(case.flags(root.path(), &format!("destination:{kept}"))).args(more);
            let output = command.output().unwrap();
            (output.status.success(), held(&servers[1], &to), held(&servers[1], &kept), text(&output))
        };
        let theirs = run(&rclone, &of_the_right_age(&case, |minutes| times[0].listed(minutes)), &their_flags(&case));
        let ours = run(&ours(), &case, case.guards());
        let told = || format!("rclone: {}\nours: {}", theirs.3, ours.3);
        let left = Left { destination: content(&ours.1), kept: content(&ours.2) };
        prop_assert_eq!(lost(&case, &left), NOTHING, "{}", told());
        if is_chance(&case) {
            return Ok(());
        }
        prop_assert_eq!(theirs.0, ours.0, "{}", told());
        prop_assert_eq!(content(&theirs.1), content(&ours.1), "{}", told());
        same_attributes(&case, &theirs.1, &ours.1)?;
        prop_assert_eq!(content(&theirs.2), content(&ours.2), "what is kept, {}", told());
        Ok(())
    });
}

/// A run that has the meaning of `case` where its age limits go by the source alone: without what they keep out, and without
/// deletions.
pub(crate) fn of_the_right_age(case: &Case, modified: impl Fn(u64) -> SystemTime) -> Case {
    let Some(age) = case.age else { return case.clone() };
    let mut meant = Case { age: None, command: "copy", ..case.clone() };
    meant.source.retain(|_, (_, minutes)| age.lets_in(modified(*minutes)));
    meant
}

/// rclone keeps metadata when it is told to. It asks each object for its time unless it is told not to; we go by listings.
pub(crate) fn their_flags(case: &Case) -> Vec<&'static str> {
    let by_time = case.age.is_some() || case.has("--update");
    ["--metadata"].into_iter().chain(by_time.then_some("--use-server-modtime")).collect()
}

pub(crate) fn content(held: &Held) -> BTreeMap<String, Vec<u8>> {
    held.iter().map(|(key, (bytes, _))| (key.clone(), bytes.clone())).collect()
}

/// What was copied by both has all that the source had, and the source's time.
fn same_attributes(case: &Case, theirs: &Held, ours: &Held) -> Result<(), TestCaseError> {
    for (key, (bytes, attributes)) in ours {
        let before = case.destination.get(key).map(|(content, _)| content.as_bytes());
        // Where the content is the same, rclone may change the time alone. What is kept was copied by the server, as it
        // was; rclone adds a time to it.
        if before != Some(bytes) && case.source.get(key).is_some_and(|(content, _)| content.as_bytes() == bytes) {
            prop_assert_eq!(&theirs[key].1, attributes, "{}", key);
        }
    }
    Ok(())
}

impl Times {
    /// What a listing says.
    pub(crate) fn listed(self, minutes: u64) -> SystemTime {
        match self.written {
            Written::Then => time(minutes),
            Written::Between => time(minutes) + std::time::Duration::from_secs(30),
            Written::Now => SystemTime::now(),
        }
    }
}

pub(crate) fn plant(server: &S3Server, bucket: &str, tree: &Tree, times: Times, color: &str) {
    server.store().create_bucket(bucket);
    for (path, (content, minutes)) in tree {
        let mut metadata = BTreeMap::from([("color".to_owned(), color.to_owned())]);
        if times.mtime {
            // As rclone writes it: of another time than the listing's.
            let mtime = OffsetDateTime::from(time(*minutes)) - Duration::seconds(15);
            metadata.insert("mtime".to_owned(), format!("{}.25", mtime.unix_timestamp()));
        }
        let attributes = Attributes {
            content_type: Some("text/x-test".to_owned()),
            cache_control: Some("max-age=5".to_owned()),
            content_language: Some("eo".to_owned()),
            metadata,
            ..Attributes::default()
        };
        let modified = times.listed(*minutes).into();
        let object = StoredObject::new(content.clone()).modified_at(modified).with_attributes(attributes);
        server.store().put(bucket, path, object);
    }
}

pub(crate) fn held(server: &S3Server, bucket: &str) -> Held {
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

pub(crate) fn remotes(servers: &[S3Server; 2]) -> String {
    let remote = |(name, server): (&str, &S3Server)| {
        let (key, secret, endpoint) = (server.access_key(), server.secret_key(), server.endpoint());
        format!(
            "[{name}]\ntype = s3\nprovider = Ceph\nenv_auth = false\naccess_key_id = {key}\n\
             secret_access_key = {secret}\nacl = private\nendpoint = {endpoint}\n\n"
        )
    };
    ["source", "destination"].into_iter().zip(servers).map(remote).collect()
}
