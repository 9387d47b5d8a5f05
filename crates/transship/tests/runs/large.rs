//! Runs that need more than they may hold in memory.

use std::path::Path;

use bytes::Bytes;
use transship::{Error, types::Outcome};

use crate::stage::{BUCKET, Stage, finish, is_copied, reports, skipped};

/// Keys of a kilobyte: some thousand of them are too many.
const OBJECTS: usize = 9000;

fn name(n: usize) -> String {
    format!("{n:05}-{}", "k".repeat(950))
}

/// A source with so many objects, and a destination that holds them all under keys of its own.
async fn copied_already() -> Stage {
    let mut stage = Stage::new().await;
    stage.options.skip_existing = true;
    for n in 0..OBJECTS {
        stage.source.put_object(BUCKET, &format!("in/{}", name(n)), Bytes::from_static(b"content"));
        stage.site.put_object(BUCKET, &format!("in-{}", name(n)), Bytes::from_static(b"content"));
    }
    stage
}

#[tokio::test]
async fn what_does_not_fit_into_memory_is_decided_alike() {
    let stage = copied_already().await;
    let route = stage.renamed("{folder}/{name}", "{folder}-{name}", false);
    for n in [0, OBJECTS / 2, OBJECTS - 1] {
        stage.source.put_object(BUCKET, &format!("in/{}", name(n)), Bytes::from_static(b"changed"));
    }
    stage.site.remove_object(BUCKET, &format!("in-{}", name(7)));
    let all = reports(stage.copy(route.clone())).await;
    let copied: Vec<_> =
        all.iter().enumerate().filter(|(_, r)| is_copied(&r.destinations[0])).map(|(n, _)| n).collect();
    assert_eq!(copied, [0, 7, OBJECTS / 2, OBJECTS - 1]);
    assert_eq!((all.len(), skipped(&all[1].destinations[0])), (OBJECTS, "already there"));
    assert_eq!(stage.arrived(&format!("in-{}", name(OBJECTS / 2))), "changed");
    // Nearly a whole listing lies between the two.
    let last = name(OBJECTS - 1).replacen('-', "/", 1);
    stage.source.put_object(BUCKET, &format!("in-{last}"), "x");
    let (reports, error) = finish(stage.copy(route)).await;
    let Some(Error::Collision { key, first, second, .. }) = error else { panic!("no collision: {error:?}") };
    let named = [key, first, second].map(|key| key.as_str().to_owned());
    assert_eq!(named, [format!("in-{}", name(OBJECTS - 1)), format!("in-{last}"), format!("in/{}", name(OBJECTS - 1))]);
    assert_eq!(reports, []);
}

#[tokio::test]
async fn the_newest_of_very_many_objects_wins() {
    let stage = Stage::new().await;
    for n in 0..OBJECTS {
        let days = if n == 4321 { 2 } else { 0 };
        stage.put(&format!("{n:05}/{}", "k".repeat(950)), n.to_string(), days);
    }
    let route = stage.renamed("{number}/{name}", "latest/{name}", false);
    let all = reports(stage.copy(route)).await;
    assert_eq!(all.iter().filter(|report| is_copied(&report.destinations[0])).count(), 1);
    assert_eq!(stage.arrived(&format!("latest/{}", "k".repeat(950))), "4321");
    // Each has a rival of its own.
    for n in 0..OBJECTS {
        stage.source.remove_object(BUCKET, &format!("{n:05}/{}", "k".repeat(950)));
    }
    for n in 0..OBJECTS / 2 {
        stage.put(&format!("0/{}", name(n)), "older", 1);
        stage.put(&format!("1/{}", name(n)), "newer", i64::from(n % 3 == 0));
    }
    let all = reports(transship::dry_run(
        stage.renamed("{number}/{name}", "latest/{name}", false),
        transship::list(&stage.straight().source, &stage.options.listing()),
        stage.options.clone(),
    ))
    .await;
    for report in all {
        let first_wins = report.key.as_str()[2..7].parse::<usize>().unwrap() % 3 != 0;
        let gives_way = match &report.destinations[0].outcome {
            Outcome::Planned => false,
            _ => skipped(&report.destinations[0]).contains("newer object gets the same key"),
        };
        assert_eq!(gives_way, report.key.as_str().starts_with("0/") != first_wins, "{}", &report.key.as_str()[..7]);
    }
}

#[tokio::test]
async fn a_work_directory_that_cannot_be_used_ends_the_run_before_the_first_copy() {
    let mut stage = copied_already().await;
    stage.options.work_dir = "/no/such/directory".into();
    stage.source.put_object(BUCKET, "in/new", "not there yet");
    for skip_existing in [false, true] {
        stage.options.skip_existing = skip_existing;
        let renamed = stage.renamed("{folder}/{name}", "{folder}-{name}", false);
        let shared = stage.renamed("{folder}/{name}", "{name}", false);
        for route in [renamed, shared].into_iter().chain(skip_existing.then(|| stage.straight())) {
            stage.requests();
            let (reports, error) = finish(stage.copy(route)).await;
            let Some(Error::WorkDir(transship::spill::Error { directory, .. })) = error else {
                panic!("no error: {error:?}")
            };
            assert_eq!((directory.as_path(), reports.len()), (Path::new("/no/such/directory"), 0));
            assert_eq!(stage.requests(), []);
        }
    }
}
