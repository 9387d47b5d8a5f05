//! `unpack`

use std::io::Write;

use flate2::{Compression, write::GzEncoder};

use crate::scene::{Scene, json_lines};

pub(crate) fn packed(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(text.as_ref()).unwrap();
    gzip.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_members_of_an_archive_are_unpacked_and_other_objects_left_alone() {
    for scene in Scene::both().await {
        let (source, destination) = (scene.at("raw/in"), scene.at("lake"));
        scene.config(&format!("[source]\n{source}[destination]\n{destination}unpack = yes\n"));
        scene.put("raw", "in/two.csv.gz", [packed("one,"), packed("two")].concat()).put("raw", "in/e.gz", packed(""));
        scene.put("raw", "in/plain.csv", "plain").put("raw", "in/x.GZ", "X").put("raw", "in/y.gz.bak", "Y");
        let ran = scene.solgate(&["sync", "--report", "report.json"]).ends_with(0);
        assert_eq!(scene.keys("lake"), ["e", "plain.csv", "two.csv", "x.GZ", "y.gz.bak"]);
        assert_eq!(scene.get("lake", "two.csv").unwrap(), b"one,two");
        assert_eq!(scene.get("lake", "e").unwrap(), b"");
        assert!(!ran.stdout.contains("size "), "unpacked objects are verified, too: {}", ran.stdout);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_archive_fails_by_itself_and_leaves_nothing() {
    for scene in Scene::both().await {
        let (source, destination) = (scene.at("raw/in"), scene.at("lake"));
        scene.config(&format!("[source]\n{source}[destination]\n{destination}unpack = yes\n"));
        let noise: Vec<u8> = (0..3_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let whole = packed(noise);
        let mut flipped = whole.clone();
        let middle = flipped.len() / 2;
        flipped[middle] ^= 0x55;
        scene.put("raw", "in/cut.gz", &whole[..whole.len() - 9]).put("raw", "in/flipped.gz", flipped);
        scene.put("raw", "in/none.gz", "this is no gzip").put("raw", "in/good.gz", whole);
        let ran = scene.solgate(&["sync"]).ends_with(4);
        assert_eq!(scene.keys("lake"), ["good"]);
        assert!(ran.stdout.contains("4: 1 copied, 3 failed"), "{}", ran.stdout);
        let mut failed: Vec<_> = json_lines(&scene.read("failed.json")).iter().map(|o| o["key"].clone()).collect();
        failed.sort_by_key(ToString::to_string);
        assert_eq!(failed, ["cut.gz", "flipped.gz", "none.gz"]);
        if let Some(server) = &scene.server {
            assert!(server.unfinished_uploads("lake").is_empty());
        }
    }
}
