//! Servers that die, at every single request.

use transship_testbed::s3::{S3Server, StoredObject};
use transship_types::Strength;

use crate::stage::{MIB, Stage, content, in_parts, verified};

fn objects() -> [(&'static str, StoredObject); 3] {
    [
        ("parts", in_parts(&content(6 * MIB, 1), 5 * MIB)),
        ("single", StoredObject::new(content(6 * MIB, 2))),
        ("small", StoredObject::new(content(100, 3))),
    ]
}

/// Everything that is there is whole.
fn whole(stage: &Stage) {
    for (key, object) in objects() {
        if let Some(there) = stage.arrived(0, key) {
            assert_eq!(there, object.bytes().unwrap(), "{key}");
        }
    }
}

async fn dies(which: impl Fn(&Stage) -> &S3Server) {
    for n in 1.. {
        let mut stage = Stage::new().await;
        stage.options.retry.attempts = 2;
        (stage.options.part_size, stage.options.split_above) = (5 * MIB as u64, 5 * MIB as u64);
        objects().into_iter().for_each(|(key, object)| stage.put(key, object));
        let mut listed = Vec::new();
        for (key, _) in objects() {
            listed.push(stage.listed(key).await);
        }
        which(&stage).faults().kill_at(n);
        let copier = stage.copier();
        for listed in &listed {
            copier.copy(crate::stage::job(listed.clone(), 1)).await;
        }
        let died = which(&stage).faults().is_killed();
        whole(&stage);
        if which(&stage).address() == stage.source.address() {
            assert_eq!(stage.unfinished(), 0, "the destination lives, so nothing is left there: {n}");
        }
        which(&stage).faults().revive();
        for (key, object) in objects() {
            let copied = stage.copy(key).await;
            assert!(verified(&copied.targets[0]) <= Strength::MultipartEtag, "{n} {key}");
            assert_eq!(stage.arrived(0, key).unwrap(), object.bytes().unwrap(), "{n} {key}");
        }
        // What could not be aborted, because nobody was there to tell, are the uploads of one run.
        assert!(stage.unfinished() <= 2, "{n}: {}", stage.unfinished());
        if !died {
            assert!(n > 4, "died at every request there is");
            return;
        }
    }
}

#[tokio::test]
async fn a_source_that_dies_at_any_request_leaves_whole_objects_and_a_second_run_finishes() {
    dies(|stage| &stage.source).await;
}

#[tokio::test]
async fn a_destination_that_dies_at_any_request_holds_whole_objects_and_a_second_run_finishes() {
    dies(|stage| stage.site()).await;
}
