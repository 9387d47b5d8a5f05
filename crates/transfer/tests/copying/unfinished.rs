//! Uploads that are open: a process that ends at once must be able to name them.

use std::sync::Arc;

use transship_testbed::s3::{Fault, Operation as Op, StoredObject};
use transship_transfer::{Copier, Job, Target, Unfinished};

use crate::{
    gauge::Gauged,
    stage::{BUCKET, MIB, Stage, content, in_parts, opened, strength},
};

/// A copier to the site and, by the server alone, within the source; parts get through when they are let go.
fn gated(stage: &Stage) -> (Copier, [Arc<Gauged>; 2]) {
    let ends = [stage.site(), &stage.source].map(|server| Gauged::new(opened(server)));
    for end in &ends {
        end.hold_all();
    }
    (stage.copier_to(ends.iter().map(|end| end.clone() as _).collect()), ends)
}

async fn one_open(copier: &Copier) -> Unfinished {
    loop {
        if let Some(open) = copier.unfinished().pop() {
            return open;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn every_open_upload_is_known_until_it_ends() {
    let mut stage = Stage::new().await;
    stage.options.split_above = 8 * MIB as u64;
    stage.put("split", StoredObject::new(content(20 * MIB, 1)));
    stage.put("parts", in_parts(&content(20 * MIB, 2), 8 * MIB));
    let (copier, ends) = gated(&stage);
    for (key, destination) in [("split", 0), ("parts", 0), ("parts", 1)] {
        let target = Target { destination, key: "copy".into(), unpack: false, newest_wins: false };
        let job = Job { source: stage.listed(key).await, hint: false, targets: vec![target] };
        let copying = tokio::spawn({
            let copier = copier.clone();
            async move { copier.copy(job).await }
        });
        let open = one_open(&copier).await;
        let server = [stage.site(), &stage.source][destination];
        let there = server.unfinished_uploads(BUCKET);
        assert_eq!(there.len(), 1, "{key} {destination}");
        assert_eq!((open.key.as_str(), &open.location), ("copy", &opened(server).location().to_owned()));
        ends[destination].let_go();
        strength(&copying.await.unwrap());
        assert_eq!(copier.unfinished(), []);
        ends[destination].hold_all();
    }
}

#[tokio::test]
async fn an_upload_that_could_not_be_aborted_stays_known() {
    let stage = Stage::new().await;
    stage.put("parts", in_parts(&content(20 * MIB, 2), 8 * MIB));
    stage.site().faults().add(Fault::answer(403, "AccessDenied").on(Op::UploadPart));
    let hits = stage.site().faults().add(Fault::answer(403, "AccessDenied").on(Op::AbortMultipartUpload).times(1));
    let copier = stage.copier();
    let job = crate::stage::job(stage.listed("parts").await, 1);
    assert!(copier.copy(job.clone()).await.targets[0].result.is_err());
    assert_eq!((hits.count(), copier.unfinished().len(), stage.unfinished()), (1, 1, 1));
    assert!(copier.copy(job).await.targets[0].result.is_err());
    assert_eq!((copier.unfinished().len(), stage.unfinished()), (1, 1), "the second one was aborted");
}
