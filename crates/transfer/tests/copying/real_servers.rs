//! The same engine against servers that are not ours: between two buckets of theirs, in and out of memory, by way of
//! the server itself.

use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use transship_store::{Attributes, Body, Bucket, PutOptions};
use transship_testbed::{
    s3::Attributes as ObjectAttributes,
    servers::{Server, ServerKind},
};
use transship_transfer::{Copied, Copier, Destination, Done, Job, Target};
use transship_types::{Key, Strength};

use crate::{
    stage::{BUCKET, MIB, content, entry, fast, in_parts, memory, opened, read, server, strength},
    unpacking::gzip,
};

struct Scene {
    there: Arc<dyn Bucket>,
    beside: Arc<dyn Bucket>,
    ours: transship_testbed::s3::S3Server,
}

impl Scene {
    async fn on(kind: ServerKind, test: &str) -> Option<(Server, Self)> {
        let server_there = Server::start_or_skip(kind, test).await.unwrap()?;
        for name in ["copying-a", "copying-b"] {
            server_there.create_bucket(name).await.unwrap();
        }
        let there = transship_store::open(&server_there.bucket_spec("copying-a")).unwrap();
        let beside = transship_store::open(&server_there.bucket_spec("copying-b")).unwrap();
        Some((server_there, Self { there, beside, ours: server().await }))
    }

    async fn copy(&self, from: &Arc<dyn Bucket>, to: &Arc<dyn Bucket>, key: &str, unpack: bool) -> Copied {
        let destinations = vec![Destination::new(to.clone())];
        let copier = Copier::new(from.clone(), destinations, fast(), CancellationToken::new());
        let target = Target { destination: 0, key: key.into(), unpack, newest_wins: false };
        copier.copy(Job { source: entry(&**from, key).await, hint: false, targets: vec![target] }).await
    }

    /// Out to our server, back again under the same key, and over to another bucket by the server alone.
    async fn travels(&self, key: &str, bytes: &Bytes) -> [Strength; 3] {
        let ours = opened(&self.ours);
        let out = strength(&self.copy(&self.there, &ours, key, false).await);
        assert_eq!(read(&*ours, key).await, bytes, "{key:?}");
        let back = strength(&self.copy(&ours, &self.there, key, false).await);
        assert_eq!(read(&*self.there, key).await, bytes, "{key:?}");
        let over = self.copy(&self.there, &self.beside, key, false).await;
        assert!(matches!(over.targets[0].result, Ok(Done::Copied { on_server: true, .. })), "{:?}", over.targets);
        assert_eq!(read(&*self.beside, key).await, bytes, "{key:?}");
        [out, back, strength(&over)]
    }

    async fn put(&self, key: &str, bytes: &Bytes) {
        let attributes = Attributes { content_type: Some("text/csv".into()), ..Attributes::default() };
        let options = PutOptions {
            attributes,
            metadata: [("owner".to_owned(), "jo".to_owned())].into(),
            ..PutOptions::default()
        };
        self.there.put(&Key::from(key), Body::bytes(bytes.clone()), &options).await.unwrap();
    }

    async fn put_in_parts(&self, key: &str, bytes: &Bytes, size: usize) {
        let (key, options) = (Key::from(key), PutOptions::default());
        let upload = self.there.create_upload(&key, &options).await.unwrap();
        let mut parts = Vec::new();
        for (number, at) in (1..).zip((0..bytes.len()).step_by(size)) {
            let part = Body::bytes(bytes.slice(at..(at + size).min(bytes.len())));
            parts.push(self.there.put_part(&upload, number, part, &options).await.unwrap());
        }
        self.there.complete_upload(&upload, &parts, &options).await.unwrap();
    }

    /// `over` is what proves a copy in parts that the server made by itself.
    async fn objects_of_every_kind_travel(&self, over: Strength) {
        for (key, size) in [("empty", 0), ("small", 4096), ("large", 20 * MIB)] {
            let bytes = content(size, 1);
            self.put(key, &bytes).await;
            assert_eq!(self.travels(key, &bytes).await, [Strength::Md5; 3], "{key}");
            let there = self.beside.head(&Key::from(key)).await.unwrap();
            assert_eq!(there.metadata.get("owner").map(String::as_str), Some("jo"), "{key}");
        }
        let bytes = content(20 * MIB, 2);
        self.put_in_parts("parts", &bytes, 8 * MIB).await;
        assert_eq!(self.travels("parts", &bytes).await, [Strength::MultipartEtag, Strength::MultipartEtag, over]);
        self.put_in_parts("odd parts", &bytes, 6 * MIB + 99).await;
        self.travels("odd parts", &bytes).await;
    }

