//! Parts of one object that are under way at the same time.

use std::{sync::Arc, time::Duration};

use tokio::task::JoinHandle;
use transship_testbed::s3::{Operation, StoredObject};
use transship_transfer::Copied;

use crate::{
    gauge::Gauged,
    stage::{MIB, Stage, content, in_parts, job, opened, strength},
};

const PART: usize = 5 * MIB;
const PARTS: usize = 16;

/// A copy of one object at a time, to a bucket that holds all parts back.
async fn copying(object: StoredObject) -> (Stage, Arc<Gauged>, JoinHandle<Copied>) {
    let mut stage = Stage::new().await;
    stage.options.transfers = 1;
    (stage.options.split_above, stage.options.part_size) = (PART as u64, PART as u64);
    stage.put("x", object);
    let site = Gauged::new(opened(stage.site()));
    site.hold_all();
    let (copier, job) = (stage.copier_to(vec![site.clone()]), job(stage.listed("x").await, 1));
    (stage, site, tokio::spawn(async move { copier.copy(job).await }))
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let waits = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waits).await.unwrap_or_else(|_| panic!("{what}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_object_at_a_time_is_no_limit_on_its_parts() {
    let bytes = content(PARTS * PART, 1);
    for object in [StoredObject::new(bytes.clone()), in_parts(&bytes, PART)] {
        let (_stage, site, copy) = copying(object).await;
        until("three parts are under way", || site.parts.most() >= 3 * PART).await;
        site.let_go();
        assert!(strength(&copy.await.unwrap()).proves_content());
    }
}

/// The first part is in the object's own place. When that comes free it is used again, whatever becomes of the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_that_hang_hold_up_no_others() {
    let bytes = content(PARTS * PART, 2);
    for object in [StoredObject::new(bytes.clone()), in_parts(&bytes, PART)] {
        let (stage, site, copy) = copying(object).await;
        until("several are under way", || site.parts.most() >= 3 * PART).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let under_way = u32::try_from(site.parts.now()).unwrap() / PART as u32;
        site.hold(2..1 + under_way);
        let others = PARTS as u64 + 1 - u64::from(under_way);
        until("all others arrive", || stage.site().count(Operation::UploadPart) >= others).await;
        site.let_go();
        assert!(strength(&copy.await.unwrap()).proves_content());
    }
}
