//! One number for the memory of everything.

use std::{pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{StreamExt, stream};
use transship_testbed::s3::{Effect, Fault, Operation, StoredObject};
use transship_transfer::{Copied, Copier, Destination, Job, Target};

use crate::{
    gauge::Gauged,
    stage::{BUCKET, MIB, Stage, content, in_parts, job, opened, verified},
    unpacking::gzip,
};

/// Objects around every limit there is, with 16 MiB for all of them.
fn objects() -> Vec<(String, StoredObject, bool)> {
    let mut objects = Vec::new();
    let sizes = [0, 1, 1023, 5 * MIB - 1, 5 * MIB, 5 * MIB + 1, 8 * MIB, 17 * MIB];
    for (n, size) in sizes.into_iter().enumerate() {
        let bytes = content(size, n as u64);
        objects.push((format!("single {size}"), StoredObject::new(bytes.clone()), false));
        if size > 5 * MIB {
            objects.push((format!("parts {size}"), in_parts(&bytes, 5 * MIB), false));
        }
        objects.push((format!("packed {size}.gz"), StoredObject::new(gzip(&bytes)), true));
    }
    objects
}

async fn crowd() -> (Stage, Arc<Gauged>, Vec<Copied>) {
    let mut stage = Stage::with_sites(2).await;
    stage.options.memory = 16 * MIB as u64;
    stage.options.split_above = 8 * MIB as u64;
    let source = Gauged::new(opened(&stage.source));
    let mut jobs = Vec::new();
    for (key, object, unpack) in objects() {
        stage.put(&key, object);
        let targets = (0..2).map(|destination| Target {
            destination,
            key: key.as_str().into(),
            unpack: unpack && destination == 0,
            newest_wins: false,
        });
        jobs.push(Job { source: stage.listed(&key).await, hint: false, targets: targets.collect() });
    }
    let destinations = stage.sites.iter().map(|site| Destination::new(opened(site))).collect();
    let copier = Copier::new(source.clone(), destinations, stage.options.clone(), stage.cancel.clone());
    let all = copier.run(stream::iter(jobs)).collect::<Vec<_>>();
    let copied =
        tokio::time::timeout(Duration::from_secs(300), all).await.expect("nobody waits for anybody in a circle");
    (stage, source, copied)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_crowd_of_objects_finishes_and_stays_below_the_limit() {
    let (stage, source, copied) = crowd().await;
    assert_eq!(copied.len(), objects().len());
    for (key, object, unpack) in objects() {
        let copied = copied.iter().find(|c| c.source.key.as_str() == key).unwrap();
        copied.targets.iter().for_each(|placed| assert!(verified(placed).proves_content(), "{key}"));
        assert_eq!(stage.arrived(1, &key).unwrap(), object.bytes().unwrap(), "{key}");
        if unpack {
            let size: usize = key.trim_start_matches("packed ").trim_end_matches(".gz").parse().unwrap();
            assert_eq!(stage.arrived(0, &key).unwrap().len(), size, "{key}");
        }
    }
    let most = source.read.most();
    assert!(most < 16 * MIB + 4 * MIB, "{most} bytes of the source's were held at once");
    assert_eq!(source.read.now(), 0);
    assert_eq!(stage.unfinished(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_of_200_mib_passes_through_32_mib() {
    let mut stage = Stage::new().await;
    stage.options.memory = 32 * MIB as u64;
    let unpacked = Bytes::from(vec![0; 200 * MIB]);
    stage.source.put_object(BUCKET, "zeros.gz", gzip(&unpacked));
    let site = Gauged::new(opened(stage.site()));
    stage.site().faults().add(Fault::new(Effect::Delay(Duration::from_millis(20))).on(Operation::UploadPart));
    let target = Target { destination: 0, key: "zeros".into(), unpack: true, newest_wins: false };
    let job = Job { source: stage.listed("zeros.gz").await, hint: false, targets: vec![target] };
    let copied = stage.copier_to(vec![site.clone()]).copy(job).await;
    assert_eq!(verified(&copied.targets[0]), transship_types::Strength::MultipartEtag);
    assert_eq!(stage.arrived(0, "zeros").unwrap().len(), 200 * MIB);
    let most = site.parts.most();
    assert!(most <= 32 * MIB, "{most} bytes were in parts under way at once");
    assert!(most > 16 * MIB, "and parts go side by side: {most}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_objects_do_not_wait_for_large_ones() {
    // More than there is memory for, and more than may move at once.
    const COUNTS: [usize; 2] = [6, 12];
    let zeros = Bytes::from(vec![0; 12 * MIB]);
    let large = [
        ("in memory", StoredObject::new(content(5 * MIB, 3))),
        ("split", StoredObject::new(content(12 * MIB, 1))),
        ("archive", StoredObject::new(gzip(&zeros))),
        ("parts", in_parts(&content(12 * MIB, 2), 5 * MIB)),
    ];
    for ((kind, object), count) in large.iter().flat_map(|one| COUNTS.map(|count| (one, count))) {
        let mut stage = Stage::new().await;
        stage.options.memory = 16 * MIB as u64;
        stage.options.split_above = 8 * MIB as u64;
        stage.options.transfers = 8;
        let site = Gauged::new(opened(stage.site()));
        site.hold_all();
        let mut jobs = Vec::new();
        for n in 0..count {
            let key = format!("large {n}");
            stage.put(&key, object.clone());
            let target =
                Target { destination: 0, key: key.as_str().into(), unpack: *kind == "archive", newest_wins: false };
            jobs.push(Job { source: stage.listed(&key).await, hint: false, targets: vec![target] });
        }
        for n in 0..40 {
            let key = format!("small {n}");
            stage.source.put_object(BUCKET, &key, content(100 << 10, n));
            jobs.push(job(stage.listed(&key).await, 1));
        }
        let copier = stage.copier_to(vec![site.clone()]);
        let mut outcomes = pin!(copier.run(stream::iter(jobs)));
        let mut order = Vec::new();
        while let Some(copied) = tokio::time::timeout(Duration::from_secs(30), outcomes.next())
            .await
            .unwrap_or_else(|_| panic!("{kind}: nothing goes on after {} objects, {order:?}", order.len()))
        {
            verified(&copied.targets[0]);
            order.push(copied.source.key.as_str().to_owned());
            if order.len() == 40 {
                site.let_go();
            }
        }
        assert_eq!(order.len(), 40 + count, "{kind}");
        assert!(order[..40].iter().all(|key| key.starts_with("small")), "{kind}: {order:?}");
    }
}