    /// From our server, and over to another bucket by the server alone.
    async fn tags_of_objects_in_parts_arrive(&self) {
        let ours = opened(&self.ours);
        let tags = vec![("kind".to_owned(), "in parts".to_owned())];
        let object = in_parts(&content(20 * MIB, 4), 8 * MIB)
            .with_attributes(ObjectAttributes { tags: tags.clone(), ..ObjectAttributes::default() });
        self.ours.put(BUCKET, "tagged", object);
        for (from, to) in [(&ours, &self.there), (&self.there, &self.beside)] {
            let copied = self.copy(from, to, "tagged", false).await;
            strength(&copied);
            assert_eq!(copied.targets[0].not_kept, [""; 0]);
            assert_eq!(to.tags(&Key::from("tagged")).await.unwrap(), tags);
        }
    }

    async fn archives_are_unpacked(&self) {
        for size in [1000, 20 * MIB] {
            let bytes = content(size, 3);
            self.put("packed.gz", &gzip(&bytes)).await;
            let unpacked = memory("real servers");
            assert_eq!(strength(&self.copy(&self.there, &unpacked, "packed.gz", true).await), Strength::Reread);
            assert_eq!(read(&*unpacked, "packed.gz").await, bytes);
            let unpacked = self.copy(&self.there, &self.beside, "packed.gz", true).await;
            assert!(strength(&unpacked) <= Strength::MultipartEtag);
            assert_eq!(read(&*self.beside, "packed.gz").await, bytes);
        }
    }

    async fn the_newest_object_wins(&self) {
        let ours = opened(&self.ours);
        let to = vec![Destination::new(self.there.clone())];
        let copier = Copier::new(ours.clone(), to, fast(), CancellationToken::new());
        for (day, wins) in [(1, true), (3, true), (2, false), (4, true), (4, true)] {
            let modified = time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(day);
            let object = transship_testbed::s3::StoredObject::new(format!("day {day}")).modified_at(modified);
            self.ours.put(crate::stage::BUCKET, "x", object);
            let target = Target { destination: 0, key: "latest".into(), unpack: false, newest_wins: true };
            let copied =
                copier.copy(Job { source: entry(&*ours, "x").await, hint: false, targets: vec![target] }).await;
            let written = matches!(copied.targets[0].result, Ok(Done::Copied { .. }));
            assert_eq!(written, wins, "{day}: {:?}", copied.targets[0].result);
            assert_eq!(read(&*self.there, "latest").await, format!("day {}", if wins { day } else { 3 }));
        }
    }
}

#[tokio::test]
async fn objects_travel_to_and_from_ceph_rgw() {
    let Some((_server, scene)) = Scene::on(ServerKind::Ceph, "objects_travel_to_and_from_ceph_rgw").await else {
        return;
    };
    scene.objects_of_every_kind_travel(Strength::MultipartEtag).await;
    scene.tags_of_objects_in_parts_arrive().await;
    scene.archives_are_unpacked().await;
    scene.the_newest_object_wins().await;
    for key in
        ["a//b", "/a", "a/", "a/../b", "./c", "..", "é", "e\u{301}", "a b", "a+b", "a%2Fb", "a?b", "a\nb", "a\\b"]
    {
        let bytes = format!("content of {key:?}").into();
        scene.put(key, &bytes).await;
        assert_eq!(scene.travels(key, &bytes).await, [Strength::Md5; 3], "{key:?}");
    }
    assert_eq!(scene.there.list_uploads("").await.unwrap(), []);
    assert_eq!(scene.beside.list_uploads("").await.unwrap(), []);
}

#[tokio::test]
async fn objects_travel_to_and_from_seaweedfs() {
    let test = "objects_travel_to_and_from_seaweedfs";
    let Some((_server, scene)) = Scene::on(ServerKind::SeaweedFs, test).await else { return };
    // It does not tell the ETags of parts that it copied.
    scene.objects_of_every_kind_travel(Strength::Size).await;
    scene.tags_of_objects_in_parts_arrive().await;
    scene.archives_are_unpacked().await;
    scene.the_newest_object_wins().await;
    assert_eq!(scene.there.list_uploads("").await.unwrap(), []);
}
