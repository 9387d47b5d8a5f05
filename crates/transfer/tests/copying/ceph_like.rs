//! What Ceph RGW 16 does differently, on a server that does not: conditions that are ignored or never hold, and parts
//! that cannot be read by their number; no ETag when an upload is completed, and no tags on what comes of it.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use async_trait::async_trait;
use transship_store::{
    Body, Bucket, Capabilities, Condition, CopySource, Cursor, Deleted, Error, ErrorKind, GetOptions, GetReply,
    ListPage, ListRequest, ObjectInfo, Part, PartInfo, PutOptions, PutReply, Result, Tag, UnfinishedUpload, Upload,
};
use transship_testbed::s3::{Effect, Fault, Operation as Op, StoredObject};
use transship_transfer::{Copied, Copier, Destination, Done, Job, Target};
use transship_types::{Key, Strength};

use crate::stage::{BUCKET, MIB, Stage, content, in_parts, opened, strength};

#[derive(Debug)]
struct CephLike(Arc<dyn Bucket>, AtomicU32);

fn unconditional(source: &CopySource) -> CopySource {
    CopySource { if_match: None, ..source.clone() }
}

impl CephLike {
    fn no_parts(&self) -> Error {
        self.1.fetch_add(1, Ordering::SeqCst);
        Error::new(ErrorKind::Unsupported, "this store knows no single parts")
    }
}

#[async_trait]
impl Bucket for CephLike {
    async fn get(&self, key: &Key, options: &GetOptions) -> Result<GetReply> {
        match options.part_number {
            Some(_) => Err(self.no_parts()),
            None => self.0.get(key, options).await,
        }
    }
    async fn head_part(&self, _: &Key, _: u32) -> Result<PartInfo> {
        Err(self.no_parts())
    }
    async fn put(&self, key: &Key, body: Body, options: &PutOptions) -> Result<PutReply> {
        match options.condition {
            Condition::IfMatch(_) => Err(Error::new(ErrorKind::PreconditionFailed, "as always")),
            _ => self.0.put(key, body, options).await,
        }
    }
    async fn copy(&self, source: &CopySource, key: &Key, options: &PutOptions) -> Result<PutReply> {
        self.0.copy(&unconditional(source), key, options).await
    }
    async fn copy_part(
        &self,
        source: &CopySource,
        range: std::ops::Range<u64>,
        upload: &Upload,
        number: u32,
    ) -> Result<Part> {
        self.0.copy_part(&unconditional(source), range, upload, number).await
    }
    async fn complete_upload(&self, upload: &Upload, parts: &[Part], options: &PutOptions) -> Result<PutReply> {
        let reply = self.0.complete_upload(upload, parts, options).await?;
        Ok(PutReply { etag: None, ..reply })
    }

    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }
    fn location(&self) -> &str {
        self.0.location()
    }
    fn check_key(&self, key: &Key) -> Result<()> {
        self.0.check_key(key)
    }
    fn copy_source(&self, key: &Key) -> Option<CopySource> {
        self.0.copy_source(key)
    }
    async fn list_page(&self, request: &ListRequest, cursor: Option<Cursor>) -> Result<ListPage> {
        self.0.list_page(request, cursor).await
    }
    async fn head(&self, key: &Key) -> Result<ObjectInfo> {
        self.0.head(key).await
    }
    async fn create_upload(&self, key: &Key, options: &PutOptions) -> Result<Upload> {
        self.0.create_upload(key, &PutOptions { tags: Vec::new(), ..options.clone() }).await
    }
    async fn put_part(&self, upload: &Upload, number: u32, body: Body, options: &PutOptions) -> Result<Part> {
        self.0.put_part(upload, number, body, options).await
    }
    async fn abort_upload(&self, upload: &Upload) -> Result<()> {
        self.0.abort_upload(upload).await
    }
    async fn list_uploads(&self, prefix: &str) -> Result<Vec<UnfinishedUpload>> {
        self.0.list_uploads(prefix).await
    }
    async fn delete(&self, keys: &[Key]) -> Result<Vec<Deleted>> {
        self.0.delete(keys).await
    }
    async fn tags(&self, key: &Key) -> Result<Vec<Tag>> {
        self.0.tags(key).await
    }
    async fn put_tags(&self, key: &Key, tags: &[Tag]) -> Result<()> {
        self.0.put_tags(key, tags).await
    }
}

pub(crate) fn ceph_like(bucket: Arc<dyn Bucket>) -> Arc<dyn Bucket> {
    Arc::new(CephLike(bucket, AtomicU32::new(0)))
}

/// From the source to itself, by the server alone.
async fn copy_on_server(stage: &Stage) -> Copied {
    let (from, to) = (ceph_like(opened(&stage.source)), Destination::new(ceph_like(opened(&stage.source))));
    let copier = Copier::new(from, vec![to], stage.options.clone(), stage.cancel.clone());
    let target = Target { destination: 0, key: "copy".into(), unpack: false, newest_wins: false };
    copier.copy(Job { source: stage.listed("x").await, hint: false, targets: vec![target] }).await
}

