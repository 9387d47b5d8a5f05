//! The main job on a real server, which holds every key that S3 allows.

use std::time::Duration;

use transship_store::{Body, Bucket, PutOptions};
use transship_testbed::servers::{Server, ServerKind};
use transship_types::Key;

use crate::{
    keys::AWKWARD,
    scene::{Ran, Scene},
    unpacking::packed,
};

struct Ceph {
    server: Server,
    scene: Scene,
}

impl Ceph {
    fn at(&self, place: &str) -> String {
        format!(
            "base_path = {place}\nendpoint_url = {}\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            self.server.endpoint(),
            self.server.access_key_id(),
            self.server.secret_access_key().expose()
        )
    }

    fn open(&self, bucket: &str) -> std::sync::Arc<dyn Bucket> {
        transship_store::open(&self.server.bucket_spec(bucket)).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.scene.command(&[&["-c", "config.ini"], arguments].concat());
        Ran::told(command.timeout(Duration::from_secs(120)).output().unwrap())
    }

    fn summary(&self, arguments: &[&str]) -> serde_json::Value {
        let ran = self.run(&[arguments, &["--output", "json"]].concat()).ends_with(0);
        ran.json().remove(0)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_and_awkward_keys_on_ceph() {
    let test = "the_main_job_and_awkward_keys_on_ceph";
    let Some(server) = Server::start_or_skip(ServerKind::Ceph, test).await.unwrap() else { return };
    for bucket in ["solgate-raw", "solgate-lake", "solgate-archive"] {
        server.create_bucket(bucket).await.unwrap();
    }
    let ceph = Ceph { server, scene: Scene::files() };
    let raw = ceph.open("solgate-raw");
    let put = async |key: String, bytes: Vec<u8>| {
        raw.put(&Key::from(key), Body::bytes(bytes), &PutOptions::default()).await.unwrap();
    };
    for (n, key) in AWKWARD.iter().enumerate() {
        put(format!("odd/{key}"), format!("object {n}").into_bytes()).await;
    }
    let disk = format!("url = file://{}\n", ceph.scene.path("disk").display());
    let (source, archive) = (ceph.at("solgate-raw/odd"), ceph.at("solgate-archive/odd"));
    ceph.scene.config(&format!("[source]\n{source}[destination_archive]\n{archive}"));
    let summary = ceph.summary(&["sync"]);
    assert_eq!(summary["totals"]["verified"], serde_json::json!({"md5": AWKWARD.len()}));
    let there = ceph.open("solgate-archive");
    for (n, key) in AWKWARD.iter().enumerate() {
        let info = there.head(&Key::from(format!("odd/{key}"))).await.unwrap();
        assert_eq!(info.size, format!("object {n}").len() as u64, "{key:?}");
    }
    // Through here and back: what a directory can hold of it arrives, the rest is refused one by one.
    ceph.scene.config(&format!("[source]\n{archive}[destination_disk]\n{disk}"));
    ceph.run(&["sync"]).ends_with(4);
    assert!(ceph.scene.keys("disk").len() >= 10, "{:?}", ceph.scene.keys("disk"));

    for date in ["2024-05-05", "2024-05-06"] {
        put(format!("in/{date}/sales.csv.gz"), packed(date)).await;
        tokio::time::sleep(Duration::from_millis(1100)).await; // Ceph tells times to the millisecond, others to the second
    }
    ceph.scene.config(&format!(
        "[source]\n{}formatter = {{date}}/{{name}}.{{ext}}\n[destination_archive]\n{}\n\
         [destination_historic]\n{}formatter = {{name}}/historic/{{date}}.{{ext}}\nunpack = yes\n\
         [destination_latest]\n{}formatter = {{name}}/latest.csv\nunpack = yes\n",
        ceph.at("solgate-raw/in"),
        ceph.at("solgate-archive/in"),
        ceph.at("solgate-lake/out"),
        ceph.at("solgate-lake/out"),
    ));
    assert_eq!(ceph.summary(&["sync"])["totals"]["copied"], 2);
    assert_eq!(ceph.summary(&["sync", "--skip-existing"])["totals"]["skipped"], 2);
    let lake = ceph.open("solgate-lake");
    let latest = lake.head(&Key::from("out/sales/latest.csv")).await.unwrap();
    assert_eq!(latest.etag.unwrap().as_str(), "6b87aeaa86dd34fcfdd4220f664e37c4");
}
