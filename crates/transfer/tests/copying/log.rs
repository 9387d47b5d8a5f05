//! What the log says of destinations that are tried again.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::StreamExt;
use transship_testbed::s3::{Effect, Fault, Operation as Op};

use crate::stage::{BUCKET, MIB, Stage, content, opened, verified};

#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    pub(crate) fn with(&self, words: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(words)).map(str::to_owned).collect()
    }
}

/// Keeps this thread's log while it lives.
pub(crate) fn logged() -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let to = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false);
    (lines, tracing::subscriber::set_default(subscriber.with_writer(move || to.clone()).finish()))
}

#[tokio::test]
async fn a_destination_that_is_left_behind_is_warned_of_by_name_and_once() {
    let mut stage = Stage::with_sites(2).await;
    stage.options.longest_lag = Duration::from_millis(100);
    stage.source.put_object(BUCKET, "single", content(24 * MIB, 1));
    stage.sites[0].faults().add(Fault::new(Effect::Delay(Duration::from_secs(5))).on(Op::PutObject).times(1));
    let (lines, _guard) = logged();
    let copied = stage.copy("single").await;
    copied.targets.iter().for_each(|placed| assert!(verified(placed).proves_content()));
    let told = lines.with("left behind");
    assert_eq!(told.len(), 1, "{told:#?}");
    let place = format!("write {} \"single\": ", opened(stage.site()).location());
    assert!(told[0].contains("WARN") && told[0].contains(&place) && told[0].contains("next try in"), "{told:#?}");
}

#[tokio::test]
async fn one_failure_that_is_made_up_for_is_one_line() {
    let stage = Stage::new().await;
    stage.source.put_object(BUCKET, "small", "bytes");
    stage.site().faults().add(Fault::answer(500, "InternalError").on(Op::PutObject).times(1));
    let (lines, _guard) = logged();
    verified(&stage.copy("small").await.targets[0]);
    let told = lines.with("InternalError");
    assert!(told.len() == 1 && told[0].contains("DEBUG"), "{told:#?}");
}

#[tokio::test]
async fn a_destination_that_does_not_answer_while_others_do_is_warned_of_by_name_and_once() {
    let mut stage = Stage::with_sites(2).await;
    stage.options.longest_lag = Duration::from_millis(100);
    let mut jobs = Vec::new();
    for n in 0..5 {
        let key = n.to_string();
        stage.source.put_object(BUCKET, &key, "bytes");
        jobs.push(crate::stage::job(stage.listed(&key).await, 2));
    }
    stage.sites[0].faults().add(Fault::new(Effect::Delay(Duration::from_millis(600))).on(Op::PutObject));
    let (lines, _guard) = logged();
    let copied: Vec<_> = stage.copier().run(futures::stream::iter(jobs)).collect().await;
    copied.iter().flat_map(|copied| &copied.targets).for_each(|placed| assert!(verified(placed).proves_content()));
    let told = lines.with("has not answered for");
    assert!(told.len() == 1 && told[0].contains("WARN"), "{told:#?}");
    assert!(told[0].contains(opened(stage.site()).location()), "{told:#?}");
}

#[tokio::test]
async fn nothing_is_said_of_a_next_try_when_there_is_none() {
    let mut stage = Stage::with_sites(2).await;
    (stage.options.longest_lag, stage.options.grace) = (Duration::from_millis(300), Duration::from_secs(5));
    stage.source.put_object(BUCKET, "single", content(24 * MIB, 1));
    let listed = stage.listed("single").await;
    let hits = stage.sites[0].faults().add(Fault::new(Effect::Delay(Duration::from_secs(60))).on(Op::PutObject));
    let (lines, _guard) = logged();
    let copier = stage.copier();
    let running = tokio::spawn(async move { copier.copy(crate::stage::job(listed, 2)).await });
    while hits.count() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stage.cancel.cancel();
    let copied = running.await.unwrap();
    assert!(matches!(copied.targets[0].result, Err(transship_transfer::Failure::Cancelled)), "{:?}", copied.targets);
    assert!(verified(&copied.targets[1]).proves_content());
    let told = lines.with("next try");
    assert!(told.is_empty(), "{told:#?}");
}
