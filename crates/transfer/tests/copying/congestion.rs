//! Servers that answer 503 above a rate, and such that do not. Buckets are opened as programs open them.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use transship_store::{Bucket, BucketSpec, ListRequest, RetryOptions, open, retry};
use transship_testbed::s3::{Effect, Fault, FaultHits, Operation, S3Server, StoredObject};
use transship_transfer::{Copied, Copier, CopyOptions, Destination, Done};
use transship_types::Key;

use crate::stage::{BUCKET, MIB, Stage, content, job, spec};

const OBJECTS: usize = 600;
const PER_SECOND: u32 = 100;

fn opened(server: &S3Server) -> Arc<dyn Bucket> {
    open(&BucketSpec::S3(spec(server, &server.endpoint()))).unwrap()
}

async fn stage(sites: usize, objects: usize) -> Stage {
    let mut stage = Stage::with_sites(sites).await;
    stage.options = CopyOptions { retry: RetryOptions::default(), ..CopyOptions::default() };
    (0..objects).for_each(|n| stage.put(&format!("{n:04}"), StoredObject::new(n.to_string())));
    stage
}

/// At most this many requests a second, and a tenth of them at once.
fn limited(server: &S3Server, operation: Operation, per_second: u32) -> Arc<FaultHits> {
    server.faults().add(Fault::above_rate(per_second, per_second / 10).on(operation))
}

/// Copies everything to all sites; all of it arrives.
async fn copy_all(stage: &Stage) {
    let source = opened(&stage.source);
    let (mut jobs, mut cursor) = (Vec::new(), None);
    loop {
        let page = source.list_page(&ListRequest::default(), cursor).await.unwrap();
        jobs.extend(page.entries.into_iter().map(|entry| job(entry, stage.sites.len())));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    let sites = stage.sites.iter().map(|site| Destination::new(opened(site))).collect();
    let copier = Copier::new(source, sites, stage.options.clone(), stage.cancel.clone());
    let copied: Vec<_> = copier.run(stream::iter(jobs)).collect().await;
    let arrived =
        |copied: &Copied| copied.targets.iter().all(|target| matches!(target.result, Ok(Done::Copied { .. })));
    assert_eq!(copied.iter().find(|copied| !arrived(copied)).map(|copied| format!("{copied:?}")), None);
    for site in &stage.sites {
        assert_eq!(site.keys(BUCKET), stage.source.keys(BUCKET));
    }
}

/// The server got about as many requests as it takes, and no object was asked for again and again.
fn assert_settled(server: &S3Server, operation: Operation, limit: &FaultHits) {
    let (refused, admitted) = (limit.count(), limit.spared());
    assert!(refused > 0 && refused * 8 < admitted, "{refused} were refused, {admitted} admitted");
    let mut requests = BTreeMap::<_, usize>::new();
    for request in server.requests_of(operation) {
        *requests.entry(request.key).or_default() += 1;
    }
    let most = requests.values().max();
    assert!(most.is_some_and(|most| *most <= 4), "{most:?} requests for one object");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_takes_so_many_writes_a_second_gets_about_as_many() {
    let stage = stage(1, OBJECTS).await;
    let limit = limited(stage.site(), Operation::PutObject, PER_SECOND);
    copy_all(&stage).await;
    assert_settled(stage.site(), Operation::PutObject, &limit);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_gives_so_many_objects_a_second_is_asked_for_about_as_many() {
    let stage = stage(1, OBJECTS).await;
    let limit = limited(&stage.source, Operation::GetObject, PER_SECOND);
    copy_all(&stage).await;
    assert_settled(&stage.source, Operation::GetObject, &limit);
    assert_eq!(stage.site().count(Operation::PutObject), OBJECTS as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_refuses_nothing_gets_as_many_requests_at_once_as_there_may_be_objects() {
    let stage = stage(1, OBJECTS / 2).await;
    stage.site().faults().add(Fault::new(Effect::Delay(Duration::from_millis(500))).on(Operation::PutObject));
    copy_all(&stage).await;
    assert_eq!(stage.site().most_in_flight(), stage.options.transfers);
}

/// Each large object is written to both sites as it is read: none may hold at one what another one needs at the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_and_small_objects_arrive_at_two_servers_that_both_refuse_some() {
    let mut stage = stage(2, 300).await;
    (0..30).for_each(|n| stage.put(&format!("large-{n:02}"), StoredObject::new(content(3 * MIB, n))));
    stage.options.memory = 16 * MIB as u64;
    let limits: Vec<_> = stage.sites.iter().map(|site| limited(site, Operation::PutObject, 60)).collect();
    copy_all(&stage).await;
    for (site, limit) in stage.sites.iter().zip(&limits) {
        assert_settled(site, Operation::PutObject, limit);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_deletes_so_many_times_a_second_is_asked_for_about_as_many() {
    let stage = stage(1, 0).await;
    let limit = limited(stage.site(), Operation::DeleteObject, 100);
    let site = opened(stage.site());
    let options = RetryOptions::default();
    let delete = |n: usize| {
        let (site, options) = (site.clone(), options.clone());
        async move {
            let keys = [Key::from(format!("{n:04}"))];
            let delete = |_| async { site.delete(&keys).await?.into_iter().try_for_each(|deleted| deleted.result) };
            retry(&options, delete).await
        }
    };
    let deleted: Vec<_> = stream::iter(0..400).map(delete).buffer_unordered(64).collect().await;
    assert!(deleted.iter().all(Result::is_ok));
    assert!(limit.count() > 0 && limit.count() * 8 < limit.spared(), "{limit:?}");
}
