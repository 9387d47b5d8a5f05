//! What is done on each server alike.

use serde_json::{Value, json};
use transship_store::{Attributes, Body, PutOptions};
use transship_types::Key;

use crate::{
    common::{KEY_ID, SECRET, object, remote},
    stage::{MIB, Stage, beyond_gets, delete, done, gets, in_process, put, put_in_parts},
};

impl Stage {
    pub(crate) fn sync(&self, code: i32, flags: &[&str]) -> Value {
        let [from, to] = &self.ends;
        self.scene.reported(code, &[&["sync", from, to], flags].concat())
    }

    /// What `check` finds, sorted: lines as `= key`.
    pub(crate) fn check(&self, code: i32, flags: &[&str]) -> Vec<String> {
        let [from, to] = &self.ends;
        self.scene.run(&[&["check", from, to, "--combined", "found"], flags].concat()).ends_with(code);
        let mut lines: Vec<String> = self.scene.read("found").lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// A first run, one with nothing to do, one after changes; then `check`, before and after damage.
    pub(crate) async fn lives(&self) {
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
    pub(crate) async fn attributes_travel(&self) {
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
    pub(crate) async fn the_server_copies(&self, in_parts: &str) {
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
    pub(crate) async fn objects_travel_through_here(&self, other: &Stage) {
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
    pub(crate) async fn a_filter_loses_nothing_that_it_lets_in(&self) {
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
    pub(crate) fn knows(&self, endpoint: &str) {
        let more = self.scene.read("rclone.conf") + &remote("elsewhere", endpoint, KEY_ID, SECRET);
        self.scene.write("rclone.conf", &more);
    }

    pub(crate) async fn jobs_are_done(&self, in_parts: &str) {
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