#[tokio::test]
async fn a_source_that_changes_during_a_server_side_copy_is_noticed_without_conditions_too() {
    let (single, parts) = (|n| StoredObject::new(content(1000, n)), |n| in_parts(&content(20 * MIB, n), 8 * MIB));
    for (old, new, operation, after) in [
        (single(1), single(2), Op::CopyObject, 0),
        (single(1), StoredObject::new("shorter"), Op::CopyObject, 0),
        (parts(3), parts(4), Op::UploadPartCopy, 1),
        (parts(3), parts(4), Op::UploadPartCopy, 0),
    ] {
        let stage = Stage::new().await;
        stage.put("x", old);
        let bytes = new.bytes().unwrap();
        let replace = Effect::Before(Arc::new(move |store| store.put(BUCKET, "x", new.clone())));
        let hits = stage.source.faults().add(Fault::new(replace).on(operation).after(after).times(1));
        let copied = copy_on_server(&stage).await;
        assert_eq!(hits.count(), 1);
        assert!(copied.changed && strength(&copied).proves_content(), "{operation:?} {after}");
        assert_eq!(stage.source.object(BUCKET, "copy").unwrap().bytes().unwrap(), bytes, "{operation:?} {after}");
        assert_eq!(stage.source.unfinished_uploads(BUCKET), []);
    }
}

#[tokio::test]
async fn boundaries_that_nobody_tells_are_guessed_and_a_wrong_guess_does_no_harm() {
    for (part, on_server, through_here) in
        [(8 * MIB, Strength::MultipartEtag, Strength::MultipartEtag), (6 * MIB + 99, Strength::Size, Strength::Reread)]
    {
        let stage = Stage::new().await;
        let bytes = content(20 * MIB, 5);
        stage.put("x", in_parts(&bytes, part));
        assert_eq!(strength(&copy_on_server(&stage).await), on_server, "{part}");
        assert_eq!(stage.source.object(BUCKET, "copy").unwrap().bytes().unwrap(), bytes);

        let to = vec![Destination::new(opened(stage.site()))];
        let from = ceph_like(opened(&stage.source));
        let copier = Copier::new(from, to, stage.options.clone(), stage.cancel.clone());
        let copied = copier.copy(crate::stage::job(stage.listed("x").await, 1)).await;
        assert_eq!(strength(&copied), through_here, "{part}");
        assert_eq!(stage.arrived(0, "x").unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_condition_that_never_holds_does_not_keep_the_newest_object_out() {
    let stage = Stage::new().await;
    let copier = stage.copier_to(vec![ceph_like(opened(stage.site()))]);
    for n in 0..4 {
        let modified = time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(n);
        stage.put("x", StoredObject::new(format!("day {n}")).modified_at(modified));
        let target = Target { destination: 0, key: "latest".into(), unpack: false, newest_wins: true };
        let copied = copier.copy(Job { source: stage.listed("x").await, hint: false, targets: vec![target] }).await;
        assert!(matches!(copied.targets[0].result, Ok(Done::Copied { .. })), "{n}: {:?}", copied.targets[0].result);
        assert_eq!(stage.arrived(0, "latest").unwrap(), format!("day {n}"));
        let attempts = if n == 1 { 2 } else { 1 };
        assert_eq!(copied.targets[0].attempts, attempts, "{n}: what a server cannot do is found out once");
    }
}

#[tokio::test]
async fn an_etag_that_is_not_told_is_looked_up_and_nothing_is_read_again() {
    let stage = Stage::new().await;
    stage.put("x", in_parts(&content(20 * MIB, 6), 8 * MIB));
    let copier = stage.copier_to(vec![ceph_like(opened(stage.site()))]);
    let copied = copier.copy(crate::stage::job(stage.listed("x").await, 1)).await;
    assert_eq!((strength(&copied), copied.source_reads), (Strength::MultipartEtag, 1));
    assert_eq!((stage.site().count(Op::HeadObject), stage.site().count(Op::GetObject)), (1, 0));
}

#[tokio::test]
async fn a_server_that_knows_no_parts_is_asked_once_for_them() {
    let stage = Stage::new().await;
    let source = Arc::new(CephLike(opened(&stage.source), AtomicU32::new(0)));
    let to = vec![Destination::new(opened(stage.site())), Destination::new(opened(&stage.source))];
    let copier = Copier::new(source.clone(), to, stage.options.clone(), stage.cancel.clone());
    for (n, destination) in [0, 1, 0, 1].into_iter().enumerate() {
        stage.put("x", in_parts(&content(20 * MIB, n as u64), 8 * MIB));
        let target = Target { destination, key: "copy".into(), unpack: false, newest_wins: false };
        let job = Job { source: stage.listed("x").await, hint: false, targets: vec![target] };
        assert_eq!(strength(&copier.copy(job).await), Strength::MultipartEtag);
    }
    assert_eq!(source.1.load(Ordering::SeqCst), 1);
}
