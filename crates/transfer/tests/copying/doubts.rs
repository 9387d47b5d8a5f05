//! Sources whose ETag does not bear out the bytes that they send: damaged on the way, or of parts that nobody guesses.

use std::sync::Arc;

use transship_store::Bucket;
use transship_testbed::s3::{Effect, Fault, Operation as Op, StoredObject};
use transship_transfer::{Copied, Copier, Destination, Done, Doubt};
use transship_types::Strength;

use crate::{
    ceph_like::ceph_like,
    stage::{BUCKET, MIB, Stage, content, directory, in_parts, job, opened, strength, verified},
    unpacking::gzip,
};

/// No tool's part size.
const ODD: usize = 7_777_777;

fn damaged() -> Fault {
    Fault::new(Effect::CorruptReply { at: 77 }).on(Op::GetObject)
}

async fn copy(stage: &Stage, from: Arc<dyn Bucket>, to: Vec<Arc<dyn Bucket>>) -> Copied {
    let destinations: Vec<_> = to.into_iter().map(Destination::new).collect();
    let count = destinations.len();
    let copier = Copier::new(from, destinations, stage.options.clone(), stage.cancel.clone());
    copier.copy(job(stage.listed("x").await, count)).await
}

fn doubts(copied: &Copied) -> Vec<Option<Doubt>> {
    let doubt = |result: &_| match result {
        Ok(Done::Copied { doubt, .. }) => *doubt,
        other => panic!("not copied: {other:?}"),
    };
    copied.targets.iter().map(|placed| doubt(&placed.result)).collect()
}

#[tokio::test]
async fn an_object_of_odd_parts_that_is_damaged_on_its_way_to_a_disk_is_read_again() {
    for (size, hides_parts) in [(MIB, false), (MIB, true), (20 * MIB, false), (20 * MIB, true)] {
        let (stage, root) = (Stage::new().await, tempfile::tempdir().unwrap());
        let bytes = content(size, 1);
        stage.put("x", in_parts(&bytes, ODD.min(size / 2 + 99)));
        let hits = stage.source.faults().add(damaged().times(1));
        let source = opened(&stage.source);
        let source = if hides_parts { ceph_like(source) } else { source };
        let copied = copy(&stage, source, vec![directory(&root), opened(stage.site())]).await;
        assert_eq!(hits.count(), 1);
        assert_eq!(std::fs::read(root.path().join("x")).unwrap(), bytes, "{size} {hides_parts}");
        assert_eq!(stage.arrived(0, "x").unwrap(), bytes, "{size} {hides_parts}");
        assert_eq!(verified(&copied.targets[0]), Strength::Reread);
        assert_eq!(doubts(&copied), [hides_parts.then_some(Doubt::Unconfirmed); 2], "{size}");
    }
}

#[tokio::test]
async fn an_object_whose_bytes_are_not_those_of_its_etag_is_never_called_proven_by_md5() {
    let odd = in_parts(&content(20 * MIB, 2), ODD);
    let whole = |size| StoredObject::new(content(size, 3));
    for (object, split_above) in [
        (in_parts(&content(MIB, 2), MIB / 2 + 99), MIB),
        (odd, MIB),
        (whole(1000), MIB),
        (whole(12 * MIB), 1024 * MIB),
        (whole(12 * MIB), MIB),
    ] {
        let (mut stage, root) = (Stage::new().await, tempfile::tempdir().unwrap());
        stage.options.split_above = split_above as u64;
        let case = format!("{} {split_above}", object.bytes().unwrap().len());
        stage.put("x", object);
        stage.source.faults().add(damaged());
        let alone = copy(&stage, opened(&stage.source), vec![opened(stage.site())]).await;
        if let Ok(done) = &alone.targets[0].result {
            assert_eq!(strength(&alone), Strength::Reread, "{case}: {done:?}");
            assert_eq!(doubts(&alone), [Some(Doubt::Contradicted)], "{case}");
        }
        let beside = copy(&stage, opened(&stage.source), vec![directory(&root), opened(stage.site())]).await;
        let strengths: Vec<_> = beside.targets.iter().map(verified).collect();
        assert_eq!(strengths, [Strength::Reread; 2], "{case}");
        assert_eq!(doubts(&beside), [Some(Doubt::Contradicted); 2], "{case}");
        assert_eq!(beside.source_reads, 2, "{case}: both destinations share the second reading");
    }
}

#[tokio::test]
async fn an_object_of_odd_parts_is_read_once_where_the_server_tells_them() {
    let (stage, root) = (Stage::new().await, tempfile::tempdir().unwrap());
    let bytes = content(20 * MIB, 4);
    stage.put("x", in_parts(&bytes, ODD));
    let copied = copy(&stage, opened(&stage.source), vec![directory(&root), opened(stage.site())]).await;
    assert_eq!((copied.source_reads, doubts(&copied)), (1, vec![None; 2]));
    assert_eq!(verified(&copied.targets[1]), Strength::Md5);
    assert_eq!(stage.source.counts()[&Op::HeadObject], 1, "how long the first part is");
    assert_eq!(std::fs::read(root.path().join("x")).unwrap(), bytes);
}

#[tokio::test]
async fn an_archive_of_odd_parts_that_is_damaged_where_gzip_does_not_look_is_read_again() {
    let stage = Stage::new().await;
    let bytes = content(20 * MIB, 5);
    stage.put("x", in_parts(&gzip(&bytes), MIB + 99));
    // The header's time.
    let hits = stage.source.faults().add(Fault::new(Effect::CorruptReply { at: 4 }).on(Op::GetObject).times(1));
    let mut unpacking = job(stage.listed("x").await, 1);
    unpacking.targets[0].unpack = true;
    let copied = stage.copier().copy(unpacking).await;
    assert_eq!((hits.count(), copied.targets[0].attempts), (1, 2), "the first attempt came to nothing");
    assert_eq!(stage.arrived(0, "x").unwrap(), bytes);
    assert_eq!(stage.site().keys(BUCKET), ["x"]);
}
